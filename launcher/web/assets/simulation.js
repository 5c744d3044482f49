// The page of one simulation.
import { $, ask, askForKey, attempt, count, element, events, get, post, rough, say, when, words } from "./api.js";

const id = decodeURIComponent(location.pathname.split("/").pop());
const base = "/v1/simulations/" + encodeURIComponent(id);
const metrics = ["fill_rate", "filled", "reach", "average_frequency", "revenue", "ecpm", "goals_met"];
const asked = new URLSearchParams(location.search);
let current = null;

function show(s) {
  current = s;
  document.title = `${s.name || s.id} · What-If Machine`;
  $("head").hidden = false;
  $("name").textContent = s.name || s.id;
  $("id").textContent = s.id;
  $("state").textContent = words(s.state) + (s.wanted ? `, asked to ${s.wanted}` : "");
  $("state").className = "state " + s.state;
  const of = Math.max(1, s.variants);
  $("done").style.width = (100 * s.counts.succeeded) / of + "%";
  $("bad").style.width = (100 * s.counts.failed) / of + "%";
  $("done").parentElement.setAttribute("aria-valuenow", Math.round((100 * (s.counts.succeeded + s.counts.failed + s.counts.cancelled)) / of));
  $("summary").textContent = s.summary;
  $("pace").textContent = pace(s);
  $("waiting").textContent = s.waiting || "";
  $("blocking").replaceChildren(
    ...(s.blocking || []).map((b) =>
      element("li", {}, `${b.variant_id}, attempt ${b.attempt}, since ${when(b.since)}`, b.next_retry ? `; again at ${when(b.next_retry)}` : "", b.reason ? `; ${b.reason}` : ""),
    ),
  );
  $("fault").hidden = !s.fault;
  $("fault").textContent = s.fault ? `${s.fault.reason}: ${s.fault.message}` : "";
  const finished = ["succeeded", "partially_failed", "failed", "cancelled"].includes(s.state);
  const can = { pause: s.state === "running", resume: s.state === "paused", cancel: !finished, retry: finished && s.state !== "succeeded" };
  for (const b of document.querySelectorAll("[data-do]")) b.hidden = !can[b.dataset.do];
}

function pace(s) {
  const parts = [`${count(s.slots)} slots, ${count(s.campaigns)} campaigns, submitted ${when(s.submitted_at)}`];
  const p = s.progress;
  if (s.state === "running" && p && p.decisions_per_second > 0) parts.push(`${rough(p.decisions_per_second)} decisions a second`);
  if (s.state === "running" && p && p.estimated_end) parts.push(`done about ${when(p.estimated_end)}`);
  if (s.finished_at) parts.push(`finished ${when(s.finished_at)}`);
  return parts.join("; ");
}

const view = () => {
  const q = new URLSearchParams();
  const [sort, order] = $("sort").value.split(" ");
  if (sort) q.set("sort", sort);
  if (order) q.set("order", order);
  if ($("top").value) q.set("top", $("top").value);
  return q;
};

async function comparison() {
  const t = await get(`${base}/comparison?page_size=1000&${view()}`);
  const at = Object.fromEntries(t.columns.map((c, i) => [c.name, i]));
  const parameters = [...new Set(t.rows.flatMap((r) => Object.keys(JSON.parse(r[at.parameters] || "{}"))))];
  const shown = metrics.filter((m) => m in at);
  $("comparison").tHead.replaceChildren(
    element("tr", {}, element("th", {}, "Variant"), ...parameters.map((p) => element("th", {}, p)), ...shown.map((m) => element("th", { class: "figure" }, words(m)))),
  );
  $("comparison").tBodies[0].replaceChildren(
    ...t.rows.map((r) => {
      const values = JSON.parse(r[at.parameters] || "{}");
      const variant = r[at.variant_id];
      return element(
        "tr",
        { class: variant === "baseline" ? "baseline" : null },
        element("td", {}, element("code", {}, variant)),
        ...parameters.map((p) => element("td", {}, p in values ? String(values[p]) : "")),
        ...shown.map((m) => cell(m, r[at[m]], r[at[m + "_delta"]], r[at[m + "_relative_delta"]], variant === "baseline")),
      );
    }),
  );
  $("partial").hidden = !t.partial && !t.note;
  $("partial").textContent = (t.partial ? "Not all results yet. " : "") + (t.note || "");
  $("duckdb").textContent = t.sql.duckdb || "";
  $("bigquery").textContent = t.sql.bigquery || "";
}

function cell(metric, value, delta, relative, baseline) {
  if (value == null) return element("td", { class: "figure" }, "–");
  const rate = metric.endsWith("_rate");
  const text = rate ? rough(100 * value) + " %" : rough(value);
  const td = element("td", { class: "figure" }, text);
  const change = rate ? delta : relative;
  if (!baseline && change != null) {
    const size = (100 * change).toFixed(1);
    const direction = change > 0 ? " up" : change < 0 ? " down" : "";
    td.append(element("span", { class: "delta" + direction }, (change > 0 ? "+" : "") + size + (rate ? " points" : " %")));
  }
  return td;
}

async function failures() {
  $("failures").hidden = !current || !current.counts.failed;
  if ($("failures").hidden) return;
  const t = await get(`${base}/failures?page_size=200`);
  const at = Object.fromEntries(t.columns.map((c, i) => [c.name, i]));
  $("failures")
    .querySelector("tbody")
    .replaceChildren(
      ...t.rows.map((r) =>
        element(
          "tr",
          {},
          element("td", {}, element("code", {}, r[at.variant_id])),
          element("td", {}, r[at.reason] || ""),
          element("td", {}, r[at.message] || ""),
          element("td", { class: "figure" }, String(r[at.attempts] ?? "")),
        ),
      ),
    );
}

async function notes() {
  const all = [];
  let token = "";
  do {
    const page = await get(`${base}/notes?page_size=200${token ? "&page_token=" + encodeURIComponent(token) : ""}`);
    all.push(...page.notes);
    token = page.next_page_token;
  } while (token);
  $("notes").replaceChildren(
    ...all.map((n) => element("li", {}, element("time", { datetime: n.at }, `${n.author || "someone"}, ${when(n.at)}${n.variant_id ? ", on " + n.variant_id : ""}`), n.text)),
  );
}

// Looks again soon, once, however many events there were: tables are asked for at most every two seconds.
let due = 0;
function again(soon) {
  if (due) return;
  due = setTimeout(
    async () => {
      due = 0;
      await attempt(async () => {
        show(await get(base));
        await Promise.all([comparison(), failures()]);
      });
    },
    soon ? 50 : 2000,
  );
}

function heard(e) {
  if (e.type === "note") attempt(notes);
  else again(e.type === "state");
}

async function act(what) {
  await attempt(async () => {
    if (what === "cancel" && !confirm("Cancel this simulation? What is finished stays.")) return;
    show(await post(`${base}:${what}`, what === "retry" ? {} : undefined));
  });
}

async function open(path, accept, name) {
  await attempt(async () => {
    const blob = await (await ask(path, { headers: { Accept: accept } })).blob();
    const url = URL.createObjectURL(blob);
    const link = element("a", name ? { href: url, download: name } : { href: url, target: "_blank", rel: "noopener" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  });
}

async function share() {
  await attempt(async () => {
    const link = await post("/v1/links", { target: `/simulations/${id}?${view()}` });
    const url = location.origin + link.path;
    try {
      await navigator.clipboard.writeText(url);
      say("Copied: " + url);
    } catch {
      say("The link: " + url); // the browser lets no script write to the clipboard here
    }
  });
}

$("sort").append(element("option", { value: "" }, "variant"), ...metrics.flatMap((m) => [element("option", { value: m + " desc" }, words(m) + ", highest"), element("option", { value: m + " asc" }, words(m) + ", lowest")]));
$("sort").value = asked.has("sort") ? `${asked.get("sort")} ${asked.get("order") || "desc"}` : "revenue desc";
if (asked.has("top")) $("top").value = asked.get("top");
$("sort").addEventListener("change", () => attempt(comparison));
$("top").addEventListener("change", () => attempt(comparison));
$("key").addEventListener("click", () => askForKey());
$("report").addEventListener("click", () => open(`${base}/report`, "text/html"));
$("csv").addEventListener("click", () => open(`${base}/comparison?${view()}`, "text/csv", `${id}.csv`));
$("share").addEventListener("click", share);
$("actions").addEventListener("click", (e) => e.target.dataset.do && act(e.target.dataset.do));
$("write").addEventListener("submit", (e) => {
  e.preventDefault();
  attempt(async () => {
    const note = { text: $("text").value };
    if ($("variant").value) note.variant_id = $("variant").value;
    await post(`${base}/notes`, note);
    $("write").reset();
    await notes();
  });
});

attempt(async () => {
  show(await get(base));
  await Promise.all([comparison(), failures(), notes()]);
});
const over = new AbortController();
addEventListener("pagehide", () => over.abort());
events(`${base}/events`, heard, over.signal);
