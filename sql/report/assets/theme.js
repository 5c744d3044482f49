// Light or dark: the reader's system decides until the button is pressed; paper is always light.
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
let chosenTheme = null;
let printing = false;

const theme = () => (printing ? "light" : chosenTheme || (systemDark.matches ? "dark" : "light"));

function applyTheme() {
  const name = theme();
  document.documentElement.dataset.theme = name;
  document.getElementById("theme").textContent = name === "dark" ? "Light" : "Dark";
  redrawCharts();
}

function startTheme() {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.setAttribute("aria-label", "Switch between light and dark");
  button.addEventListener("click", () => {
    chosenTheme = theme() === "dark" ? "light" : "dark";
    applyTheme();
  });
  systemDark.addEventListener("change", applyTheme);
  window.addEventListener("beforeprint", () => {
    printing = true;
    applyTheme();
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    applyTheme();
  });
}

// The style sheet's colours, as they are now.
function colors() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue("--" + name).trim();
  return {
    card: get("card"),
    ink: get("ink"),
    soft: get("soft"),
    rule: get("rule"),
    faint: get("faint"),
    base: get("base"),
    first: get("first"),
    second: get("second"),
    third: get("third"),
    muted: get("muted"),
    band: get("band"),
    ramp: get("ramp").split(/\s+/),
  };
}
