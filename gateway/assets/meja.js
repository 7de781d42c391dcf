// Spares reloads, counts down, and keeps an open page up to date. Every page works without it.
const root = document.documentElement;
const words = root.dataset;
root.classList.add("js");

// One place for what is said to everybody, screen readers too. It is always there, because a new one is not read.
const notice = document.createElement("p");
notice.className = "notice";
notice.setAttribute("role", "status");
document.body.prepend(notice);
const said = {};

// Says `text` about `what`; without a text it is over.
function say(what, text) {
  said[what] = text;
  notice.textContent = said.offline || said.send || said.load || said.live || "";
}

// For screen readers only: the heading of the part of the page that was loaded.
const heard = notice.cloneNode();
heard.className = "unseen";
document.body.prepend(heard);

// The address without the part after #.
const address = () => location.pathname + location.search;
let shown = address();

// Takes over what was done from a page that is loaded again, while its heading is the same.
function keep(old, now) {
  const done = old?.querySelector(".done");
  const heading = (main) => main.querySelector("h1")?.textContent;
  if (done && now && !now.querySelector(".done") && heading(old) === heading(now)) now.prepend(done);
}

// Shows the main part of another page in this one.
function show(html, url, focus) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const main = page.querySelector("main");
  if (!main) return false;
  const hadFocus = document.activeElement !== document.body;
  for (const part of ["main", "body > header", "body > footer"]) {
    const [old, now] = [document.querySelector(part), page.querySelector(part)];
    if (url === location.href) keep(old, now);
    if (old && now) old.replaceWith(now);
    else if (old) old.remove();
    else if (now) document.body.append(now);
  }
  document.title = page.title;
  root.lang = page.documentElement.lang;
  Object.assign(words, page.documentElement.dataset);
  if (url && url !== location.href) history.pushState(null, "", url);
  shown = address();
  begin();
  (focus && document.querySelector(focus))?.focus();
  // What had the focus is gone.
  if (hadFocus && document.activeElement === document.body) main.focus();
  return true;
}

let loading;
async function load(url, focus, told = focus) {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  document.querySelector("main").setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { headers: { accept: "text/html" }, signal });
    const html = await response.text();
    if (!show(html, response.url, focus)) location.assign(url);
    say("load", "");
    heard.textContent = (told && document.querySelector("[data-say]")?.textContent) || "";
  } catch {
    if (signal.aborted) return;
    document.querySelector("main").removeAttribute("aria-busy");
    say("load", words.offline);
  }
}

// A form that changes something is sent once: its key makes a repetition the same request.
async function send(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((b) => (b.disabled = true));
  say("send", words.wait);
  try {
    const action = button?.getAttribute("formaction") ?? form.action;
    const response = await fetch(action, { method: "POST", body: fields, headers: { accept: "text/html" } });
    if (response.redirected && new URL(response.url).origin === location.origin) {
      location.assign(response.url);
      return;
    }
    if (!show(await response.text(), null, "[data-focus]")) throw new Error("no page");
    say("send", "");
  } catch {
    say("send", words.unsent);
    buttons.forEach((b) => (b.disabled = false));
    if (form.hasAttribute("data-repeat")) again = setTimeout(() => send(form), 3000);
  }
}

const query = (form) => form.action.split("?")[0] + "?" + new URLSearchParams(new FormData(form));

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("data-send")) {
    event.preventDefault();
    send(form, event.submitter);
  } else if (form.hasAttribute("data-load")) {
    event.preventDefault();
    load(query(form), "main");
  }
});

// A date is typed in parts: the times follow when there is no further one.
let typing;
document.addEventListener("change", ({ target }) => {
  const { form, id } = target;
  if (!form?.hasAttribute("data-load") || !target.checkValidity()) return;
  clearTimeout(typing);
  typing = setTimeout(() => load(query(form), "#" + id), target.type === "date" ? 700 : 0);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-load]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    load(link.href, link.dataset.load);
  }
});

// A link within the page is no other page.
addEventListener("popstate", () => {
  if (address() !== shown) load(location.href, "main");
});
addEventListener("online", () => say("offline", ""));
addEventListener("offline", () => say("offline", words.offline));

// Time left, such as 12:05.
function tick() {
  document.querySelectorAll("[data-until]").forEach((place) => {
    const left = Math.max(0, Math.floor((Date.parse(place.dataset.until) - Date.now()) / 1000));
    const minutes = Math.floor(left / 60);
    const hours = Math.floor(minutes / 60);
    const two = (n) => String(n).padStart(2, "0");
    const time = (hours ? hours + ":" + two(minutes % 60) : minutes) + ":" + two(left % 60);
    place.textContent = `(${words.left.replace("{time}", time)})`;
  });
}
setInterval(tick, 1000);

// Do not replace a form while the guest types.
const types = () => document.activeElement?.closest("form input:not([type=hidden]), form textarea, form select");
let changed = false;
function refresh() {
  if (types()) changed = true;
  else {
    changed = false;
    load(location.href, null, true);
  }
}
document.addEventListener("focusout", () => {
  if (changed) setTimeout(refresh, 300);
});

let stream;
let again;
function begin() {
  // What was done is said once, and not again when the page is loaded again.
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    history.replaceState(null, "", here);
    shown = address();
  }
  stream?.close();
  stream = null;
  clearTimeout(again);
  tick();
  say("live", "");
  const live = document.querySelector("[data-live]");
  if (live) {
    stream = new EventSource(live.dataset.live);
    stream.addEventListener("changed", refresh);
    stream.onerror = () => say("live", words.asof.replace("{time}", live.dataset.now));
    stream.onopen = () => say("live", "");
  }
  const repeat = document.querySelector("form[data-repeat]");
  if (repeat) again = setTimeout(() => send(repeat), 3000);
}
begin();

if (words.frame) {
  const tell = () => parent.postMessage({ meja: "height", height: root.scrollHeight }, "*");
  new ResizeObserver(tell).observe(document.body);
  tell();
}
