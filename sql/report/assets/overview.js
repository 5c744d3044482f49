// The study's variants, as the other scripts see them.
const variants = study.variants;
const baseline = study.baseline >= 0 ? variants[study.baseline] : null;
const others = variants.filter((v) => v !== baseline);
const levers = study.parameters;
const setting = (v, p) => (v.set[p] < 0 ? { text: "as written", number: null } : levers[p].values[v.set[p]]);
const measureKind = (m) => study.measures[m].kind;
const leverName = (p) => p.name.replaceAll("_", " ");

// What makes a variant, in words.
function describeVariant(v) {
  if (v === baseline) return "baseline";
  const parts = levers.map((p, i) => [p, setting(v, i)]).filter(([, s]) => s.text !== "as written");
  return parts.length ? parts.map(([p, s]) => leverName(p) + " " + clip(s.text, 40)).join(", ") : "as written";
}

// "−12 to +7.8 points": the unit once where both have it.
function changes(low, high) {
  const unit = high.slice(high.lastIndexOf(" "));
  return (high.includes(" ") && low.endsWith(unit) ? low.slice(0, -unit.length) : low) + " to " + high;
}

// A figure for a card, whose title names the currency.
const cardFigure = (kind, v) =>
  kind !== "money" ? figure(kind, v) : !isKnown(v) ? missing : Math.abs(v) < 1e6 ? figure("ratio", v) : brief(kind, v);

function drawOverview() {
  if (!variants.length) return;
  const cards = study.measures.map((m, i) => {
    const known = others.filter((v) => isKnown(v.value[i]));
    const values = known.map((v) => v.value[i]);
    let range = "no other variant";
    if (values.length && baseline) {
      const low = known.reduce((a, b) => (b.value[i] < a.value[i] ? b : a)),
        high = known.reduce((a, b) => (b.value[i] > a.value[i] ? b : a));
      range = changes(change(m.kind, low.delta[i], low.relative[i]), change(m.kind, high.delta[i], high.relative[i]));
    } else if (values.length) {
      range = "from " + cardFigure(m.kind, Math.min(...values)) + " to " + cardFigure(m.kind, Math.max(...values));
    }
    return make(
      "div",
      { class: "card" },
      make(
        "p",
        { class: "name" },
        m.label + (m.kind === "money" && study.simulation.currency ? ", " + study.simulation.currency : ""),
      ),
      baseline ? make("p", { class: "figure" }, cardFigure(m.kind, baseline.value[i])) : null,
      make("p", { class: "range" }, range),
    );
  });
  section(
    "overview",
    "At a glance",
    baseline
      ? "The baseline's figures, and how far the other variants go below and above them."
      : "The baseline has no result, so variants are shown as they are and nothing is compared.",
    make("div", { class: "cards" }, cards),
  );
}
