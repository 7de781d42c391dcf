"use strict";
const form = document.getElementById("stripe");
const status = form.querySelector(".status");
const button = form.querySelector("button");

function again(words) {
  status.textContent = words;
  button.disabled = false;
}

if (typeof Stripe === "undefined") {
  again("The payment form could not be loaded. Please load this page again.");
} else {
  const stripe = Stripe(form.dataset.key);
  const card = stripe.elements().create("card");
  card.mount("#card");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    status.textContent = "One moment …";
    try {
      const { error } = await stripe.confirmCardPayment(form.dataset.secret, { payment_method: { card } });
      if (error) {
        again(error.message);
      } else {
        status.textContent = "Thank you, it is paid.";
      }
    } catch (error) {
      again("Stripe did not respond. Please load this page again to see whether the payment was made.");
    }
  });
}
