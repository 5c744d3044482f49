// Which lever matters: how far the mean of a measure moves over a parameter's values (view parameter_effects).
let effectMeasure = 0;

function effectSpans(m) {
  const rows = study.effects.filter((e) => e.metric === study.measures[m].name && isKnown(e.mean));
  const spans = new Map();
  for (const e of rows) {
    const s = spans.get(e.parameter) || { parameter: e.parameter, rows: [] };
    s.rows.push(e);
    spans.set(e.parameter, s);
  }
  for (const s of spans.values()) {
    s.rows.sort((a, b) => a.value.localeCompare(b.value, "en-US", { numeric: true }));
    s.low = s.rows.reduce((a, b) => (b.mean < a.mean ? b : a));
    s.high = s.rows.reduce((a, b) => (b.mean > a.mean ? b : a));
    s.width = s.high.mean - s.low.mean;
  }
  return [...spans.values()].sort((a, b) => b.width - a.width);
}

function effectOptions(c) {
  const kind = measureKind(effectMeasure),
    spans = effectSpans(effectMeasure).reverse();
  return frame(c, {
    xAxis: axis(c, { type: "value", scale: true, axisLabel: { formatter: (v) => brief(kind, v) } }),
    yAxis: axis(c, { type: "category", data: spans.map((s) => clip(leverName({ name: s.parameter }), 22)) }),
    series: [
      {
        type: "bar",
        stack: "span",
        silent: true,
        itemStyle: { color: "transparent" },
        data: spans.map((s) => s.low.mean),
      },
      {
        type: "bar",
        stack: "span",
        barMaxWidth: 22,
        itemStyle: { color: c.first, borderRadius: 3 },
        data: spans.map((s) => s.width),
        markLine:
          baseline && isKnown(baseline.value[effectMeasure])
            ? {
                silent: true,
                symbol: "none",
                animation: false,
                lineStyle: { color: c.base, type: "dotted", width: 2 },
                label: { show: false },
                data: [{ xAxis: baseline.value[effectMeasure] }],
              }
            : undefined,
      },
    ],
    tooltip: {
      trigger: "item",
      formatter: (q) => {
        const s = spans[q.dataIndex];
        return s
          ? inert(leverName({ name: s.parameter })) +
              "\n" +
              inert(clip(s.low.value, 40)) +
              ": " +
              figure(kind, s.low.mean) +
              "\n" +
              inert(clip(s.high.value, 40)) +
              ": " +
              figure(kind, s.high.mean)
          : "";
      },
    },
  });
}

function effectTable() {
  const kind = measureKind(effectMeasure);
  return make(
    "table",
    {},
    make("caption", {}, study.measures[effectMeasure].label + " by parameter and value, over all variants with it"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ["Parameter", "Value"].map((t) => make("th", { class: "text", scope: "col" }, t)),
        ["Variants", "Mean", "Lowest", "Highest"].map((t) => make("th", { scope: "col" }, t)),
      ),
    ),
    make(
      "tbody",
      {},
      effectSpans(effectMeasure).flatMap((s) =>
        s.rows.map((e) =>
          make(
            "tr",
            {},
            make("td", { class: "text" }, leverName({ name: e.parameter })),
            make("td", { class: "text" }, e.value),
            make("td", {}, whole.format(e.variants)),
            make("td", {}, figure(kind, e.mean)),
            make("td", {}, figure(kind, e.minimum)),
            make("td", {}, figure(kind, e.maximum)),
          ),
        ),
      ),
    ),
  );
}

function drawEffects() {
  if (!study.effects.length) return;
  const words = () =>
    effectSpans(effectMeasure)
      .map(
        (s) =>
          leverName({ name: s.parameter }) +
          " moves the mean from " +
          figure(measureKind(effectMeasure), s.low.mean) +
          " to " +
          figure(measureKind(effectMeasure), s.high.mean),
      )
      .join("; ");
  const drawn = chart(words, effectOptions);
  const table = make("div", { class: "scroll" }, effectTable());
  const redraw = (m) => {
    effectMeasure = m;
    drawn.draw();
    table.replaceChildren(effectTable());
  };
  section(
    "effects",
    "Which lever matters",
    "Per parameter, from the lowest to the highest mean of the measure over its values, all else averaged: a longer bar is a stronger lever.",
    controls(measureChoice("Measure", effectMeasure, redraw)),
    baseline ? legend(["base", "baseline"]) : null,
    drawn.element,
    make("details", {}, make("summary", {}, "Figures"), table),
  );
}
