// Draws the page from top to bottom, then says on the document that it is ready and what was drawn.
function drawPage() {
  chosen.variant = firstChoice();
  if (!variants.length)
    document
      .getElementById("main")
      .append(make("p", { class: "empty" }, "No variant succeeded, so there are no figures to draw."));
  // One section that fails must not take the others with it.
  for (const draw of [
    drawOverview,
    drawCurves,
    drawEffects,
    drawPareto,
    drawVariant,
    drawCampaigns,
    drawParallel,
    drawComparison,
    drawFailures,
  ]) {
    try {
      draw();
    } catch (e) {
      report(draw.name + ": " + e.message);
    }
  }
  document.querySelector(".top").append(
    make(
      "nav",
      { class: "sections", "aria-label": "Sections" },
      contents.map(([id, title]) => make("a", { href: "#" + id }, title)),
    ),
  );
  try {
    startTheme();
    applyTheme();
  } catch (e) {
    report("charts: " + e.message);
  }
  document.documentElement.dataset.charts = String(
    charts.filter((c) => c.instance && c.element.querySelector("canvas")).length,
  );
  document.documentElement.dataset.ready = "true";
}

drawPage();
