// Every chart is an element, a function that makes its options from the current state and colours, and
// a text for those who can't see it. Drawn again when the theme, the width or the state changes.
const charts = [];

function chart(describe, options, settings = {}) {
  const element = make("div", {
    class: "chart" + (settings.tall ? " tall" : "") + (settings.wide ? " wide" : ""),
    role: "img",
  });
  const entry = { element, options, describe, clicked: settings.clicked, instance: null };
  charts.push(entry);
  return { element, draw: () => drawChart(entry) };
}

function drawChart(entry) {
  if (!entry.element.isConnected) return;
  entry.element.setAttribute("aria-label", entry.describe());
  if (!entry.instance) {
    entry.instance = echarts.init(entry.element, null, { renderer: "canvas" });
    if (entry.clicked) entry.instance.on("click", entry.clicked);
    new ResizeObserver(() => entry.instance.resize()).observe(entry.element);
  }
  entry.instance.setOption(entry.options(colors()), { notMerge: true });
}

const redrawCharts = () => charts.forEach(drawChart);

// What all charts share. Tooltips are drawn on the canvas, not as markup, and stay within the chart.
function frame(c, options) {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { color: c.ink, fontFamily: "system-ui, sans-serif" },
    grid: { left: 8, right: 16, top: 14, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    ...options,
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: c.card,
      borderColor: c.muted,
      borderWidth: 1,
      textStyle: { color: c.ink, fontSize: 12, lineHeight: 17 },
      ...options.tooltip,
    },
  };
}

function axis(c, options) {
  return {
    nameTextStyle: { color: c.soft },
    nameGap: 10,
    ...options,
    axisLine: { show: options.type !== "value", lineStyle: { color: c.muted } },
    axisTick: { show: false },
    splitLine: { show: options.type === "value" && !options.plain, lineStyle: { color: c.rule } },
    axisLabel: { color: c.soft, hideOverlap: true, ...options.axisLabel },
  };
}

// Rich text of a canvas reads {name|..} as style: a name's braces and bars are written as look-alikes.
const inert = (text) => String(text).replace(/[{}|]/g, (x) => ({ "{": "❴", "}": "❵", "|": "¦" })[x]);
// An expression's first words tell more without its punctuation: not:country:US of {"not":{"country":["US"]}}.
const axisText = (text, n) => clip(text.startsWith("{") ? text.replace(/[{}"[\]]/g, "") : text, n);
// A long text in full, in lines that a tooltip can hold.
const folded = (text) => (text.match(/.{1,60}/gu) || []).join("\n");
const clip = (text, n) => (text.length > n ? text.slice(0, n - 1) + "…" : text);
