"use strict";
const form = document.getElementById("stripe");
const stripe = Stripe(form.dataset.key);
const card = stripe.elements().create("card");
card.mount("#card");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = form.querySelector(".status");
  const button = form.querySelector("button");
  button.disabled = true;
  status.textContent = "One moment …";
  const { error } = await stripe.confirmCardPayment(form.dataset.secret, { payment_method: { card } });
  if (error) {
    status.textContent = error.message;
    button.disabled = false;
  } else {
    status.textContent = "Thank you, it is paid.";
  }
});
