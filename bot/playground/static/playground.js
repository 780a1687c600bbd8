/* Turns SimCord's page into Tunesmith's playground: a title, and a switch between the people in it. */
"use strict";
(() => {
  const facts = JSON.parse(document.currentScript.dataset.facts);
  const picker = document.getElementById("viewer-picker");
  const [title, subtitle] = document.querySelector(".preview-brand span:last-child").children;
  title.textContent = facts.title;
  subtitle.textContent = facts.subtitle;

  const viewers = document.createElement("fieldset");
  viewers.className = "viewers";
  viewers.append(Object.assign(document.createElement("legend"), { textContent: facts.viewingAs }));
  const buttons = facts.viewers.map(({ name, role }) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(name, Object.assign(document.createElement("small"), { textContent: role }));
    button.addEventListener("click", () => {
      const option = [...picker.options].find((one) => one.textContent === name);
      if (option === undefined || option.selected) return;
      picker.value = option.value;
      picker.dispatchEvent(new Event("change", { bubbles: true }));
    });
    viewers.append(button);
    return button;
  });
  document.querySelector(".viewer-control").after(viewers);

  // Words in SimCord's status line that indicate a failure.
  const TROUBLE = /not completed|uncertain|interrupted|ended|unavailable/;
  const status = document.getElementById("action-status");

  function mark() {
    status.classList.toggle("trouble", TROUBLE.test(status.textContent));
    const current = picker.selectedOptions[0]?.textContent;
    facts.viewers.forEach(({ name }, index) => {
      buttons[index].setAttribute("aria-pressed", String(name === current));
    });
  }
  // Keep the newest answer in view: players that load late would push it off the page.
  const timeline = document.getElementById("channel-timeline");
  const newer = document.getElementById("new-messages");
  let following = true;
  for (const moved of ["wheel", "touchmove"]) {
    timeline.addEventListener(moved, () => { following = false; }, { passive: true });
  }
  document.getElementById("channel-composer").addEventListener("submit", () => { following = true; }, true);
  timeline.addEventListener("click", (event) => {
    if (event.target.closest(".component-button")) following = true;
  }, true);

  function follow() {
    if (!following) return;
    if (!newer.hidden) newer.click();
    timeline.scrollTop = timeline.scrollHeight;
  }

  // Poll: SimCord fills and resets the list without an event.
  setInterval(() => { mark(); follow(); }, 250);
  mark();
})();
