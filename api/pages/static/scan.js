// A running scan: its figures are asked for again every other second, and put in place of the old ones. When it has
// ended the page is loaded once more, for the rows. Without this script the link “Reload” does it.
const EVERY = 2000;
const SLOWER = 15000;

let wait = EVERY;

function panel() {
  return document.getElementById("progress");
}

function announce(text) {
  const place = document.querySelector("[data-announces]");
  if (place && place.textContent !== text) place.textContent = text;
}

async function fresh(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  return made.getElementById("progress");
}

function put(made) {
  const old = panel();
  const held = old.contains(document.activeElement);
  old.replaceWith(made);
  // whoever was about to press the button keeps it under the finger
  if (held) made.querySelector("button")?.focus();
}

async function look() {
  try {
    const made = await fresh(panel().dataset.at);
    const ended = made.dataset.live === "no";
    const rows = made.dataset.checked !== panel().dataset.checked;
    put(made);
    wait = EVERY;
    if (ended) return location.reload();
    if (rows) announce(made.querySelector("#progress-told").textContent);
  } catch {
    wait = Math.min(SLOWER, wait * 2); // the service is away: ask again, more seldom
  }
  later();
}

function later() {
  setTimeout(() => (document.hidden ? later() : look()), wait);
}

if (panel()?.dataset.live === "yes") {
  document.querySelector("[data-reload]").hidden = true;
  later();
}
