"use strict";
// Draws every chart of the page in the page's own colours, and again when these change.
(() => {
  const colours = () => getComputedStyle(document.documentElement);

  const paint = (value, page) => {
    if (typeof value === "string") {
      return value.startsWith("var(--") ? page.getPropertyValue(value.slice(4, -1)).trim() : value;
    }
    if (Array.isArray(value)) return value.map((each) => paint(each, page));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, paint(each, page)]));
  };

  const draw = (place) => {
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    const { data, layout } = paint(figure, colours());
    Plotly.react(place, data, { ...layout, autosize: true }, { responsive: true, displayModeBar: false });
  };

  const drawAll = () => document.querySelectorAll(".chart").forEach(draw);
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
