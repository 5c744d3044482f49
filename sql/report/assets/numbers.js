// How figures are written: en-US, a dash where one is unknown. Nothing prints NaN.
const study = JSON.parse(document.getElementById("study").textContent);
const missing = "–";
const minus = (text) => text.replace(/^-/, "−");
const decimals = (least, most) =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most });
const whole = decimals(0, 0),
  tenth = decimals(0, 1),
  cents = decimals(2, 2);
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const plain = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });

const isKnown = (v) => typeof v === "number" && Number.isFinite(v);

// A figure in full.
function figure(kind, v) {
  if (!isKnown(v)) return missing;
  switch (kind) {
    case "count":
      return minus(whole.format(v));
    case "share":
      return minus(tenth.format(100 * v)) + " %";
    case "money":
      return minus((study.simulation.currency + " " + cents.format(v)).trim());
    default:
      return minus(cents.format(v));
  }
}

// A figure for an axis or a small label.
function brief(kind, v) {
  if (!isKnown(v)) return missing;
  if (kind === "share") return minus(plain.format(Math.round(1000 * v) / 10)) + " %";
  return minus(Math.abs(v) < 1000 ? plain.format(Number(v.toPrecision(4))) : compact.format(v));
}

// A signed change in hundredths: percent, or points of a share.
function change(kind, delta, relative) {
  const x = kind === "share" ? delta : relative;
  if (!isKnown(x)) return isKnown(delta) && delta !== 0 ? signed(brief(kind, delta), delta) : missing;
  const size = Math.abs(100 * x);
  const text = size < 9.95 ? tenth.format(size) : whole.format(size);
  const unit = kind === "share" ? (text === "1" ? " point" : " points") : " %";
  return text === "0" ? (delta === 0 ? "±0" : "≈0") : (x < 0 ? "−" : "+") + text + unit;
}
const signed = (text, v) => (v > 0 ? "+" : "") + text;

// A time as people read it: 2026-07-01 12:00:03 UTC.
const instant = (text) => (text ? text.replace("T", " ").replace("Z", " UTC") : missing);

const sum = (xs) => xs.reduce((a, b) => a + b, 0);
