// Elements are made from parts, never from markup: a name with a tag in it stays text.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return element;
}

// A section of the page, listed in its table of contents.
const contents = [];
function section(id, title, lead, ...children) {
  contents.push([id, title]);
  const element = make(
    "section",
    { id, "aria-labelledby": id + "-title" },
    make("h2", { id: id + "-title" }, title),
    lead ? make("p", { class: "lead" }, ...[lead].flat()) : null,
    ...children,
  );
  document.getElementById("main").append(element);
  return element;
}

const empty = (text) => make("p", { class: "empty" }, text);

// A labelled list of choices [value, text]; change is called with the chosen value.
function choice(label, options, value, changed) {
  const select = make(
    "select",
    { onchange: () => changed(select.value) },
    options.map(([v, text]) => make("option", { value: v, selected: String(v) === String(value) }, text)),
  );
  return make("label", {}, label, select);
}

const measureChoice = (label, value, changed) =>
  choice(
    label,
    study.measures.map((m, i) => [i, m.label]),
    value,
    (v) => changed(Number(v)),
  );

function tick(label, checked, changed) {
  const box = make("input", { type: "checkbox", checked, onchange: () => changed(box.checked) });
  return make("label", { class: "tick" }, box, label);
}

const controls = (...children) => make("div", { class: "controls" }, children);

// A legend in words and shapes for what a chart shows: [class, text].
const legend = (...entries) =>
  make(
    "ul",
    { class: "legend" },
    entries
      .filter(Boolean)
      .map(([kind, text]) => make("li", { class: kind }, make("i", { "aria-hidden": "true" }), text)),
  );
