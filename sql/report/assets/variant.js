// One variant beside the baseline. It is chosen here, in the table, or by a click in a chart.
const chosen = { variant: -1, campaign: 0, listeners: [] };

function choose(what) {
  Object.assign(chosen, what);
  chosen.listeners.forEach((f) => f());
}

// The variant shown first: the best mover of revenue, else the first that is not the baseline.
function firstChoice() {
  if (others.length === 0) return variants.length - 1;
  const move = (v) => (isKnown(v.relative[2]) ? Math.abs(v.relative[2]) : -1);
  return variants.indexOf(others.reduce((a, b) => (move(b) > move(a) ? b : a)));
}

const outcomeNames = {
  filled: "filled",
  unfilled_no_campaign_targeted: "no campaign targeted",
  unfilled_below_floor: "below floor",
  unfilled_unidentified: "unidentified",
  unfilled_goal_reached: "goal reached",
  unfilled_budget_spent: "budget spent",
  unfilled_paced: "paced",
  unfilled_frequency_capped: "frequency capped",
  unfilled_separated: "separated",
};

// The two to compare: [name, variant, colour's name].
function pair() {
  const v = variants[chosen.variant];
  return [baseline ? ["baseline", baseline, "base"] : null, v && v !== baseline ? [v.id, v, "first"] : null].filter(
    Boolean,
  );
}

let kPlus = false;
function frequencyOf(v) {
  const users = v.frequency || new Array(20).fill(0);
  return kPlus ? users.map((_, k) => sum(users.slice(k))) : users;
}

function frequencyOptions(c) {
  const names = [...Array(20).keys()].map((k) => (kPlus || k === 19 ? k + 1 + "+" : String(k + 1)));
  const series = pair().map(([name, v, color]) => ({
    name,
    type: "bar",
    barGap: "5%",
    itemStyle: { color: c[color], borderRadius: [2, 2, 0, 0] },
    data: frequencyOf(v),
  }));
  return frame(c, {
    grid: { left: 8, right: 16, top: 28, bottom: 24, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: axis(c, {
      type: "category",
      data: names,
      name: kPlus ? "impressions or more per user" : "impressions per user",
      nameLocation: "middle",
      nameGap: 26,
    }),
    yAxis: axis(c, {
      type: "value",
      name: "users",
      nameTextStyle: { align: "right", color: c.soft },
      axisLabel: { formatter: (v) => brief("count", v) },
    }),
    series,
    tooltip: {
      trigger: "axis",
      formatter: (qs) =>
        qs.length
          ? qs[0].axisValue +
            " impressions\n" +
            qs.map((q) => inert(q.seriesName) + ": " + whole.format(q.value) + " users").join("\n")
          : "",
    },
  });
}

function outcomeOptions(c) {
  const both = pair();
  const used = study.outcomes
    .map((name, i) => ({ name, i }))
    .filter(({ i }) => both.some(([, v]) => v.outcome[i] > 0))
    .reverse();
  const part = (v, i) => {
    const all = sum(v.outcome);
    return all ? v.outcome[i] / all : null;
  };
  return frame(c, {
    xAxis: axis(c, { type: "value", axisLabel: { formatter: (v) => brief("share", v) } }),
    yAxis: axis(c, { type: "category", data: used.map((u) => outcomeNames[u.name] || u.name) }),
    series: both.map(([name, v, color]) => ({
      name,
      type: "bar",
      barMaxWidth: 16,
      itemStyle: { color: c[color], borderRadius: 2 },
      data: used.map((u) => part(v, u.i)),
    })),
    tooltip: {
      trigger: "axis",
      formatter: (qs) =>
        qs.length
          ? inert(qs[0].axisValue) +
            "\n" +
            qs
              .map((q) => {
                const own = both.find(([name]) => name === q.seriesName);
                return (
                  inert(q.seriesName) +
                  ": " +
                  figure("share", q.value) +
                  " (" +
                  figure("count", own[1].outcome[used[q.dataIndex].i]) +
                  " slots)"
                );
              })
              .join("\n")
          : "",
    },
  });
}

function drawVariant() {
  if (!variants.length) return;
  const frequency = chart(
    () =>
      "Frequency distribution of " +
      pair()
        .map(
          ([name, v]) =>
            name +
            ": " +
            frequencyOf(v)
              .slice(0, 5)
              .map((u, k) => k + 1 + (kPlus ? "+" : "") + " impressions " + whole.format(u) + " users")
              .join(", "),
        )
        .join("; "),
    frequencyOptions,
  );
  const outcome = chart(
    () =>
      "Where the slots went: " +
      pair()
        .map(([name, v]) => name + " filled " + figure("share", v.value[1]))
        .join(", "),
    outcomeOptions,
  );
  const words = make("p", { class: "lead", "aria-live": "polite" });
  const names = make("div");
  const picker = choice(
    "Variant",
    variants.map((v, i) => [i, v.id + (v === baseline ? "" : " · " + clip(describeVariant(v), 60))]),
    chosen.variant,
    (i) => choose({ variant: Number(i) }),
  );
  const redraw = () => {
    const v = variants[chosen.variant];
    picker.querySelector("select").value = String(chosen.variant);
    words.textContent =
      v === baseline
        ? "The baseline alone."
        : v.id +
          ": " +
          describeVariant(v) +
          (baseline
            ? ". " +
              study.measures
                .slice(0, 4)
                .map((m, i) => m.label.toLowerCase() + " " + change(m.kind, v.delta[i], v.relative[i]))
                .join(", ")
            : "");
    names.replaceChildren(legend(...pair().map(([name, , color]) => ["dot " + color, name])));
    frequency.draw();
    outcome.draw();
  };
  section(
    "variant",
    baseline ? "One variant against the baseline" : "One variant",
    null,
    controls(
      picker,
      tick("this many or more", kPlus, (on) => {
        kPlus = on;
        redraw();
      }),
    ),
    words,
    names,
    make(
      "div",
      { class: "grid" },
      make("div", { class: "panel" }, make("h3", {}, "How often users saw an ad"), frequency.element),
      make("div", { class: "panel" }, make("h3", {}, "Where the slots went"), outcome.element),
    ),
  );
  redraw();
  chosen.listeners.push(redraw);
}
