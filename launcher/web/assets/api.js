// Asking the launcher. The key stays in this tab's session storage and goes nowhere else.
const slot = "whatif-api-key";

export const $ = (id) => document.getElementById(id);

// element("td", {class: "figure"}, "12", child): text is always text, never markup.
export function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) e.setAttribute(name, "");
    else if (value !== false && value != null) e.setAttribute(name, value);
  }
  e.append(...children.filter((c) => c != null));
  return e;
}

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the launcher answered ${status}`);
    this.status = status;
    this.code = body.code || "";
    this.errors = body.errors || [];
  }
}

function headers(more) {
  const h = new Headers(more);
  const key = sessionStorage.getItem(slot);
  if (key) h.set("Authorization", "Bearer " + key);
  return h;
}

export async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers(options.headers) });
  if (response.ok) return response;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // An answer without a problem in it says enough by its status.
  }
  if (response.status === 401) await askForKey(body.detail);
  throw new Problem(response.status, body);
}

export const get = async (path) => (await ask(path)).json();

export async function post(path, value) {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const response = await ask(path, { method: "POST", body, headers: body ? { "Content-Type": "application/json" } : {} });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

// The dialog for the key; it resolves when it is closed.
export function askForKey(why) {
  const dialog = $("ask");
  if (!dialog || dialog.open) return Promise.resolve();
  const input = element("input", { type: "password", autocomplete: "off", "aria-label": "API key", placeholder: "wif_..." });
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", {}, "API key"),
    element("p", { class: "soft" }, why || "It is kept in this tab only. An empty one is forgotten."),
    input,
    element("button", { class: "main" }, "Use it"),
  );
  dialog.replaceChildren(form);
  input.value = sessionStorage.getItem(slot) || "";
  return new Promise((done) => {
    form.addEventListener("submit", () => {
      if (input.value.trim()) sessionStorage.setItem(slot, input.value.trim());
      else sessionStorage.removeItem(slot);
      location.reload();
    });
    dialog.addEventListener("close", done, { once: true });
    dialog.showModal();
  });
}

// Server-sent events with the key, resumed after a cut where they ended. It ends when signal does.
export async function events(path, heard, signal) {
  let last = "";
  let pause = 500;
  while (!signal.aborted) {
    try {
      const response = await fetch(path, { headers: headers(last ? { "Last-Event-ID": last } : {}), signal });
      if (response.status >= 400 && response.status < 500 && response.status !== 429) return;
      if (!response.ok) throw new Error(response.statusText);
      pause = 500;
      let text = "";
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk.replaceAll("\r\n", "\n");
        let end;
        while ((end = text.indexOf("\n\n")) >= 0) {
          const event = parse(text.slice(0, end));
          text = text.slice(end + 2);
          if (event.id) last = event.id;
          if (event.data) heard(JSON.parse(event.data));
        }
      }
    } catch {
      if (signal.aborted) return;
    }
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, 10000);
  }
}

function parse(block) {
  const event = { id: "", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at <= 0) continue; // a comment
    const value = line.slice(at + 1).replace(/^ /, "");
    if (line.slice(0, at) === "id") event.id = value;
    if (line.slice(0, at) === "data") event.data += value;
  }
  return event;
}

// What went wrong, or nothing, at the top of the page.
export function say(text, wrong = false) {
  const p = $("message");
  p.hidden = !text;
  p.textContent = text || "";
  p.classList.toggle("wrong", wrong);
}

export async function attempt(work) {
  try {
    say("");
    return await work();
  } catch (error) {
    say(error.message, true);
    return undefined;
  }
}

export function problems(list) {
  return element(
    "ul",
    { class: "problems" },
    ...list.map((p) =>
      element(
        "li",
        {},
        p.location ? element("code", {}, p.location + " ") : null,
        p.path ? element("code", {}, p.path + ": ") : null,
        p.message,
        p.suggestion ? element("span", { class: "soft" }, " " + p.suggestion) : null,
      ),
    ),
  );
}

const number = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
export const count = (n) => number.format(n);
export const rough = (x) => (Math.abs(x) >= 1000 ? number.format(Math.round(x)) : short.format(x));
export const when = (text) => (text ? new Date(text).toLocaleString() : "");
export const words = (state) => state.replaceAll("_", " ");
export const badge = (state) => element("span", { class: "state " + state }, words(state));
