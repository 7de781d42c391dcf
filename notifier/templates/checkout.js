"use strict";
const WORDS = {
  id: {
    notLoaded: "Formulir pembayaran tidak dapat dimuat. Mohon muat ulang halaman ini.",
    wait: "Mohon tunggu …",
    paid: "Terima kasih, sudah dibayar.",
    unknown: "Stripe tidak merespons. Mohon muat ulang halaman ini untuk melihat apakah pembayaran sudah masuk.",
  },
  en: {
    notLoaded: "The payment form could not be loaded. Please load this page again.",
    wait: "One moment …",
    paid: "Thank you, it is paid.",
    unknown: "Stripe did not respond. Please load this page again to see whether the payment was made.",
  },
};
const words = WORDS[document.documentElement.lang] ?? WORDS.en;
const form = document.getElementById("stripe");
const status = form.querySelector(".status");
const button = form.querySelector("button");

function again(text) {
  status.textContent = text;
  button.disabled = false;
}

if (typeof Stripe === "undefined") {
  again(words.notLoaded);
} else {
  const stripe = Stripe(form.dataset.key, { locale: document.documentElement.lang });
  const card = stripe.elements().create("card");
  card.mount("#card");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    status.textContent = words.wait;
    try {
      const { error } = await stripe.confirmCardPayment(form.dataset.secret, { payment_method: { card } });
      if (error) {
        again(error.message);
      } else {
        status.textContent = words.paid;
      }
    } catch (error) {
      again(words.unknown);
    }
  });
}
