// A page of a report: keeps what is typed on the server, on this device while there is no line, and
// files when the line is back. Which text is newer is decided by the server's revisions, never by a
// clock. Without this script the page is a plain form.
(() => {
  const form = document.getElementById("filing");
  const status = document.getElementById("saving");
  const user = Number(form.dataset.user);
  const path = location.pathname;
  // One text for each open page, so that two windows never overwrite each other's.
  const name = `${user} ${path} ${crypto.randomUUID?.() ?? Math.random()}`;
  const about = { name, user, path };
  const APART = ["csrfmiddlewaretoken", "version", "revision", "request_key"];
  const QUIET = 700; // after the last key
  const LONGEST = 2000; // while somebody types on without a pause
  const SOONEST = 1000;
  const LATEST = 60000;

  let key = null; // null: this browser keeps nothing
  let known = "unkept" in form.dataset ? "" : content(); // what the server has
  let filed = null; // the fields of a filing that waits for the line
  let busy = false;
  let stopped = false; // another window, or the report is closed: a person must look
  let pause = SOONEST;
  let timer = 0;
  let unkeptSince = null; // of the page's own clock: for the pace, not to say which text is newer
  let onDevice = null; // the content that this device has
  let doing = Promise.resolve(); // what is done on the device, one after the other
  let noted = false; // the device's next step takes up what is typed now
  let gone = false; // the page is being left: nothing is kept any more

  // --- the form as data

  function fields() {
    return [...new FormData(form)].filter(([, value]) => typeof value === "string");
  }

  function content() {
    return JSON.stringify(fields().filter(([field]) => !APART.includes(field)));
  }

  function csrf() {
    return form.elements.csrfmiddlewaretoken.value;
  }

  // --- what the page says

  function say(state, at = "") {
    const sentence = (status.dataset[state] ?? "").replace("{at}", at);
    const sign = { kept: "✓", typing: "…" }[state] ?? "▲";
    const text = `${sign} ${sentence}`;
    if (status.textContent !== text) status.textContent = text;
    status.classList.toggle("saving-warn", ["typing", "device", "queued"].includes(state));
    status.classList.toggle("saving-bad", !["kept", "typing", "device", "queued"].includes(state));
  }

  function warn(sentence) {
    const place = document.getElementById("newer");
    place.hidden = !sentence;
    place.textContent = sentence;
  }

  // --- the device

  function next(step) {
    doing = doing.then(step).catch(() => {
      key = null; // full, or refused by the browser: say so instead of pretending
      onDevice = null;
    });
    return doing;
  }

  // Keep what the form holds (or the filing that waits) on this device, at once: a page that is
  // left, or a battery that is empty, waits for nobody.
  function keepHere() {
    if (!key || noted || gone) return doing;
    noted = true;
    return next(async () => {
      noted = false;
      if (!key || gone) return;
      const text = content();
      const kind = filed ? "filed" : "typing";
      await portalDevice.keep(key, { ...about, kind }, { fields: filed ?? fields() });
      onDevice = text;
    });
  }

  function dropHere() {
    return next(async () => {
      if (!key) return;
      onDevice = null;
      await portalDevice.drop(name);
    });
  }

  // Whatever was asked of the device until now is done.
  async function settled() {
    for (let last = null; last !== doing; await last) last = doing;
  }

  async function noLine() {
    await settled(); // "kept on this device" is said of a text that lies there
    say(filed ? (key ? "queued" : "nowhere") : key ? "device" : "nowhere");
    // The browser sends it when the line is back, also while no page of the portal is open.
    if (key) navigator.serviceWorker?.ready.then((worker) => worker.sync?.register("portal-texts")).catch(() => {});
    clearTimeout(timer);
    // A little by chance, so that an office whose line comes back doesn't call all at once.
    timer = setTimeout(work, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, LATEST);
  }

  // --- keeping and filing

  function typed() {
    if (filed && !busy) {
      // It has not gone out yet: it goes as the page reads now, under a name of its own.
      form.elements.request_key.value = crypto.randomUUID();
      filed = [...fields(), filed.at(-1)];
    }
    keepHere();
    // The server waits for a person, or the filing for its answer; what is typed does not.
    if (filed || stopped) return;
    say("typing");
    clearTimeout(timer);
    unkeptSince ??= performance.now();
    timer = setTimeout(work, Math.max(0, Math.min(QUIET, unkeptSince + LONGEST - performance.now())));
  }

  async function work() {
    if (busy || stopped) return;
    busy = true;
    try {
      await (filed ? sendFiled() : sendTyped());
    } catch {
      await noLine();
    } finally {
      busy = false;
    }
    // What was typed meanwhile; after a failed try the next one is set already.
    if (!filed && !stopped && pause === SOONEST && content() !== known) typed();
  }

  async function sendTyped() {
    const text = content();
    if (text === known) return;
    unkeptSince = null;
    const sent = fields();
    await keepHere();
    const answer = await portalDevice.post(form.dataset.keep, sent, csrf());
    if (answer.status >= 500) throw new Error("the server failed");
    const told = await toldBy(answer);
    if (answer.ok) {
      pause = SOONEST;
      known = text;
      form.elements.revision.value = told.revision;
      sessionStorage.setItem(path, JSON.stringify([form.elements.version.value, told.revision]));
      if (content() === text) {
        await dropHere();
        say("kept", told.at);
      }
      warn(told.newer);
    } else {
      await refused(told.state);
    }
  }

  // An address that is gone (a correction that was taken over) answers with a page.
  function toldBy(answer) {
    return answer.json().catch(() => ({ state: "closed" }));
  }

  async function sendFiled() {
    const sent = filed;
    const text = content();
    const answer = await portalDevice.post(path, sent, csrf());
    if (answer.status >= 500) throw new Error("the server failed");
    const told = await toldBy(answer);
    if (answer.ok && content() !== text) {
      // Typed while the filing was on its way: it is kept, and shown beside what is stored now.
      filed = null;
      await keepHere();
      known = content();
      gone = stopped = true;
      location.reload();
    } else if (answer.ok) {
      await dropHere();
      leave(told.url);
    } else if (answer.status === 403 || told.state === "closed") {
      await refused(told.state);
    } else {
      // Something needs mending or choosing: the server shows the page with what was typed.
      const button = filed.at(-1);
      const extra = Object.assign(document.createElement("input"), { type: "hidden" });
      [extra.name, extra.value] = button;
      form.append(extra);
      known = content();
      gone = stopped = true; // this page is done; the next one begins from what the server shows
      await dropHere();
      HTMLFormElement.prototype.submit.call(form);
    }
  }

  async function refused(state) {
    if (state === "token") {
      const person = await portalDevice.session();
      if (person?.user === user) {
        form.elements.csrfmiddlewaretoken.value = person.csrf;
        pause = SOONEST;
        clearTimeout(timer);
        timer = setTimeout(work, SOONEST);
        return;
      }
      state = "signed_out";
    }
    stopped = true;
    say({ signed_out: "signedOut", other_window: "window", too_long: "tooLong" }[state] ?? "closed");
    if (state === "signed_out") askToSignIn();
  }

  function leave(url) {
    known = content();
    gone = stopped = true;
    location.assign(url);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (filed) return; // a second click
    const button = event.submitter ?? form.querySelector("button[type=submit]");
    filed = [...fields(), [button.name, button.value]];
    stopped = false;
    clearTimeout(timer);
    await keepHere();
    while (busy) await new Promise((done) => setTimeout(done, 20));
    // A revision that came in since the click is the one that the server knows.
    filed = filed.map(([field, value]) => [
      field,
      field === "revision" ? form.elements.revision.value : value,
    ]);
    await work();
  });

  form.addEventListener("input", typed);
  form.addEventListener("change", typed);
  addEventListener("online", () => {
    pause = SOONEST;
    work();
  });
  document.addEventListener("visibilitychange", () => work());
  addEventListener("beforeunload", (event) => {
    // Only where nothing else holds the text.
    const text = content();
    if (!gone && text !== known && !(key && text === onDevice)) event.preventDefault();
  });
  // The page is left: what the server has not seen yet goes out with it. Should it not arrive, the
  // device has it.
  addEventListener("pagehide", () => {
    if (gone || stopped || filed || content() === known) return;
    portalDevice.post(form.dataset.keep, fields(), csrf(), { keepalive: true }).catch(() => {});
  });
  // Thrown away on purpose.
  document.getElementById("discard").addEventListener("submit", () => {
    gone = stopped = true;
    dropHere();
  });
  // The browser's memory of an older state of the page is not what the server has.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // --- signing in again, in place

  const dialog = document.getElementById("sign-in-again");

  function askToSignIn() {
    if (!dialog.open) dialog.showModal();
  }

  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const entry = event.target;
    const told = dialog.querySelector("[role=alert]");
    try {
      const page = await (await fetch("/accounts/login/")).text();
      const token = new DOMParser().parseFromString(page, "text/html");
      const answer = await fetch("/accounts/login/", {
        method: "POST",
        body: new URLSearchParams(new FormData(entry)),
        headers: {
          Accept: "application/json",
          "X-Requested-With": "XMLHttpRequest",
          "X-CSRFToken": token.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "",
        },
      });
      if (!answer.ok) {
        told.textContent = told.dataset.wrong;
        return;
      }
      const person = await portalDevice.session();
      if (person.user !== user) {
        leave("/"); // the text stays sealed until its own writer comes
        return;
      }
      form.elements.csrfmiddlewaretoken.value = person.csrf;
      entry.reset();
      dialog.close();
      stopped = false;
      pause = SOONEST;
      await work();
    } catch {
      told.textContent = told.dataset.line;
    }
  });

  // --- rows

  for (const paragraph of document.querySelectorAll(".add-row")) {
    paragraph.hidden = false;
    paragraph.querySelector("button").addEventListener("click", (event) => {
      const row = addRow(event.target.dataset.add);
      row.querySelector("input:not([type=hidden]), select, textarea").focus();
    });
  }

  function addRow(prefix) {
    const rows = form.querySelector(`[data-rows="${prefix}"]`);
    const total = form.elements[`${prefix}-TOTAL_FORMS`];
    const html = rows.querySelector("template").innerHTML.replaceAll("__prefix__", total.value);
    const holder = document.createElement("div");
    holder.innerHTML = html;
    form.elements[`${prefix}-TOTAL_FORMS`].value = Number(total.value) + 1;
    rows.append(holder);
    holder.querySelector("[name$='-key']").value = crypto.randomUUID();
    return holder;
  }

  // Put a text that this device kept back into the form.
  function restore(sent) {
    const values = new Map();
    for (const [field, value] of sent) {
      if (!APART.includes(field)) values.set(field, [...(values.get(field) ?? []), value]);
    }
    for (const [field, [count]] of values) {
      const [, prefix] = field.match(/^(.+)-TOTAL_FORMS$/) ?? [];
      while (prefix && form.elements[field].value < Number(count)) addRow(prefix);
    }
    const nth = {}; // several fields of one name have their values in the form's order
    for (const element of form.elements) {
      if (!element.name || APART.includes(element.name) || element.type === "submit") continue;
      const found = values.get(element.name) ?? [];
      if (["checkbox", "radio"].includes(element.type)) {
        element.checked = found.includes(element.value);
      } else {
        nth[element.name] = (nth[element.name] ?? -1) + 1;
        element.value = found[nth[element.name]] ?? "";
      }
      if (found[0] && element.closest("details")) element.closest("details").open = true;
    }
  }

  // A text that was typed on an older state of the page: the server shows both.
  function compare(sent) {
    const other = document.createElement("form");
    other.method = "post";
    for (const [field, value] of [...sent, ["compare", "1"]]) {
      if (field === "csrfmiddlewaretoken") continue;
      const input = Object.assign(document.createElement("textarea"), { name: field, value });
      other.append(input);
    }
    other.append(form.elements.csrfmiddlewaretoken.cloneNode());
    other.hidden = true;
    document.body.append(other);
    HTMLFormElement.prototype.submit.call(other);
  }

  async function takeUp() {
    const opened = content();
    const mine = (await portalDevice.left(user, 3000)).filter((entry) => entry.path === path);
    for (const entry of mine) {
      if (content() !== opened) return; // written on meanwhile: what lies here waits for next time
      const { fields: sent } = await portalDevice.read(key, entry);
      const value = (field) => sent.find(([one]) => one === field)?.[1];
      const text = JSON.stringify(sent.filter(([one]) => !APART.includes(one)));
      const seen = ["version", "revision"].every((one) => value(one) === form.elements[one].value);
      if (entry.kind === "filed") {
        filed = sent; // goes on as it was pressed; the server does it once
        form.elements.request_key.value = value("request_key");
        await keepHere();
        await portalDevice.drop(entry.name);
        await work();
        return;
      }
      if (text === known) {
        await portalDevice.drop(entry.name);
      } else if (seen && !("compared" in form.dataset)) {
        restore(sent);
        await keepHere();
        await portalDevice.drop(entry.name);
        say("device");
        await work();
        return;
      } else if (!("compared" in form.dataset)) {
        compare(sent);
        return;
      } else {
        // What the page shows holds it; once that is kept it has done its work.
        known = "";
        await work();
        if (content() === known) await portalDevice.drop(entry.name);
      }
    }
  }

  // A page that this window asked for while its last save was still on its way can be older than
  // what was saved. Asked once: what was thrown away meanwhile is not on the server either.
  function overtaken() {
    const [version, revision] = JSON.parse(sessionStorage.getItem(path) ?? "[]");
    sessionStorage.removeItem(path);
    const { elements } = form;
    return version === elements.version.value && revision > Number(elements.revision.value);
  }

  async function start() {
    if (!("unkept" in form.dataset) && overtaken()) {
      gone = stopped = true;
      location.reload();
      return;
    }
    if (known === "") typed();
    try {
      // Held as long as the page lives: others see that this text has an owner.
      navigator.locks.request(name, () => new Promise(() => {}));
      key = await portalDevice.unsealKey(form.dataset.key);
      await takeUp();
    } catch {
      key = null;
    }
    // What other pages of reports left here goes out too; without a line it waits.
    if (key) portalDevice.sendAll((entry) => entry.path !== path).catch(() => {});
    navigator.serviceWorker?.register("/worker.js").catch(() => {});
  }
  start();
})();
