// The HTTP interface, drawn from its own description.
import { $, attempt, element, get } from "./api.js";

const link = (name) => element("a", { href: "#schema-" + name }, name);

// A type in words, with links to the bodies below.
function type(s) {
  if (!s) return "anything";
  if (s.$ref) return link(s.$ref.split("/").pop());
  const kinds = [s.type].flat().filter((k) => k && k !== "null");
  if (kinds[0] === "array") return element("span", {}, "list of ", type(s.items));
  if (s.enum) return element("span", {}, "one of ", element("code", {}, s.enum.join(", ")));
  const bounds = ["format", "minimum", "maximum", "minLength", "maxLength", "pattern"].filter((k) => k in s).map((k) => `${k} ${s[k]}`);
  return (kinds.join(" or ") || "anything") + (bounds.length ? ` (${bounds.join(", ")})` : "");
}

function table(heads, rows) {
  return element(
    "div",
    { class: "scroll" },
    element("table", {}, element("thead", {}, element("tr", {}, ...heads.map((h) => element("th", {}, h)))), element("tbody", {}, ...rows.map((r) => element("tr", {}, ...r.map((c) => element("td", {}, c)))))),
  );
}

// The little Markdown that the description has: paragraphs, tables, `code`.
function described(text) {
  return text.split(/\n\s*\n/).map((block) => {
    const lines = block.trim().split("\n");
    if (!lines[0].startsWith("|")) return element("p", {}, ...inline(lines.join(" ")));
    const cells = lines.filter((l) => !/^\|[-|: ]+$/.test(l)).map((l) => l.replace(/^\||\|$/g, "").split("|").map((c) => element("span", {}, ...inline(c.trim()))));
    const drawn = table(cells[0], cells.slice(1));
    // Problems name their code's line: /docs#NOT_FOUND.
    for (const row of drawn.querySelectorAll("tbody tr")) row.id = row.cells[0].textContent;
    return drawn;
  });
}
const inline = (text) => text.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));

const anchor = (verb, path) => `${verb}-${path}`.replace(/[^a-zA-Z0-9]+/g, "-");

function route(path, verb, o) {
  const body = element(
    "section",
    { id: anchor(verb, path) },
    element("h2", {}, element("span", { class: "verb " + verb }, verb.toUpperCase()), " ", element("code", {}, path)),
    element("p", {}, ...inline(o.summary || "")),
    o.description && o.description !== o.summary ? element("p", { class: "soft" }, ...inline(o.description)) : null,
  );
  if (o.parameters && o.parameters.length) {
    body.append(
      element("h3", {}, "Parameters"),
      table(["Name", "In", "Type", "Meaning"], o.parameters.map((p) => [element("code", {}, p.name + (p.required ? " *" : "")), p.in, type(p.schema), element("span", {}, ...inline(p.description || (p.schema && p.schema.description) || ""))])),
    );
  }
  if (o.requestBody) {
    body.append(element("h3", {}, "Body"), table(["Media type", "Type"], Object.entries(o.requestBody.content || {}).map(([m, c]) => [element("code", {}, m), type(c.schema)])));
  }
  body.append(
    element("h3", {}, "Answers"),
    table(["Status", "Meaning", "Body"], Object.entries(o.responses || {}).map(([status, r]) => [status, r.description || "", element("span", {}, ...Object.entries(r.content || {}).flatMap(([m, c]) => [element("code", {}, m), " ", type(c.schema), " "]))])),
  );
  return body;
}

function schema(name, s) {
  const required = new Set(s.required || []);
  const rows = Object.entries(s.properties || {}).map(([n, p]) => [
    element("code", {}, n + (required.has(n) ? " *" : "")),
    type(p),
    element("span", {}, ...inline(p.description || ""), p.examples ? element("code", {}, " " + JSON.stringify(p.examples[0])) : null),
  ]);
  return element("section", { id: "schema-" + name }, element("h3", {}, name), s.description ? element("p", {}, s.description) : null, rows.length ? table(["Field", "Type", "Meaning"], rows) : element("p", {}, type(s)));
}

attempt(async () => {
  const api = await get("/openapi.json");
  $("title").textContent = api.info.title;
  $("about").replaceChildren(...described(api.info.description || ""));
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, o] of Object.entries(verbs)) {
      if (!o.responses) continue;
      $("contents").append(element("li", {}, element("a", { href: "#" + anchor(verb, path) }, element("code", {}, verb.toUpperCase() + " " + path)), " ", ...inline(o.summary || "")));
      $("routes").append(route(path, verb, o));
    }
  }
  for (const [name, s] of Object.entries((api.components || {}).schemas || {})) $("schemas").append(schema(name, s));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
});
