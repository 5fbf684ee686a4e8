// The help dialog: filled when it opens, from the shortcuts that this page has.
import { keysAreOn, promised, turnKeys } from "./keys.js";

function line([keys, meaning]) {
  const term = document.createElement("dt");
  for (const key of keys.split(" ")) {
    const cap = document.createElement("kbd");
    cap.textContent = key === "Enter" ? "↵" : key;
    term.append(cap);
  }
  const told = document.createElement("dd");
  told.textContent = meaning;
  const pair = document.createElement("div");
  pair.append(term, told);
  return pair;
}

function fill(dialog) {
  const list = dialog.querySelector("[data-keys]");
  if (list) list.replaceChildren(...promised().map(line));
  const box = dialog.querySelector("#keys-on");
  if (box) box.checked = keysAreOn();
}

export function prepareDialogs() {
  for (const button of document.querySelectorAll("[data-opens]")) {
    const dialog = document.getElementById(button.dataset.opens);
    if (!dialog) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      fill(dialog);
      dialog.showModal();
    });
  }
  document.getElementById("keys-on")?.addEventListener("change", (event) => turnKeys(event.target.checked));
}
