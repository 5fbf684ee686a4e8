// Checking without leaving the page: a picture is dropped or chosen, sent, and shown from the browser's own copy, since the
// service keeps nothing of one that isn't flagged. Without this script the form is sent as ever.

const form = document.querySelector("[data-check]");
const drop = form?.querySelector("[data-drop]");
const input = form?.querySelector("input[type=file]");
let shown = null;

function acceptDrops() {
  drop.querySelector("[data-dropping]").hidden = false;
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) input.files = event.dataTransfer.files;
  });
}

// The picture of the answer, from the file that was chosen; a format this browser can't show leaves the sentence there.
function showOwnCopy(result, file) {
  const frame = result.querySelector("[data-local]");
  if (!frame || !file) return;
  if (shown) URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(file);
  const picture = frame.querySelector("img");
  picture.addEventListener("load", () => {
    frame.hidden = false;
    frame.parentElement.querySelector(".missing").hidden = true;
  });
  picture.src = shown;
}

function replaceResult(text, file) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("result");
  if (!fresh) return false;
  document.getElementById("result").replaceWith(fresh);
  showOwnCopy(fresh, file);
  fresh.focus();
  return true;
}

function say(text) {
  const notice = document.createElement("p");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  document.getElementById("result").replaceChildren(notice);
}

async function send(event) {
  event.preventDefault();
  const button = form.querySelector("button.primary");
  const file = input.files[0];
  button.disabled = true;
  button.textContent = "Checking…";
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (response.redirected && new URL(response.url).pathname === "/sign-in") location.assign("/sign-in?next=/check");
    else if (!replaceResult(await response.text(), file)) say("The picture could not be checked: it may be too large.");
  } catch {
    say("The service could not be reached. Please try once more.");
  } finally {
    button.disabled = false;
    button.textContent = "Check";
  }
}

if (form) {
  acceptDrops();
  form.addEventListener("submit", send);
}
