// What this device keeps while the line is down: texts of filing pages, sealed.
//
// A text lies here as AES-GCM under a key that the server gives to the person who is signed in and
// that no page stores: whoever finds the device can't read it. In clear stand only whose it is (a
// number), the page's address, and whether it was being typed or is filed and waits for the line.
// Used by filing pages, by every other page that finds something waiting, and by the worker.
const portalDevice = (() => {
  const STORE = "texts";
  const FLAG = "portal-texts-wait";
  let opened;

  function database() {
    opened ??= idb.openDB("iscm-portal", 1, {
      upgrade(db) {
        db.createObjectStore(STORE, { keyPath: "name" });
      },
    });
    return opened;
  }

  function unsealKey(text) {
    const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  }

  // ``about``: {name, user, path, kind: "typing" | "filed"}; ``content`` is plain data.
  async function keep(key, about, content) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(content));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
    await (await database()).put(STORE, { ...about, iv, sealed });
    globalThis.localStorage?.setItem(FLAG, "yes");
  }

  async function read(key, entry) {
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: entry.iv }, key, entry.sealed);
    return JSON.parse(new TextDecoder().decode(plain));
  }

  async function drop(name) {
    const db = await database();
    await db.delete(STORE, name);
    if (!(await db.count(STORE))) globalThis.localStorage?.removeItem(FLAG);
  }

  // The texts of ``user`` that no open page is working on. A page that is just being left may hold
  // its text for a moment yet: ``patience`` is for how long to wait for it (milliseconds).
  async function left(user, patience = 0) {
    const { held } = await navigator.locks.query();
    const open = new Set(held.map((lock) => lock.name));
    const entries = (await (await database()).getAll(STORE)).filter((entry) => entry.user === user);
    const free = (entry) =>
      navigator.locks
        .request(entry.name, { signal: AbortSignal.timeout(patience) }, () => true)
        .catch(() => false);
    const isLeft = await Promise.all(
      entries.map((entry) => !open.has(entry.name) || (patience > 0 && free(entry))),
    );
    return entries.filter((_entry, number) => isLeft[number]);
  }

  function post(path, fields, csrf, more = {}) {
    return fetch(path, {
      ...more,
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "application/json", "X-CSRFToken": csrf },
    });
  }

  async function session() {
    const answer = await fetch("/filing/session/", { headers: { Accept: "application/json" } });
    return answer.ok ? answer.json() : null;
  }

  // Send what waits here, if its writer is signed in. Returns what came of each: {state, url}, and
  // {name, fields} of a text that no report takes any more. None is thrown away unasked.
  async function sendAll(wanted = () => true) {
    return navigator.locks.request("portal-sending", { ifAvailable: true }, async (lock) => {
      const outcomes = [];
      const person = lock && (await session());
      if (!person) return outcomes;
      const key = await unsealKey(person.key);
      for (const entry of (await left(person.user)).filter(wanted)) {
        const { fields } = await read(key, entry);
        const typing = entry.kind === "typing";
        const answer = await post(typing ? `${entry.path}keep/` : entry.path, fields, person.csrf);
        if (answer.status >= 500) continue;
        // An address that is gone (a correction that was taken over) answers with a page.
        const told = await answer.json().catch(() => ({ state: "gone" }));
        if (answer.ok || ["invalid", "incomplete", "conflict"].includes(told.state)) {
          await drop(entry.name);
        }
        const state = typing && answer.ok ? "kept" : told.state;
        const stuck = ["closed", "gone"].includes(state) ? { name: entry.name, fields } : {};
        outcomes.push({ url: entry.path, ...told, ...stuck, state });
      }
      return outcomes;
    });
  }

  function waits() {
    return globalThis.localStorage?.getItem(FLAG) === "yes";
  }

  return { unsealKey, keep, read, drop, left, post, session, sendAll, waits };
})();
