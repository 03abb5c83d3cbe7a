// Small repairs of the theme, and marks that plain Markdown cannot set. Nothing here is needed to read.
document.addEventListener("DOMContentLoaded", () => {
  const all = (selector) => document.querySelectorAll(selector);

  // Lessons write "> **Statement G1.** ..." and "> **Predict.** ...", which GitHub and Colab show as quotations.
  all(".bd-article blockquote").forEach((quote) => {
    const opening = quote.querySelector("p:first-child > strong:first-child")?.textContent ?? "";
    if (opening.startsWith("Predict")) quote.classList.add("predict");
    if (opening.startsWith("Statement")) quote.classList.add("statement");
  });
});
