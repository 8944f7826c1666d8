// A second click while the first is on its way sends nothing. Pages work without this script;
// the server itself does nothing twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});

// One tick for all of a list; without this script each is ticked by itself.
for (const all of document.querySelectorAll("[data-tick-all]")) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const one of all.form.querySelectorAll(`[name="${all.dataset.tickAll}"]`)) {
      one.checked = all.checked;
    }
  });
}

// Back to a page from the browser's memory: its forms may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// What a filing page left on this device while the line was down is sent from whatever page is
// opened next. Filing pages look after their own texts.
async function sendWhatWaits() {
  for (const source of document.body.dataset.deviceScripts.split(" ")) {
    const script = Object.assign(document.createElement("script"), { src: source });
    await new Promise((done, failed) => {
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
  }
  for (const outcome of await portalDevice.sendAll()) {
    const done = ["kept", "saved", "submitted"].includes(outcome.state);
    const said = document.createElement("p");
    said.className = `callout ${done ? "callout-ok" : "callout-bad"}`;
    said.setAttribute("role", "status");
    said.textContent = `${document.body.dataset[done ? "deviceSent" : "deviceLook"]} `;
    const link = Object.assign(document.createElement("a"), { href: outcome.url });
    link.textContent = outcome.url;
    said.append(link);
    document.getElementById("main").prepend(said);
    if (outcome.fields) showStuck(said, outcome);
  }
}

// A text whose report takes no text any more (it is accepted, or the correction is gone) can be
// read here by its writer, and thrown away.
function showStuck(place, { name, fields }) {
  const words = document.body.dataset;
  const details = document.createElement("details");
  details.append(Object.assign(document.createElement("summary"), { textContent: words.deviceShow }));
  const typed = fields.filter(
    ([field, value]) =>
      value.trim() && !/token|^version$|^revision$|^request_key$|_FORMS$|-(key|id)$/.test(field),
  );
  const text = Object.assign(document.createElement("p"), { className: "prose" });
  text.textContent = typed.map(([field, value]) => `${field}: ${value}`).join("\n");
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    className: "btn btn-outline-primary",
    textContent: words.deviceDrop,
  });
  button.addEventListener("click", async () => {
    await portalDevice.drop(name);
    place.remove();
    details.remove();
  });
  details.append(text, button);
  place.after(details);
}

let textsWait = false;
try {
  textsWait = localStorage.getItem("portal-texts-wait") === "yes";
} catch {
  // A browser that keeps nothing has nothing to send.
}
if (textsWait && !document.getElementById("filing")) {
  const send = () => sendWhatWaits().catch(() => {});
  addEventListener("online", send);
  send();
}
