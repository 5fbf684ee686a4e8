// The queue under the keyboard: j and k move between the rows that can be opened, Enter follows the link as ever.

function step(by) {
  const links = [...document.querySelectorAll("[data-queue] a[data-row]")];
  if (links.length === 0) return;
  const at = links.indexOf(document.activeElement);
  const next = at === -1 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[next].focus();
  links[next].closest("li, tr")?.scrollIntoView({ block: "nearest" });
}

export function prepareQueue() {
  for (const button of document.querySelectorAll("[data-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  }
  for (const select of document.querySelectorAll("[data-submits]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
}
