// The Pareto front: variants that no other beats on both of two measures.
const paretoState = { x: 0, y: Math.min(2, study.measures.length - 1), lessX: false, lessY: false };

// Front members: nobody is at least as good on both and better on one. By x from the best down, the best y so far decides.
function paretoFront(points, lessX, lessY) {
  const gain = (v, less) => (less ? -v : v);
  const sorted = [...points].sort((a, b) => gain(b.x, lessX) - gain(a.x, lessX) || gain(b.y, lessY) - gain(a.y, lessY));
  const front = [];
  let bestY = -Infinity,
    lastX = null;
  for (const p of sorted) {
    const y = gain(p.y, lessY);
    if (y > bestY || (y === bestY && p.x === lastX)) {
      front.push(p);
      bestY = y;
      lastX = p.x;
    }
  }
  return front;
}

function paretoPoints() {
  return variants
    .map((v, i) => ({ i, v, x: v.value[paretoState.x], y: v.value[paretoState.y] }))
    .filter((p) => isKnown(p.x) && isKnown(p.y));
}

function paretoOptions(c) {
  const { x, y, lessX, lessY } = paretoState,
    kx = measureKind(x),
    ky = measureKind(y);
  const points = paretoPoints(),
    front = paretoFront(points, lessX, lessY),
    members = new Set(front.map((p) => p.i));
  const item = (p) => ({ value: [p.x, p.y], index: p.i });
  const name = (m, less) => study.measures[m].label + (less ? " (less is better)" : "");
  const series = [
    {
      type: "scatter",
      symbolSize: 8,
      itemStyle: { color: c.muted, opacity: 0.7 },
      data: points.filter((p) => !members.has(p.i)).map(item),
      z: 2,
    },
    {
      type: "line",
      symbol: "circle",
      symbolSize: 9,
      color: c.first,
      lineStyle: { width: 2 },
      data: front.map(item),
      z: 3,
    },
  ];
  const own = points.find((p) => p.v === baseline);
  if (own)
    series.push({
      type: "scatter",
      symbol: "diamond",
      symbolSize: 15,
      itemStyle: { color: c.base, borderColor: c.card, borderWidth: 1 },
      data: [item(own)],
      z: 5,
    });
  const picked = points.find((p) => p.i === chosen.variant);
  if (picked)
    series.push({
      type: "scatter",
      symbol: "circle",
      symbolSize: 17,
      itemStyle: { color: "transparent", borderColor: c.third, borderWidth: 2.5 },
      data: [item(picked)],
      z: 6,
    });
  const scale = (kind) => ({ type: "value", scale: true, axisLabel: { formatter: (v) => brief(kind, v) } });
  return frame(c, {
    grid: { left: 8, right: 24, top: 36, bottom: 28, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: axis(c, { ...scale(kx), name: name(x, lessX), nameLocation: "middle", nameGap: 30 }),
    yAxis: axis(c, {
      ...scale(ky),
      name: name(y, lessY),
      nameLocation: "end",
      nameTextStyle: { align: "left", color: c.soft },
    }),
    series,
    tooltip: {
      trigger: "item",
      formatter: (q) =>
        q.data && variants[q.data.index]
          ? inert(variants[q.data.index].id + "\n" + describeVariant(variants[q.data.index])) +
            "\n" +
            study.measures[x].label +
            " " +
            figure(kx, q.data.value[0]) +
            "\n" +
            study.measures[y].label +
            " " +
            figure(ky, q.data.value[1])
          : "",
    },
  });
}

function drawPareto() {
  if (variants.length < 2) return;
  const words = () => {
    const front = paretoFront(paretoPoints(), paretoState.lessX, paretoState.lessY);
    return (
      whole.format(front.length) +
      " of " +
      whole.format(variants.length) +
      " variants are on the front of " +
      study.measures[paretoState.x].label +
      " and " +
      study.measures[paretoState.y].label +
      ": " +
      front
        .slice(0, 20)
        .map((p) => p.v.id)
        .join(", ")
    );
  };
  const drawn = chart(words, paretoOptions, {
    tall: true,
    clicked: (q) => q.data && choose({ variant: q.data.index }),
  });
  const count = make("p", { class: "lead", "aria-live": "polite" });
  const redraw = () => {
    count.textContent = words();
    drawn.draw();
  };
  const set = (key) => (value) => {
    paretoState[key] = value;
    redraw();
  };
  section(
    "pareto",
    "Trade-offs",
    "Variants that no other beats on both measures are joined by a line. More is better unless ticked; a click picks a variant for the sections below.",
    controls(
      measureChoice("Across", paretoState.x, set("x")),
      tick("less is better", false, set("lessX")),
      measureChoice("Up", paretoState.y, set("y")),
      tick("less is better", false, set("lessY")),
    ),
    legend(["first", "front"], ["dot", "beaten by another"], baseline ? ["diamond", "baseline"] : null, [
      "ring",
      "chosen variant",
    ]),
    drawn.element,
    count,
  );
  count.textContent = words();
  chosen.listeners.push(redraw);
}
