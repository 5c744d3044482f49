// The page of all simulations.
import { $, ask, askForKey, attempt, badge, count, element, get, problems, say, when, words } from "./api.js";

const every = 4000; // milliseconds between two looks
let pages = 1;

function line(s) {
  const finished = s.counts.succeeded + s.counts.failed + s.counts.cancelled;
  const bar = element("div", { class: "bar", title: `${finished} of ${s.variants} finished` }, element("i"), element("i"));
  bar.children[0].style.width = (100 * s.counts.succeeded) / Math.max(1, s.variants) + "%";
  bar.children[1].style.width = (100 * s.counts.failed) / Math.max(1, s.variants) + "%";
  return element(
    "tr",
    {},
    element("td", {}, element("a", { href: "/simulations/" + s.id }, s.name || s.id), element("div", { class: "soft" }, element("code", {}, s.id))),
    element("td", {}, badge(s.state)),
    element("td", {}, bar),
    element("td", { class: "figure" }, count(s.variants)),
    element("td", { class: "figure" }, s.counts.failed ? count(s.counts.failed) : ""),
    element("td", {}, s.owner || ""),
    element("td", {}, when(s.submitted_at)),
  );
}

async function list() {
  const query = new URLSearchParams({ page_size: "50" });
  if ($("state").value) query.set("state", $("state").value);
  if ($("owner").value.trim()) query.set("owner", $("owner").value.trim());
  const all = [];
  let token = "";
  for (let page = 0; page < pages; page++) {
    if (token) query.set("page_token", token);
    const answer = await get("/v1/simulations?" + query);
    all.push(...answer.simulations);
    token = answer.next_page_token;
    if (!token) break;
  }
  $("simulations").replaceChildren(...all.map(line));
  $("none").hidden = all.length > 0;
  $("more").hidden = !token;
}

const told = {
  state: (e) => words(e.data.state || ""),
  note: (e) => (e.data.author ? e.data.author + ": " : "") + (e.data.text || ""),
  retry: (e) => `${count(e.data.variants || 0)} variants again`,
  deleted: () => "deleted",
};

async function feed() {
  const answer = await get("/v1/feed?page_size=30");
  $("feed").replaceChildren(
    ...answer.events.map((e) =>
      element(
        "li",
        {},
        element("time", { datetime: e.at }, when(e.at)),
        element("a", { href: "/simulations/" + e.simulation_id }, e.simulation_id),
        " ",
        (told[e.type] || (() => e.type))(e),
      ),
    ),
  );
}

async function look() {
  if (document.hidden) return;
  await attempt(async () => {
    await Promise.all([list(), feed()]);
  });
}

async function send(validateOnly) {
  const verdict = $("verdict");
  verdict.replaceChildren();
  try {
    const headers = { "Content-Type": "application/yaml" };
    // A second press of the button, or a lost answer, is the same submission.
    if (!validateOnly) headers["Idempotency-Key"] = await digest($("config").value + "\n" + new Date().toISOString().slice(0, 15));
    const response = await ask("/v1/simulations" + (validateOnly ? "?validate_only=true" : ""), { method: "POST", body: $("config").value, headers });
    const answer = await response.json();
    verdict.append(
      validateOnly
        ? element("p", {}, `Valid: ${count(answer.variants.length)} variants of ${count(answer.slots)} slots against ${count(answer.campaigns)} campaigns.`)
        : element("p", {}, "Submitted: ", element("a", { href: "/simulations/" + answer.id }, answer.id)),
    );
    if (answer.warnings && answer.warnings.length) verdict.append(element("h3", {}, "Worth a look"), problems(answer.warnings));
    if (!validateOnly) look();
  } catch (error) {
    verdict.append(element("p", { class: "wrong" }, error.message));
    if (error.errors && error.errors.length) verdict.append(problems(error.errors));
  }
}

async function digest(text) {
  const bytes = new TextEncoder().encode(text);
  // Browsers have the digest on https and loopback only; elsewhere each press is a submission of its own.
  if (!crypto.subtle) return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (b) => b.toString(16).padStart(2, "0")).join("");
}

$("key").addEventListener("click", () => askForKey());
$("state").addEventListener("change", look);
$("owner").addEventListener("change", look);
$("more").addEventListener("click", () => {
  pages++;
  look();
});
$("validate").addEventListener("click", () => send(true));
$("submit").addEventListener("click", () => send(false));
$("file").addEventListener("change", async () => {
  const file = $("file").files[0];
  if (!file) return;
  if (file.size > 4 << 20) say("The file is larger than 4 MiB, the bound of a configuration.", true);
  else $("config").value = await file.text();
});
look();
setInterval(look, every);
