// Answers when the line is down, with a page that holds nothing of anybody's, and sends what waits
// on this device when the line comes back while no page is open. Keeps no page and no answer of the
// portal: what is on them is not for whoever sits down next.
importScripts("/static/vendor/idb/idb.js", "/static/portal/device.js");

const SHELL = "portal-shell-1";
const FILES = [
  "/offline/",
  "/static/vendor/bootstrap/bootstrap.min.css",
  "/static/portal/portal.css",
  "/static/portal/mark.svg",
];

self.addEventListener("install", (event) => {
  const requests = FILES.map((path) => new Request(path, { credentials: "omit" }));
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys().then((names) =>
      Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))),
    ),
  );
});

self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(() => caches.match("/offline/")));
  } else if (FILES.includes(new URL(event.request.url).pathname)) {
    event.respondWith(fetch(event.request).catch(() => caches.match(event.request)));
  }
});

self.addEventListener("sync", (event) => {
  if (event.tag === "portal-texts") event.waitUntil(portalDevice.sendAll());
});
