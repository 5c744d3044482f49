// What failed, and why.
function drawFailures() {
  if (!study.failures.length) return;
  const reasons = new Map();
  for (const f of study.failures) reasons.set(f.reason, (reasons.get(f.reason) || 0) + 1);
  const lead = [...reasons]
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => whole.format(n) + " " + reason)
    .join(", ");
  const rows = study.failures.map((f) =>
    make(
      "tr",
      {},
      make("th", { class: "text", scope: "row" }, f.variant),
      make("td", { class: "text" }, f.reason),
      make("td", { class: "text long" }, f.message || missing),
      make("td", { class: "text" }, f.retryable ? "yes" : "no"),
      make("td", {}, whole.format(f.attempts)),
      make("td", { class: "text" }, instant(f.last)),
    ),
  );
  const table = make(
    "table",
    {},
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ["Variant", "Reason", "Message", "May succeed on retry", "Attempts", "Last failed"].map((t) =>
          make("th", { scope: "col", class: t === "Attempts" ? null : "text" }, t),
        ),
      ),
    ),
    make("tbody", {}, rows),
  );
  section(
    "failures",
    "Failures",
    [lead + ". ", make("code", {}, "whatif retry " + study.simulation.id), " tries them again."],
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Failures" }, table),
  ).classList.add("long");
}
