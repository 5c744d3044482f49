// Campaigns: what each delivered, and where the slots it matched were lost.
const campaignColumn = Object.fromEntries(study.campaigns.columns.map((name, i) => [name, i + 2]));
const campaignRow = new Map(study.campaigns.rows.map((r) => [r[0] + "/" + r[1], r]));
const deliveryRows = 15;
let allCampaigns = false;

// A figure of campaign k in variant i (an index into variants); undefined where the page has no such row.
function campaignFigure(k, i, column) {
  const row = campaignRow.get(k + "/" + study.campaigns.variants.indexOf(i));
  return row ? row[campaignColumn[column]] : undefined;
}

const funnelSteps = [
  ["lost_floor", "below floor"],
  ["lost_identity", "user unidentified"],
  ["after_goal", "after its goal"],
  ["lost_budget", "budget spent"],
  ["lost_pacing", "held by pacing"],
  ["lost_frequency", "frequency capped"],
  ["lost_separation", "separated"],
  ["outbid", "outbid"],
];

// The funnel of a campaign: bars from what was left before a step to what is left after it.
function funnel(k, i) {
  let left = campaignFigure(k, i, "matched");
  if (!isKnown(left)) return null;
  const steps = [{ name: "matched", from: 0, to: left, size: left }];
  for (const [column, name] of funnelSteps) {
    const lost = campaignFigure(k, i, column) || 0;
    steps.push({ name, from: left - lost, to: left, size: lost, lost: true });
    left -= lost;
  }
  steps.push({ name: "impressions", from: 0, to: left, size: left });
  return steps;
}

const shownPair = () =>
  pair()
    .map(([name, v, color]) => [name, variants.indexOf(v), color])
    .filter(([, i]) => study.campaigns.variants.includes(i));

function funnelOptions(c) {
  const funnels = shownPair()
    .map(([name, i, color]) => [name, funnel(chosen.campaign, i), color])
    .filter(([, f]) => f);
  const keep = (s) => !funnels.length || !funnels[0][1][s].lost || funnels.some(([, f]) => f[s].size > 0);
  const steps = funnels.length ? [...funnels[0][1].keys()].filter(keep).reverse() : [];
  const series = funnels.flatMap(([name, f, color]) => [
    {
      type: "bar",
      stack: name,
      silent: true,
      barMaxWidth: 15,
      itemStyle: { color: "transparent" },
      data: steps.map((s) => f[s].from),
      tooltip: { show: false },
    },
    {
      name,
      type: "bar",
      stack: name,
      barMaxWidth: 15,
      data: steps.map((s) => ({
        value: f[s].to - f[s].from,
        itemStyle: { color: c[color], opacity: f[s].lost ? 0.55 : 1, borderRadius: 2 },
      })),
    },
  ]);
  return frame(c, {
    xAxis: axis(c, { type: "value", axisLabel: { formatter: (v) => brief("count", v) } }),
    yAxis: axis(c, { type: "category", data: steps.map((s) => funnels[0][1][s].name) }),
    series,
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: (qs) =>
        qs.length
          ? inert(qs[0].axisValue) +
            "\n" +
            funnels
              .map(([name, f]) => {
                const s = f[steps[qs[0].dataIndex]];
                return (
                  inert(name) +
                  ": " +
                  (s.lost ? "−" : "") +
                  whole.format(s.size) +
                  (f[0].size ? " (" + figure("share", s.size / f[0].size) + ")" : "")
                );
              })
              .join("\n")
          : "",
    },
  });
}

function deliveryTable() {
  const columns = [
    ["Impressions", "impressions", "count"],
    ["Spend", "spend", "money"],
    ["Reach", "reach", "count"],
    ["Frequency", "average_frequency", "ratio"],
    ["Delivered of goal", "delivery_rate", "share"],
    ["On schedule", "on_schedule", "share"],
    ["Budget used", "budget_utilisation", "share"],
  ];
  const both = shownPair(),
    last = both[both.length - 1];
  const base = both.length === 2 ? both[0] : null;
  const ids = allCampaigns ? study.campaigns.ids : study.campaigns.ids.slice(0, deliveryRows);
  const cell = (k, [, column, kind]) => {
    const now = last ? campaignFigure(k, last[1], column) : undefined,
      was = base ? campaignFigure(k, base[1], column) : undefined;
    const delta = isKnown(now) && isKnown(was) ? change(kind, now - was, was ? (now - was) / was : null) : null;
    return make(
      "td",
      {},
      figure(kind, now),
      delta ? make("small", { class: now > was ? "up" : now < was ? "down" : null }, delta) : null,
    );
  };
  return make(
    "table",
    {},
    make("caption", {}, last ? last[0] + (base ? ", with the change against the baseline" : "") : "No figures"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { class: "text", scope: "col" }, "Campaign"),
        columns.map(([title]) => make("th", { scope: "col" }, title)),
      ),
    ),
    make(
      "tbody",
      {},
      ids.map((id, k) =>
        make(
          "tr",
          { class: k === chosen.campaign ? "chosen" : null },
          make(
            "th",
            { class: "text", scope: "row" },
            make("button", { type: "button", class: "pick", onclick: () => choose({ campaign: k }) }, clip(id, 40)),
          ),
          columns.map((column) => cell(k, column)),
        ),
      ),
    ),
  );
}

function deliveryOptions(c) {
  const both = shownPair(),
    ids = study.campaigns.ids.slice(0, deliveryRows),
    order = [...ids.keys()].reverse();
  return frame(c, {
    xAxis: axis(c, { type: "value", axisLabel: { formatter: (v) => brief("count", v) } }),
    yAxis: axis(c, { type: "category", data: order.map((k) => clip(ids[k], 18)) }),
    series: both.map(([name, i, color]) => ({
      name,
      type: "bar",
      barMaxWidth: 11,
      itemStyle: { color: c[color], borderRadius: 2 },
      data: order.map((k) => {
        const v = campaignFigure(k, i, "impressions");
        return isKnown(v) ? v : null;
      }),
    })),
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: (qs) =>
        qs.length
          ? inert(ids[order[qs[0].dataIndex]]) +
            "\n" +
            qs.map((q) => inert(q.seriesName) + ": " + figure("count", q.value)).join("\n")
          : "",
    },
  });
}

function drawCampaigns() {
  if (!study.campaigns.ids.length) return;
  const ids = study.campaigns.ids;
  const funnelWords = () =>
    "Losses of campaign " +
    ids[chosen.campaign] +
    ": " +
    shownPair()
      .map(
        ([name, i]) =>
          name +
          " " +
          (funnel(chosen.campaign, i) || [])
            .filter((s) => s.size > 0)
            .map((s) => s.name + " " + whole.format(s.size))
            .join(", "),
      )
      .join("; ");
  const losses = chart(funnelWords, funnelOptions, { tall: true });
  const delivery = chart(
    () =>
      "Impressions of the " +
      Math.min(ids.length, deliveryRows) +
      " largest campaigns; the table below has the figures",
    deliveryOptions,
    { tall: true, clicked: (q) => choose({ campaign: Math.min(ids.length, deliveryRows) - 1 - q.dataIndex }) },
  );
  const picker = choice(
    "Campaign",
    ids.map((id, k) => [k, id]),
    chosen.campaign,
    (k) => choose({ campaign: Number(k) }),
  );
  const names = make("div"),
    table = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Delivery table" });
  const missingWords = make("p", { class: "empty", "aria-live": "polite" });
  const lossTitle = make("h3", {});
  const more = make(
    "button",
    {
      type: "button",
      class: "more",
      hidden: ids.length <= deliveryRows,
      onclick: () => {
        allCampaigns = true;
        more.hidden = true;
        redraw();
      },
    },
    "Show all " + whole.format(ids.length),
  );
  const redraw = () => {
    const both = shownPair(),
      some = both.some(([, i]) => funnel(chosen.campaign, i));
    picker.querySelector("select").value = String(chosen.campaign);
    lossTitle.textContent = "Where the slots of " + clip(ids[chosen.campaign], 40) + " were lost";
    const left =
      pair().length > both.length
        ? "This page has no campaign figures of " +
          variants[chosen.variant].id +
          "; the view campaign_results has them. "
        : "";
    missingWords.textContent =
      left +
      (both.length && !some
        ? "There are no losses: the study ran with report.losses false, or the campaign is not part of the variant."
        : "");
    missingWords.hidden = missingWords.textContent === "";
    names.replaceChildren(legend(...both.map(([name, , color]) => ["dot " + color, name])));
    losses.element.hidden = !some;
    table.replaceChildren(deliveryTable());
    losses.draw();
    delivery.draw();
  };
  const element = section(
    "campaigns",
    "Campaigns",
    "What each campaign delivered, and what became of the slots it matched. The variant is the one chosen above.",
    controls(picker),
    missingWords,
    names,
    make(
      "div",
      { class: "grid" },
      make("div", { class: "panel" }, lossTitle, losses.element),
      make("div", { class: "panel" }, make("h3", {}, "Impressions"), delivery.element),
    ),
    table,
    more,
  );
  element.classList.add("long");
  redraw();
  chosen.listeners.push(redraw);
}
