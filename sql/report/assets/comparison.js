// The comparison: a row a variant with its figures and deltas, sorted and filtered here.
const pageRows = 25;
const ownColumns = 6; // more parameters than this share one column
const tableState = { sort: "order", down: false, filter: "", all: false };

function comparisonColumns() {
  const order = { key: "order", title: "Variant", text: true, value: (v, i) => i };
  const parameters =
    levers.length <= ownColumns
      ? levers.map((p, j) => ({
          key: "p" + j,
          title: leverName(p),
          text: true,
          value: (v) => (v.set[j] < 0 ? -1 : v.set[j]),
          long: levers[j].values.some((x) => x.text.length > 28),
          cell: (v) => setting(v, j).text,
        }))
      : [
          {
            key: "parameters",
            title: "Parameters",
            text: true,
            long: true,
            value: describeVariant,
            cell: describeVariant,
          },
        ];
  const figures = study.measures.map((m, j) => ({
    key: "m" + j,
    title: m.label,
    value: (v) => v.value[j],
    cell: (v) => figure(m.kind, v.value[j]),
    delta: (v) => (v === baseline || !baseline ? null : change(m.kind, v.delta[j], v.relative[j])),
    sign: (v) => Math.sign(v.delta[j] || 0),
    interval: (v) => intervalText(v, j),
  }));
  return [order, ...parameters, ...figures];
}

// The 95 % interval of a delta, in the delta's own unit.
function intervalText(v, m) {
  const bounds = v.interval && v.interval[m];
  if (!bounds || !isKnown(bounds.low) || !isKnown(bounds.high) || !baseline) return null;
  const kind = measureKind(m),
    over = kind === "share" ? 1 : baseline.value[m];
  if (!isKnown(over) || over === 0) return null;
  const bound = (x) => change(kind, x, x / over);
  return bound(bounds.low) + " … " + bound(bounds.high);
}

function comparisonRows(columns) {
  const wanted = tableState.filter.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const column = columns.find((k) => k.key === tableState.sort);
  const rows = variants
    .map((v, i) => ({ v, i, key: column.value(v, i) }))
    .filter(({ v }) => wanted.every((w) => (v.id + " " + describeVariant(v)).toLowerCase().includes(w)));
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en-US", { numeric: true }) : a - b);
  return rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.i - b.i; // unknown ones last
    return (tableState.down ? -compare(a.key, b.key) : compare(a.key, b.key)) || a.i - b.i;
  });
}

function headerCell(column, redraw) {
  const sorted = tableState.sort === column.key;
  const press = () => {
    // Figures start with the largest, texts with the first; a second press turns the order.
    tableState.down = sorted ? !tableState.down : !column.text;
    tableState.sort = column.key;
    redraw(column.key);
  };
  return make(
    "th",
    {
      scope: "col",
      class: column.text ? "text" : null,
      "aria-sort": sorted ? (tableState.down ? "descending" : "ascending") : null,
    },
    make("button", { type: "button", onclick: press, "data-key": column.key }, column.title),
  );
}

function bodyRow(columns, { v, i }) {
  const cells = columns.slice(1).map((k) => {
    const delta = k.delta && k.delta(v),
      bounds = k.interval && k.interval(v);
    return make(
      "td",
      { class: k.text ? "text" + (k.long ? " long" : "") : null },
      k.cell(v),
      delta ? make("small", { class: k.sign(v) > 0 ? "up" : k.sign(v) < 0 ? "down" : null }, delta) : null,
      bounds ? make("small", {}, bounds) : null,
    );
  });
  return make(
    "tr",
    { class: i === chosen.variant ? "chosen" : null },
    make(
      "th",
      { scope: "row", class: "text" },
      make("button", { type: "button", class: "pick", onclick: () => choose({ variant: i }) }, v.id),
      v.comparable ? null : make("small", {}, "other inputs"),
    ),
    cells,
  );
}

function drawComparison() {
  if (!variants.length) return;
  const columns = comparisonColumns();
  const holder = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Comparison table" });
  const count = make("p", { class: "lead", "aria-live": "polite" });
  const more = make("button", {
    type: "button",
    class: "more",
    onclick: () => {
      tableState.all = true;
      redraw();
    },
  });
  const redraw = (focus) => {
    const rows = comparisonRows(columns),
      shown = tableState.all ? rows : rows.slice(0, pageRows);
    holder.replaceChildren(
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            columns.map((k) => headerCell(k, redraw)),
          ),
        ),
        make(
          "tbody",
          {},
          shown.map((r) => bodyRow(columns, r)),
        ),
      ),
    );
    count.textContent =
      rows.length === variants.length
        ? whole.format(rows.length) + (rows.length === 1 ? " variant" : " variants")
        : whole.format(rows.length) + " of " + whole.format(variants.length) + " variants match";
    more.hidden = shown.length === rows.length;
    more.textContent = "Show all " + whole.format(rows.length);
    const pressed = focus && holder.querySelector('button[data-key="' + focus + '"]');
    if (pressed) pressed.focus();
  };
  const search = make("input", {
    type: "search",
    placeholder: "v0012, daily cap 3",
    oninput: () => {
      tableState.filter = search.value;
      redraw();
    },
  });
  const element = section(
    "comparison",
    "Comparison",
    baseline
      ? "Figures with their change against the baseline below: percent, or percentage points of a rate."
      : "Without a baseline there are no deltas.",
    controls(make("label", {}, "Filter by id or parameter", search)),
    count,
    holder,
    more,
  );
  element.classList.add("long");
  redraw();
  chosen.listeners.push(() => redraw());
}
