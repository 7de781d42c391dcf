// Spares reloads, counts down, and keeps an open page up to date. Every page works without it.
const root = document.documentElement;
const words = root.dataset;
root.classList.add("js");

const notice = document.createElement("p");
notice.className = "offline";
notice.setAttribute("role", "status");

function say(text) {
  notice.textContent = text;
  if (text) document.body.prepend(notice);
  else notice.remove();
}

// Shows the main part of another page in this one.
function show(html, url, focus) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const main = page.querySelector("main");
  if (!main) return false;
  document.querySelector("main").replaceWith(main);
  document.title = page.title;
  root.lang = page.documentElement.lang;
  const old = document.querySelector("header nav");
  const nav = page.querySelector("header nav");
  if (old && nav) old.replaceWith(nav);
  if (url && url !== location.href) history.pushState(null, "", url);
  begin();
  const first = focus && main.querySelector(focus);
  if (first) first.focus();
  return true;
}

async function load(url, focus) {
  const main = document.querySelector("main");
  main.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { headers: { accept: "text/html" } });
    if (!show(await response.text(), response.url, focus)) location.assign(url);
    say("");
    return true;
  } catch {
    say(words.offline);
    return false;
  } finally {
    main.removeAttribute("aria-busy");
  }
}

// A form that changes something is sent once: its key makes a repetition the same request.
async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((b) => (b.disabled = true));
  say(words.wait);
  try {
    const response = await fetch(form.action, { method: "POST", body: fields, headers: { accept: "text/html" } });
    if (response.redirected && new URL(response.url).origin === location.origin) {
      location.assign(response.url);
      return;
    }
    show(await response.text(), null, "[data-focus]");
    say("");
  } catch {
    say(words.unsent);
    buttons.forEach((b) => (b.disabled = false));
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const { submitter } = event;
  if (form.hasAttribute("data-send")) {
    event.preventDefault();
    send(form, submitter);
  } else if (form.hasAttribute("data-load")) {
    event.preventDefault();
    load(form.action + "?" + new URLSearchParams(new FormData(form)));
  }
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.hasAttribute("data-load") && event.target.checkValidity()) {
    const { id } = event.target;
    load(form.action + "?" + new URLSearchParams(new FormData(form)), id && "#" + id);
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-load]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    load(link.href, link.dataset.load);
  }
});

addEventListener("popstate", () => load(location.href));
addEventListener("online", () => say(""));
addEventListener("offline", () => say(words.offline));

// Time left, such as 12:05.
function tick() {
  document.querySelectorAll("[data-until]").forEach((place) => {
    const left = Math.max(0, Math.floor((Date.parse(place.dataset.until) - Date.now()) / 1000));
    const minutes = Math.floor(left / 60);
    const hours = Math.floor(minutes / 60);
    const two = (n) => String(n).padStart(2, "0");
    place.textContent = (hours ? hours + ":" + two(minutes % 60) : minutes) + ":" + two(left % 60);
  });
}
setInterval(tick, 1000);

let stream;
let again;
function begin() {
  stream?.close();
  clearTimeout(again);
  tick();
  const live = document.querySelector("[data-live]");
  if (live) {
    stream = new EventSource(live.dataset.live);
    stream.addEventListener("changed", () => {
      // Not under the hands of somebody who types.
      if (!document.activeElement?.closest("form input, form textarea, dialog")) load(location.href);
    });
    stream.onerror = () => say(words.asof.replace("{time}", live.dataset.now));
    stream.onopen = () => say("");
  }
  const repeat = document.querySelector("form[data-repeat]");
  if (repeat) again = setTimeout(() => send(repeat), 3000);
}
begin();

if (root.dataset.frame) {
  const tell = () => parent.postMessage({ meja: "height", height: root.scrollHeight }, "*");
  new ResizeObserver(tell).observe(document.body);
  tell();
}
