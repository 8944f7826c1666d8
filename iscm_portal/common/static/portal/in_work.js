// Shows how far an import or a compile is while the portal works on it; when that is done, the page
// as it is then. Without this script the page has a link that does the same.
(() => {
  const PAUSE = 1500;
  const shown = () => document.querySelector("[data-in-work]");
  // Where the portal does the work before it answers, the answer brings the page as it is then.
  let isAnswerAwaited = false;

  function show(page) {
    shown().replaceChildren(...page.querySelector("[data-in-work]").childNodes);
    const steps = document.querySelector("[data-steps]");
    const now = page.querySelector("[data-steps]");
    // Only where they have changed: else the focus would be lost.
    if (steps.dataset.steps !== now.dataset.steps) steps.replaceWith(now);
  }

  async function look() {
    try {
      const answer = await fetch(shown().dataset.address);
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (page.querySelector("[data-in-work]")?.dataset.inWork === "yes") show(page);
        else if (!isAnswerAwaited) return location.assign(shown().dataset.address);
      }
    } catch {
      // The line is down: look again later.
    }
    setTimeout(look, PAUSE);
  }

  if (shown()?.dataset.inWork === "yes") setTimeout(look, PAUSE);
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-long]") || isAnswerAwaited) return;
    isAnswerAwaited = true;
    setTimeout(look, PAUSE);
  });
})();
