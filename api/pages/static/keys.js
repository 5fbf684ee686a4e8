// Shortcuts. What has `aria-keyshortcuts` is pressed by that key; `data-tells` says what it does, and the help dialog is
// made of the two, so it can't promise a key that isn't there. Single keys can be turned off, as WCAG 2.1.4 asks.

const OFF = "lookalike.keys.off";

export function keysAreOn() {
  return localStorage.getItem(OFF) === null;
}

export function turnKeys(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
}

function typing(target) {
  const box = target.closest("input, textarea, select, [contenteditable]");
  return box !== null && !["checkbox", "radio", "submit", "button"].includes(box.type);
}

function visible(element) {
  return !element.hidden && !element.disabled && element.getClientRects().length > 0;
}

function holderOf(key) {
  return [...document.querySelectorAll("[aria-keyshortcuts]")].find(
    (element) => element.getAttribute("aria-keyshortcuts").split(" ").includes(key) && visible(element),
  );
}

function press(element) {
  // a step moves the focus itself
  if (!element.matches("[data-step]")) element.focus();
  element.click();
}

export function listenForKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (!keysAreOn() && event.key !== "?") return;
    const element = holderOf(event.key);
    if (element) {
      event.preventDefault();
      press(element);
    }
  });
}

// What the help dialog lists: [key, what it does], in the order of the page.
export function promised() {
  const named = [...document.querySelectorAll("[aria-keyshortcuts][data-tells]")].filter(visible);
  return named.map((element) => [element.getAttribute("aria-keyshortcuts"), element.dataset.tells]);
}
