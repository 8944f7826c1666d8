// Sends a file and says how far it is. On a bad line it goes on trying by itself: each try carries
// the same key, so that the file arrives once. Without this script the form is a plain one.
(() => {
  const form = document.querySelector("form[data-upload]");
  const status = document.getElementById("uploading");
  const most = Number(form.dataset.most);
  const LATEST = 60000;
  let pause = 1000;
  let sending = false;

  function say(state, number = "") {
    status.hidden = false;
    status.textContent = status.dataset[state].replace("{n}", number);
    status.classList.toggle("saving-bad", state === "large");
    status.classList.toggle("saving-warn", state === "line");
  }

  function refuse(problems) {
    sending = false;
    status.hidden = false;
    status.textContent = `▲ ${problems.join(" ")}`;
    status.classList.add("saving-bad");
    form.querySelector("button").disabled = false;
    form.elements.file.focus();
  }

  function again() {
    say("line");
    setTimeout(send, pause);
    pause = Math.min(pause * 2, LATEST);
  }

  function send() {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) say("progress", Math.floor((event.loaded / event.total) * 100));
    });
    request.addEventListener("error", again);
    request.addEventListener("timeout", again);
    request.addEventListener("load", () => {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // a proxy's page, not ours
      }
      if (request.status === 200 && answer.url) {
        sending = false;
        location.assign(answer.url);
      } else if (answer.problems) {
        refuse(answer.problems);
      } else if (request.status >= 500 || request.status === 0) {
        again();
      } else {
        refuse([status.dataset.refused]);
      }
    });
    request.send(new FormData(form));
  }

  form.addEventListener("submit", (event) => {
    const file = form.elements.file.files[0];
    if (!file) return;
    event.preventDefault();
    if (sending) return;
    if (file.size > most) {
      say("large");
      form.elements.file.focus();
      return;
    }
    sending = true;
    form.querySelector("button").disabled = true;
    say("progress", 0);
    send();
  });
  addEventListener("online", () => (pause = 1000));
  addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });
})();
