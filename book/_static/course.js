// MathJax cannot break a formula within a line: one that is wider than the screen scrolls inside itself.
const tooWide = () => {
  document.querySelectorAll(".bd-article mjx-container:not([display])").forEach((formula) => {
    formula.classList.remove("too-wide");
    formula.classList.toggle("too-wide", formula.offsetWidth > formula.closest("p, li, td, div").clientWidth);
  });
};
window.addEventListener("load", () => {
  window.MathJax?.startup?.promise?.then(tooWide);
  window.addEventListener("resize", tooWide);
});
