// Boxes and regions over a picture can be hidden, to see the picture as it is.

export function prepareMarks() {
  for (const button of document.querySelectorAll("[data-marks]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const hidden = document.body.classList.toggle("marks-off");
      button.setAttribute("aria-pressed", String(!hidden));
    });
  }
}
