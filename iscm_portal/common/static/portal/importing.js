// Shows how far an import is while the portal works on it; when that is done, the page as it is
// then. Without this script the page has a link that does the same.
(() => {
  const PAUSE = 1500;

  async function look() {
    const shown = document.querySelector("[data-in-work]");
    if (!shown) return;
    try {
      const answer = await fetch(location.href);
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const now = page.querySelector("[data-in-work]");
        if (!now) {
          location.reload();
          return;
        }
        shown.replaceChildren(...now.childNodes);
      }
    } catch {
      // The line is down: look again later.
    }
    setTimeout(look, PAUSE);
  }

  setTimeout(look, PAUSE);
})();
