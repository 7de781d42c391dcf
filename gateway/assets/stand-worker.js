// Keeps the page of the stand and its two files in the browser, so that it can be loaded again without a connection. It keeps
// nothing of the API: the evening is in the storage that the client manages.
const CACHE = "meja-stand";
const SHELL = "/stand";

// The page, and the files that it names.
async function keep(page) {
  const cache = await caches.open(CACHE);
  // Templates write a slash in an attribute as an entity.
  const html = (await page.clone().text()).replaceAll("&#x2f;", "/");
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/stand-[^"]+)"/g)].map(([, path]) => path);
  if (files.length < 2) return;
  const kept = await cache.keys();
  const isOld = ({ url }) => new URL(url).pathname !== SHELL && !files.includes(new URL(url).pathname);
  await Promise.all(files.map(async (path) => (await cache.match(path)) || cache.add(path)));
  await cache.put(SHELL, page);
  await Promise.all(kept.filter(isOld).map((old) => cache.delete(old)));
}

async function fromNetwork(request, waitUntil) {
  try {
    const page = await fetch(request);
    if (page.ok) waitUntil(keep(page.clone()).catch(() => undefined));
    // A gateway that answers with a trouble of its own is no page of the stand.
    return page.status >= 500 ? ((await caches.match(SHELL)) ?? page) : page;
  } catch (error) {
    const kept = await caches.match(SHELL);
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("install", (event) => {
  event.waitUntil(fetch(SHELL).then((page) => page.ok && keep(page)).catch(() => undefined));
  self.skipWaiting();
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  // The rules and the numbers of a venue are pages of their own, which need a connection.
  const isStand = /^\/stand(\/[^/]+(\/print)?)?$/.test(pathname);
  if (event.request.mode === "navigate" && isStand) {
    event.respondWith(fromNetwork(event.request, (done) => event.waitUntil(done)));
  } else if (pathname.startsWith("/assets/stand-")) {
    event.respondWith(caches.match(pathname).then((kept) => kept ?? fetch(event.request)));
  }
});
