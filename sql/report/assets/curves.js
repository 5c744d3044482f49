// Response curves: one small chart a parameter, one measure for all of them.
let curveMeasure = 0;
const manyValues = 24; // more distinct numbers than this are drawn as single variants

// References differ from nothing: the baseline and the variants with all of its figures.
const references = baseline
  ? variants.filter(
      (v) =>
        v === baseline ||
        (v.comparable &&
          v.value.every((x, m) => x === baseline.value[m]) &&
          v.outcome.every((x, i) => x === baseline.outcome[i])),
    )
  : [];

// Does the variant leave every parameter but p where a reference has it?
const onlyMoves = (v, p) => references.some((r) => v.set.every((s, q) => q === p || s === r.set[q]));

// Variants of each value of parameter p, in the values' order with "as written" first.
function byValue(p) {
  const groups = new Map();
  for (const v of variants) {
    if (!groups.has(v.set[p])) groups.set(v.set[p], []);
    groups.get(v.set[p]).push(v);
  }
  return [...groups.keys()].sort((a, b) => a - b).map((value) => ({ value, variants: groups.get(value) }));
}

function curveData(p, m) {
  const groups = byValue(p);
  const numeric =
    groups.every((g) => g.value < 0 || levers[p].values[g.value].number !== null) &&
    groups.filter((g) => g.value >= 0).length > 1;
  // On an axis of numbers "as written" has no place of its own; the baseline's line stands for it.
  const shown = numeric ? groups.filter((g) => g.value >= 0) : groups;
  const label = (g) => (g.value < 0 ? "as written" : levers[p].values[g.value].text);
  // Long texts may have been cut to equal ones; the axis tells its values apart by their names.
  const names = shown.map(label).map((t, i, all) => (all.indexOf(t) < i ? t + " (" + (i + 1) + ")" : t));
  const points = shown.map((g, i) => {
    const known = g.variants.map((v) => v.value[m]).filter(isKnown);
    const still = g.variants.filter((v) => onlyMoves(v, p) && isKnown(v.value[m]));
    return {
      label: label(g),
      value: g.value,
      x: numeric ? levers[p].values[g.value].number : names[i],
      n: known.length,
      mean: known.length ? sum(known) / known.length : null,
      low: known.length ? Math.min(...known) : null,
      high: known.length ? Math.max(...known) : null,
      still: still.length ? still[0].value[m] : null,
      variants: g.variants,
    };
  });
  return { numeric, points, many: numeric && points.length > manyValues };
}

// Means over tenths of the variants, in the order of the parameter.
function tenths(points, m) {
  const all = points.flatMap((q) => q.variants.map((v) => [q.x, v.value[m]])).filter(([, y]) => isKnown(y));
  const parts = [...Array(10).keys()]
    .map((i) => all.slice(Math.floor((i * all.length) / 10), Math.floor(((i + 1) * all.length) / 10)))
    .filter((part) => part.length);
  return parts.map((part) => [0, 1].map((i) => sum(part.map((xy) => xy[i])) / part.length));
}

function curveTip(kind, data, params) {
  const at = params[0] ? params[0].axisValue : null;
  const point = data.points.find((q) => String(q.x) === String(at));
  if (!point) return "";
  return [
    inert(folded(point.label)),
    point.still !== null ? "all else as in the baseline: " + figure(kind, point.still) : null,
    point.n > 1
      ? "mean of " +
        point.n +
        ": " +
        figure(kind, point.mean) +
        " (" +
        figure(kind, point.low) +
        " to " +
        figure(kind, point.high) +
        ")"
      : point.still === null
        ? figure(kind, point.mean)
        : null,
  ]
    .filter(Boolean)
    .join("\n");
}

function curveOptions(c, p) {
  const m = curveMeasure,
    kind = measureKind(m),
    data = curveData(p, m);
  const xy = (pick) => data.points.map((q) => [q.x, pick(q)]);
  const band = { type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, silent: true, z: 1 };
  const several = data.points.some((q) => q.n > 1);
  const series = [];
  if (data.many) {
    series.push({
      type: "scatter",
      symbolSize: 6,
      itemStyle: { color: c.muted, opacity: 0.75 },
      data: data.points.flatMap((q) => q.variants.map((v) => [q.x, v.value[m]])),
    });
    series.push({
      type: "line",
      symbol: "rect",
      symbolSize: 6,
      color: c.second,
      lineStyle: { type: "dashed", width: 2 },
      data: tenths(data.points, m),
      z: 3,
    });
  } else {
    if (several) {
      series.push(
        { ...band, data: xy((q) => q.low) },
        {
          ...band,
          areaStyle: { color: c.band, opacity: 1 },
          data: xy((q) => (q.high === null ? null : q.high - q.low)),
        },
      );
      series.push({
        type: "line",
        symbol: "rect",
        symbolSize: 5,
        color: c.second,
        lineStyle: { type: "dashed", width: 2 },
        data: xy((q) => q.mean),
        z: 3,
      });
    }
    const still = data.points.filter((q) => q.still !== null || !several);
    if (still.length > 1 || !several) {
      series.push({
        type: "line",
        symbol: "circle",
        symbolSize: 8,
        color: c.first,
        lineStyle: { width: 2.5 },
        z: 4,
        data: xy((q) => (several ? q.still : q.mean)),
        connectNulls: true,
      });
    }
  }
  series.push(baselineMark(c, p, m, data));
  return frame(c, {
    xAxis: axis(
      c,
      data.numeric
        ? { type: "value", scale: true, plain: true, axisLabel: { formatter: (v) => brief("ratio", v) } }
        : {
            type: "category",
            data: data.points.map((q) => q.x),
            axisLabel: { interval: data.points.length <= 3 ? 0 : "auto", formatter: (t) => axisText(t, 14) },
          },
    ),
    yAxis: axis(c, { type: "value", scale: true, axisLabel: { formatter: (v) => brief(kind, v) } }),
    series,
    tooltip: data.many
      ? {
          trigger: "item",
          formatter: (q) => (q.value ? brief("ratio", q.value[0]) + ": " + figure(kind, q.value[1]) : ""),
        }
      : { trigger: "axis", formatter: (q) => curveTip(kind, data, q) },
  });
}

// The baseline: a dotted line at its figure, and a diamond where the axis has its value.
function baselineMark(c, p, m, data) {
  const y = baseline ? baseline.value[m] : null;
  const own = baseline ? data.points.find((q) => q.value === baseline.set[p]) : null;
  return {
    type: "scatter",
    symbol: "diamond",
    symbolSize: 13,
    itemStyle: { color: c.base, borderColor: c.card, borderWidth: 1 },
    z: 6,
    data: isKnown(y) && own ? [[own.x, y]] : [],
    markLine: isKnown(y)
      ? {
          silent: true,
          symbol: "none",
          animation: false,
          lineStyle: { color: c.base, type: "dotted", width: 2 },
          label: { show: false },
          data: [{ yAxis: y }],
        }
      : undefined,
  };
}

function curveWords(p) {
  const m = study.measures[curveMeasure],
    data = curveData(p, curveMeasure);
  return (
    m.label +
    " by " +
    leverName(levers[p]) +
    ": " +
    data.points
      .slice(0, 12)
      .map((q) => clip(q.label, 40) + " " + figure(m.kind, q.still !== null ? q.still : q.mean))
      .join(", ")
  );
}

function curveLegend(all) {
  const single = all.filter((d) => !d.many),
    several = single.filter((d) => d.points.some((q) => q.n > 1));
  return legend(
    single.some((d) => d.points.filter((q) => q.still !== null).length > 1)
      ? ["first", "all else as in the baseline"]
      : null,
    several.length ? ["second", "mean of all variants with the value"] : null,
    all.some((d) => d.many) ? ["second", "mean of a tenth of the variants"] : null,
    several.length ? ["band", "lowest to highest of them"] : null,
    all.some((d) => d.many) ? ["dot", "one variant"] : null,
    baseline ? ["base", "baseline"] : null,
  );
}

function drawCurves() {
  if (!variants.length) return;
  const moving = levers.map((p, i) => i).filter((p) => byValue(p).length > 1);
  if (!moving.length) {
    section(
      "curves",
      "Response curves",
      null,
      empty(
        levers.length
          ? "No parameter takes more than one value among the variants that succeeded."
          : "This study has no parameters.",
      ),
    );
    return;
  }
  const panels = moving.map((p) => {
    const drawn = chart(
      () => curveWords(p),
      (c) => curveOptions(c, p),
    );
    return { drawn, panel: make("div", { class: "panel" }, make("h3", {}, leverName(levers[p])), drawn.element) };
  });
  section(
    "curves",
    "Response curves",
    "What each parameter does to one measure. The baseline has no diamond where it leaves a parameter as written.",
    controls(
      measureChoice("Measure", curveMeasure, (m) => {
        curveMeasure = m;
        panels.forEach(({ drawn }) => drawn.draw());
      }),
    ),
    curveLegend(moving.map((p) => curveData(p, 0))),
    make(
      "div",
      { class: "grid" + (panels.length === 1 ? " one" : "") },
      panels.map(({ panel }) => panel),
    ),
  );
}
