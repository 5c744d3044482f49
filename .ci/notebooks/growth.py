"""growth.py GROWTH.CSV GROWTH.SVG: draws how the time of a variant grows. The same figures give the same bytes."""

import csv
import math
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

INK, MUTED, GRID, MEASURED, WALL = "#1f2933", "#6b7680", "#e4e7eb", "#1f6fb2", "#c2570c"
plt.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9,
                     "text.color": INK, "axes.labelcolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED, "axes.edgecolor": GRID})

# By series: the title, what is kept, the unit and column of the figures, and the exponent of the dashed line through the first or last of them.
PANELS = {
    "slots": ("Slots of the snapshot", "1,000 campaigns", "CPU ms a variant", "cpu_ms_per_variant", 1, -1),
    "campaigns": ("Campaigns", "100,000 slots", "CPU ms a variant", "cpu_ms_per_variant", 1, 0),
    "variants": ("Variants, one after another", "20,000 slots, 50 campaigns", "CPU ms a variant", "cpu_ms_per_variant", 0, -1),
    "cores": ("Cores that share 200 variants", "20,000 slots, 50 campaigns", "ms a variant", "cpu_ms_per_variant", 0, 0),
}


def spoken(n):
    """A figure as people write it: three digits, none after the point from ten on."""
    if n >= 10:
        digits = max(0, 2 - math.floor(math.log10(n)))
        return f"{round(n, digits):,.0f}" if n >= 100 else f"{n:.0f}"
    return f"{n:.1f}" if n >= 1 else f"{n:.2f}"


def line(ax, rows, column, color):
    x, y = [int(r["size"]) for r in rows], [float(r[column]) for r in rows]
    ax.plot(x, y, color=color, linewidth=2, marker="o", markersize=5, zorder=3)
    for at, value in zip(x, y):
        ax.annotate(spoken(value), (at, value), xytext=(0, 7), textcoords="offset points", ha="center", color=INK, fontsize=8)
    return x, y


def panel(ax, series, rows):
    title, kept, unit, column, power, anchor = PANELS[series]
    x, y = line(ax, rows, column, MEASURED)
    if series == "cores":
        line(ax, rows, "wall_ms_per_variant", WALL)
        ax.set_xticks(x, [str(n) for n in x])
        ax.set_xlim(0.7, x[-1] + 0.6)
        ax.set_ylim(0, 1.25 * max(float(r[c]) for r in rows for c in (column, "wall_ms_per_variant")))
        ax.annotate("CPU", (x[-1], y[-1]), xytext=(8, -3), textcoords="offset points", color=MEASURED)
        ax.annotate("wall", (x[-1], float(rows[-1]["wall_ms_per_variant"])), xytext=(8, -3), textcoords="offset points", color=WALL)
    else:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks(x, [f"{n:,}" for n in x])
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(lambda value, _: spoken(value))
        dashed = [y[anchor] * (n / x[anchor]) ** power for n in x]
        ax.plot(x, dashed, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=2)
        low, high = min(y), max(y)
        ax.set_ylim(low / 2.5, max(high * 3, low * 12))
        ax.set_xlim(x[0] / 2, x[-1] * 2)
    ax.set_title(f"{title}\n", loc="left", fontsize=10, fontweight="bold")
    ax.text(0, 1.03, kept + {1: " · dashed: linear", 0: " · dashed: flat"}[power] * (series != "cores"), transform=ax.transAxes, color=MUTED, fontsize=8)
    ax.set_ylabel(unit)
    ax.grid(True, color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


with open(sys.argv[1], newline="") as file:
    measured = list(csv.DictReader(file))
figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), layout="constrained")
for ax, series in zip(axes.flat, PANELS):
    panel(ax, series, [r for r in measured if r["series"] == series])
figure.savefig(sys.argv[2], metadata={"Date": None, "Creator": None})
