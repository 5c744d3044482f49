// Parallel coordinates: a line a variant over its parameters and measures.
const parallelAxes = 8; // parameters at most; more can't be told apart on a screen
let parallelColor = 0;

function parallelDimensions() {
  const moving = levers
    .map((p, i) => i)
    .filter((p) => byValue(p).length > 1)
    .slice(0, parallelAxes);
  const fromLever = (p) => {
    const groups = byValue(p);
    const numeric = groups.every((g) => g.value >= 0 && levers[p].values[g.value].number !== null);
    const texts = groups.map((g) => axisText(g.value < 0 ? "as written" : levers[p].values[g.value].text, 14));
    return {
      name: clip(leverName(levers[p]), 16),
      numeric,
      kind: "ratio",
      texts,
      of: (v) => (numeric ? setting(v, p).number : groups.findIndex((g) => g.value === v.set[p])),
    };
  };
  const fromMeasure = (m) => ({
    name: study.measures[m].label,
    numeric: true,
    kind: measureKind(m),
    of: (v) => v.value[m],
  });
  return [...moving.map(fromLever), ...[0, 1, 2, 3].filter((m) => m < study.measures.length).map(fromMeasure)];
}

// A colour of the ramp for a figure's place between the lowest and the highest.
function rampColor(ramp, t) {
  const at = Math.max(0, Math.min(1, t)) * (ramp.length - 1),
    i = Math.min(Math.floor(at), ramp.length - 2);
  return echarts.color.lerp(at - i, [ramp[i], ramp[i + 1]]);
}

function parallelOptions(c) {
  const dimensions = parallelDimensions();
  const values = variants.map((v) => v.value[parallelColor]).filter(isKnown);
  const low = Math.min(...values),
    high = Math.max(...values);
  const line = (v, i) => {
    const x = v.value[parallelColor];
    return {
      value: dimensions.map((d) => {
        const y = d.of(v);
        return isKnown(y) ? y : "-";
      }),
      name: v.id,
      index: i,
      lineStyle:
        v === baseline
          ? { color: c.base, width: 3.5, opacity: 1, type: "dashed" }
          : i === chosen.variant
            ? { color: c.third, width: 3.5, opacity: 1 }
            : {
                color: isKnown(x) ? rampColor(c.ramp, high > low ? (x - low) / (high - low) : 0.5) : c.muted,
                width: 1.4,
                opacity: variants.length > 200 ? 0.35 : 0.7,
              },
    };
  };
  const lines = variants.map(line);
  const front = lines.filter((l) => l.index === study.baseline || l.index === chosen.variant),
    back = lines.filter((l) => !front.includes(l));
  return frame(c, {
    grid: undefined,
    parallel: { left: 60, right: 60, top: 40, bottom: 24 },
    parallelAxis: dimensions.map((d, i) => ({
      dim: i,
      name: d.name,
      type: d.numeric ? "value" : "category",
      scale: true,
      data: d.numeric ? undefined : d.texts,
      nameTextStyle: { color: c.ink, fontSize: 11 },
      nameGap: 14,
      nameRotate: 0,
      axisLine: { lineStyle: { color: c.muted } },
      axisTick: { show: false },
      splitLine: { show: false },
      z: 10,
      axisLabel: {
        color: c.ink,
        backgroundColor: c.card,
        padding: [1, 2],
        borderRadius: 2,
        fontSize: 10.5,
        hideOverlap: true,
        formatter: d.numeric ? (v) => brief(d.kind, v) : undefined,
      },
      minorTick: { show: false },
    })),
    series: [
      { type: "parallel", smooth: false, data: back, z: 2 },
      { type: "parallel", data: front, z: 5 },
    ],
    tooltip: {
      trigger: "item",
      formatter: (q) =>
        q.data && variants[q.data.index] ? inert(q.data.name + "\n" + describeVariant(variants[q.data.index])) : "",
    },
  });
}

function drawParallel() {
  if (variants.length < 2 || !levers.length) return;
  const words = () =>
    "One line for each of " +
    variants.length +
    " variants over " +
    parallelDimensions()
      .map((d) => d.name)
      .join(", ");
  const drawn = chart(words, parallelOptions, {
    tall: true,
    wide: true,
    clicked: (q) => q.data && choose({ variant: q.data.index }),
  });
  const key = () => legend(["ramp", "lowest to highest " + study.measures[parallelColor].label.toLowerCase()]);
  const names = make("div", {}, key());
  const left = levers.length - parallelAxes;
  section(
    "parallel",
    "All variants at once",
    "One line a variant; the dashed one is the baseline, the thick one the variant chosen." +
      (left > 0 ? " The first " + parallelAxes + " parameters that move are shown." : "") +
      " Drag along an axis to single out variants.",
    controls(
      measureChoice("Colour by", parallelColor, (m) => {
        parallelColor = m;
        drawn.draw();
        names.replaceChildren(key());
      }),
    ),
    names,
    make("div", { class: "scroll" }, drawn.element),
  );
  chosen.listeners.push(drawn.draw);
}
