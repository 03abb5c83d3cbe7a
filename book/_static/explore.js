// Charts with dials: rnnlib/notebook/explore.py puts a Vega-Lite chart into a figure's metadata, tools/book_site.py
// writes it behind the figure, and here it takes the figure's place on the screen. Print shows the figure.
document.addEventListener("DOMContentLoaded", () => {
  for (const script of document.querySelectorAll("script.chart")) {
    const figure = script.previousElementSibling;
    const chart = document.createElement("div");
    chart.className = "chart-drawn";
    const dials = chart.appendChild(document.createElement("div"));
    const canvas = chart.appendChild(document.createElement("div"));
    dials.className = "chart-dials";
    canvas.className = "chart-canvas";
    script.after(chart);
    const style = getComputedStyle(document.documentElement);
    const font = style.getPropertyValue("--course-sans").trim();
    const ink = "#1f2328"; // in the dark the style sheet turns the chart over, as it does figures
    const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
    const config = {
      background: null,
      font,
      view: { stroke: null },
      axis: { ...text, domainColor: ink, tickColor: ink, gridColor: "#d9d5cb", labelLimit: 120, labelSeparation: 8 },
      legend: { ...text, symbolStrokeWidth: 3, columns: 2 },
      line: { strokeWidth: 2.2 },
      text: { color: ink, fontSize: 12 },
    };
    const autosize = { type: "fit-x", contains: "padding" };
    const spec = { ...JSON.parse(script.textContent), description: figure.alt, width: 300, autosize, config };
    const pageOfText = spec.layer[0].mark.type === "text"; // stands below the figure, which says other things
    const compiled = vegaLite.compile(spec, { logger: vega.logger(vega.Error) }).spec;
    const view = new vega.View(vega.parse(compiled), { renderer: "svg", hover: false });
    // The caption's last part, "On the site, ...", is about the chart, and what stands before it about the figure.
    const caption = figure.closest("figure")?.querySelector(".caption-text");
    const about = caption?.innerHTML.split("On the site, ")[1];
    if (about && !pageOfText) {
      caption.innerHTML = `<span class="chart-still">${caption.innerHTML}</span>
        <span class="chart-caption">${about[0].toUpperCase()}${about.slice(1)}</span>`;
    }
    // A folded answer has no width yet: the chart is drawn when it is first seen, and whenever its width changes.
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (!contentRect.width || contentRect.width === width) return;
      if (!width) view.initialize(canvas, dials);
      width = contentRect.width;
      view.signal("width", width).runAsync();
      if (!pageOfText) figure.classList.add("chart-still");
    }).observe(canvas);
  }
});
