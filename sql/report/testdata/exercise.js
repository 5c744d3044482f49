// Uses every control of a page as a reader would, shows every tooltip, and leaves what the page said in the document.
let used = 0;
const tips = [];

// Moves the pointer over a chart in steps, as a reader's hand would.
function hover(instance) {
  const zr = instance.getZr();
  for (let x = 5; x < instance.getWidth(); x += 97) {
    for (let y = 5; y < instance.getHeight(); y += 71) zr.handler.dispatch("mousemove", { zrX: x, zrY: y });
  }
}

function showTips() {
  for (const { instance } of charts.filter((c) => c.instance)) {
    hover(instance);
    const option = instance.getOption();
    option.series.forEach((series, seriesIndex) =>
      (series.data || []).slice(0, 3).forEach((_, dataIndex) => {
        // The library can't point a tooltip at a line of parallel coordinates; hovering can.
        if (series.type !== "parallel") instance.dispatchAction({ type: "showTip", seriesIndex, dataIndex });
        const format = option.tooltip[0].formatter,
          value = series.data[dataIndex];
        const item = {
          seriesName: series.name || "",
          seriesIndex,
          dataIndex,
          data: value,
          value: value && value.value !== undefined ? value.value : value,
          name: "",
          axisValue: ((option.xAxis || [{}])[0].data || (option.yAxis || [{}])[0].data || [])[dataIndex],
        };
        tips.push(format(option.tooltip[0].trigger === "axis" ? [item] : item));
      }),
    );
  }
}

for (const select of document.querySelectorAll("select")) {
  for (const index of new Set([select.options.length - 1, 1, 0])) {
    if (index < 0 || index >= select.options.length) continue;
    select.selectedIndex = index;
    select.dispatchEvent(new Event("change"));
    used++;
  }
}
for (const box of document.querySelectorAll("input[type=checkbox]")) {
  box.click();
  used++;
}
showTips();
for (const search of document.querySelectorAll("input[type=search]")) {
  for (const text of ["no such variant", "v00", ""]) {
    search.value = text;
    search.dispatchEvent(new Event("input"));
    used++;
  }
}
for (const key of [...document.querySelectorAll("thead button")].map((b) => b.dataset.key)) {
  for (const _ of [1, 2]) {
    document.querySelector('thead button[data-key="' + key + '"]').click();
    used++;
  }
}
for (const name of ["main .more", "#comparison .pick", "#campaigns .pick", "#theme"]) {
  const button = document.querySelector(name);
  if (button) {
    button.click();
    used++;
  }
}
for (const event of ["beforeprint", "afterprint"]) window.dispatchEvent(new Event(event));
for (const c of charts.filter((c) => c.clicked)) c.clicked({ data: { index: 0 }, dataIndex: 0 });
showTips();
document.querySelectorAll("details").forEach((d) => {
  d.open = true;
});
document.getElementById("main").append(make("pre", {}, tips.join("\n")));
document.documentElement.dataset.used = String(used);
