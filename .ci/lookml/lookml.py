"""The LookML of sql/looker, from and against the views of sql/views.

    lookml.py generate FOLDER     writes base/: each view with each column of its columns.txt, by type and meaning
    lookml.py check               reads all of it and tells every mistake: base/ that is not as generate writes it, fields that
                                  are not there, explores that do not filter the partition, dashboards that ask for neither
    lookml.py statements FILE     writes a query as Looker would make it of each explore, for GoogleSQL's analyser
"""

import json
import pathlib
import re
import sys
import tempfile

import lkml
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
VIEWS, LOOKER = ROOT / "sql" / "views", ROOT / "sql" / "looker"
PUBLIC = sorted(p.parent.name for p in VIEWS.glob("*/columns.txt") if p.parent.name not in ("variant_results", "pareto"))

# What Looker writes for its constants here, and for what a person chose; the analyser knows this dataset.
CONSTANTS = {"dataset": "my-project.whatif", "days": "400"}
CHOSEN = {"simulation": "'20260701-abcdefgh23'", "x": "'reach'", "y": "'revenue'"}


def columns(view):
    """The columns of a view: name, type, meaning."""
    for line in (VIEWS / view / "columns.txt").read_text().splitlines():
        yield line.split("\t", 2)


def number_format(name):
    """How people read a figure, by what its name says it is."""
    if name.endswith("_relative_delta") or re.search(r"(^|_)(rate|share|utilisation|schedule)(_|$)", name):
        return "percent_2"
    if re.search(r"nanos|_ms$|_bytes$|^seed$|version$", name):
        return "decimal_0"
    if re.search(r"(^|_)(revenue|spend|ecpm|rpm|frequency|grp|mean|minimum|maximum|value|number|error|low|high|delta)(_|$)", name):
        return "decimal_4" if "frequency" in name else "decimal_2"
    return "decimal_0"


def field(name, kind, doc):
    """The lines of one column's dimension; none for a list, which is no dimension."""
    sql = "${TABLE}." + (f"`{name}`" if name == "group" else name)
    text = doc.replace('"', "'")
    text = text[0].upper() + text[1:]
    if kind.startswith("ARRAY"):
        return [f"  # {name}: a list, which is no dimension; the view of its own has it by row."]
    if kind == "TIMESTAMP":
        base = name.removesuffix("_at")
        return [f"  dimension_group: {base} {{", "    type: time", "    timeframes: [raw, time, hour, date]", "    datatype: timestamp",
                f'    description: "{text}"', f"    sql: {sql} ;;", "  }"]
    lines = [f"  dimension: {name} {{"]
    lines += {"DATE": ["    type: date", "    datatype: date", "    convert_tz: no"], "BOOL": ["    type: yesno"],
              "STRING": ["    type: string"]}.get(kind, ["    type: number"])
    if kind in ("INT64", "FLOAT64"):
        lines.append(f"    value_format_name: {number_format(name)}")
    # The table refuses a query without a day, and Looker's own for suggestions have none.
    lines += ["    suggestable: no"] if kind == "STRING" else []
    return [*lines, f'    description: "{text}"', f"    sql: {sql} ;;", "  }"]


def base(view):
    """A view's file: the view as BigQuery has it."""
    lines = [f"# View {view} as sql/views/{view}/columns.txt has it. Generated: .ci/looker generate", "", f"view: {view} {{",
             f"  sql_table_name: `@{{dataset}}.{view}` ;;", "", "  parameter: simulation {", "    type: string",
             '    description: "The simulation to look at. Its id begins with the day that the table is partitioned by"',
             "    suggest_explore: simulations", "    suggest_dimension: simulations.simulation_id", "  }"]
    for name, kind, doc in columns(view):
        lines += ["", *field(name, kind, doc)]
    return "\n".join([*lines, "}", ""])


def generate(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for view in PUBLIC:
        (folder / f"{view}.view.lkml").write_text(base(view))


class Project:
    """All of sql/looker, parsed: the views with their refinements, the explores, the dashboards."""

    def __init__(self):
        self.views, self.explores, self.wrong, self.constants = {}, {}, [], {}
        for path in sorted(LOOKER.rglob("*.lkml")):
            try:
                parsed = lkml.load(path.read_text())
            except SyntaxError as error:
                self.wrong.append(f"{path}: {error}")
                continue
            self.constants |= {c["name"]: c["value"] for c in parsed.get("constants", [])}
            for view in parsed.get("views", []):
                self.add(path, view)
            for explore in parsed.get("explores", []):
                self.explores[explore["name"]] = explore
        self.dashboards = [(p, d) for p in sorted(LOOKER.glob("dashboards/*.dashboard.lookml")) for d in yaml.safe_load(p.read_text())]

    def add(self, path, view):
        into = self.views.setdefault(view["name"].lstrip("+"), {"fields": {}})
        into |= {k: v for k, v in view.items() if k in ("sql_table_name", "derived_table")}
        for group in ("dimensions", "dimension_groups", "measures", "parameters", "filters"):
            for f in view.get(group, []):
                if group == "filters" and "name" not in f:
                    continue
                known = into["fields"].get(f["name"])
                if known and not view["name"].startswith("+"):
                    self.wrong.append(f"{path}: {view['name']}.{f['name']} is there twice")
                into["fields"][f["name"]] = (known or {}) | f | {"group": group, "path": path}

    def names(self, view):
        """The names by which the fields of a view are asked for: a time has one for each timeframe."""
        for name, f in self.views[view]["fields"].items():
            if f["group"] == "dimension_groups":
                yield from (f"{name}_{frame}" for frame in f["timeframes"])
            else:
                yield name

    def sql(self, view, text):
        """A field's SQL as Looker writes it: tables, fields, constants and what a person chose in place of their names."""
        text = re.sub(r"@\{(\w+)\}", lambda m: CONSTANTS[m[1]], text)
        text = re.sub(r"\{%\s*parameter\s+(?:\w+\.)?(\w+)\s*%\}", lambda m: CHOSEN[m[1]], text)
        text = re.sub(r"\$\{(?:\w+\.)?(\w+)\}", lambda m: self.of_field(view, m[1]), text)
        return text

    def of_field(self, view, name):
        if name == "TABLE":
            return view
        for known, f in self.views[view]["fields"].items():
            if known == name or f["group"] == "dimension_groups" and name in (f"{known}_{t}" for t in f["timeframes"]):
                return self.expression(view, f)
        raise KeyError(f"{view} has no field {name}")

    def expression(self, view, f):
        inner = self.sql(view, f.get("sql", "*"))
        aggregate = {"sum": "SUM(%s)", "average": "AVG(%s)", "max": "MAX(%s)", "min": "MIN(%s)", "count_distinct": "COUNT(DISTINCT %s)", "count": "COUNT(*)"}
        if f["group"] != "measures" or f["type"] in ("number", "string", "yesno"):
            return f"({inner})"
        if "filters__all" in f:
            condition = " AND ".join(f"{self.of_field(view, k)} = '{v}'" for each in f["filters__all"] for one in each for k, v in one.items())
            inner = f"CASE WHEN {condition} THEN {'1' if f['type'] == 'count' else inner} END"
            return {**aggregate, "count": "COUNT(%s)"}[f["type"]] % inner
        return aggregate[f["type"]].replace("%s", inner)

    def table(self, view):
        v = self.views[view]
        if "derived_table" in v:
            return f"(\n{self.sql(view, v['derived_table']['sql'])}\n) AS {view}"
        return f"{self.sql(view, v['sql_table_name'])} AS {view}"

    def query(self, name):
        """One explore with all of its fields, as Looker groups them."""
        view = self.explores[name].get("view_name", name)
        fields = self.views[view]["fields"]
        dimensions = {n: self.expression(view, f) for n, f in fields.items() if f["group"] in ("dimensions", "dimension_groups")}
        measures = {n: self.expression(view, f) for n, f in fields.items() if f["group"] == "measures"}
        lines = [f"  {sql} AS {view}_{n}" for n, sql in (dimensions | measures).items()]
        where = self.explores[name].get("sql_always_where")
        text = "SELECT\n" + ",\n".join(lines) + f"\nFROM {self.table(view)}"
        if where:
            text += f"\nWHERE {self.sql(view, where)}"
        if measures:
            text += "\nGROUP BY " + ", ".join(str(i + 1) for i in range(len(dimensions)))
        return text


# How a statement about one simulation filters the day, which BigQuery then reads alone.
DAY = "${%s.submitted_date} = SAFE.PARSE_DATE('%%Y%%m%%d', SUBSTR({%% parameter %s.simulation %%}, 1, 8))"


def check_explores(p, tell):
    for name, explore in p.explores.items():
        view = explore.get("view_name", name)
        if view not in p.views:
            tell(f"explore {name}: there is no view {view}")
            continue
        if name == "simulations":
            if "submitted_date >= DATE_SUB(CURRENT_DATE(), INTERVAL @{days} DAY)" not in p.views[view]["derived_table"]["sql"]:
                tell(f"explore {name}: its table does not filter the partition")
            continue
        where = " ".join(explore.get("sql_always_where", "").split())
        if DAY % (view, view) not in where or f"${{{view}.simulation_id}} = {{% parameter {view}.simulation %}}" not in where:
            tell(f"explore {name}: its sql_always_where does not name the simulation and filter the partition by its day")
        asked = {k for each in explore.get("always_filter", {}).get("filters__all", []) for one in each for k in one}
        if f"{view}.simulation" not in asked and "simulation" not in asked:
            tell(f"explore {name}: it does not ask for a simulation (always_filter)")
    for view in PUBLIC:
        if view not in p.explores:
            tell(f"view {view} has no explore")


def check_fields(p, tell):
    for view, v in p.views.items():
        for name, f in v["fields"].items():
            try:
                p.expression(view, f)
            except KeyError as error:
                tell(f"{f['path']}: {view}.{name}: {error.args[0]}")
            for other in f.get("drill_fields", []):
                if other.split(".")[-1] not in p.names(view):
                    tell(f"{f['path']}: {view}.{name}: drill field {other} is not there")
            if f["group"] != "parameters" and not f.get("description") and f["group"] != "measures":
                tell(f"{f['path']}: {view}.{name} has no description")


def check_chart(p, explore, element, tell):
    """A chart draws measures over one dimension, beside those that it pivots by or hides."""
    if element["type"] in ("looker_grid", "single_value"):
        return
    fields = p.views[p.explores[explore].get("view_name", explore)]["fields"]
    shown = [n.split(".")[1] for n in element["fields"] if n not in element.get("pivots", []) and n not in element.get("hidden_fields", [])]
    measures = [n for n in shown if n in fields and fields[n]["group"] == "measures"]
    if not measures or len(shown) - len(measures) > 1:
        tell(f"it draws {len(measures)} measures over {len(shown) - len(measures)} dimensions")


def check_dashboards(p, tell):
    """Each element asks an explore for fields that it has, one of them a measure or a row's own, and for one simulation."""
    for path, dashboard in p.dashboards:
        filters = {f["name"]: f for f in dashboard.get("filters", [])}
        for e in dashboard["elements"]:
            at = f"{path.name}: {e.get('title', e['name'])}"
            if e["type"] == "text":
                continue
            explore = e.get("explore")
            if explore not in p.explores or e.get("model") != "whatif":
                tell(f"{at}: there is no explore {e.get('model')}.{explore}")
                continue
            known = {f"{explore}.{n}" for n in p.names(p.explores[explore].get("view_name", explore))}
            asked = [*e.get("fields", []), *e.get("pivots", []), *e.get("filters", {}), *(s.split()[0] for s in e.get("sorts", []))]
            asked += [*e.get("listen", {}).values(), *e.get("hidden_fields", [])]
            for name in asked:
                if name not in known:
                    tell(f"{at}: {explore} has no field {name}")
            check_chart(p, explore, e, lambda message: tell(f"{at}: {message}"))
            for name in e.get("sorts", []):
                if name.split()[0] not in e["fields"]:
                    tell(f"{at}: sorts by {name}, which it does not show")
            for name in e.get("listen", {}):
                if name not in filters:
                    tell(f"{at}: listens to {name}, which is no filter of the dashboard")
            if explore != "simulations" and f"{explore}.simulation" not in e.get("listen", {}).values():
                tell(f"{at}: it does not listen to the simulation")
    named = [d["dashboard"] for _, d in p.dashboards]
    for name in ("study_overview", "comparison", "campaign_delivery", "frequency_distribution", "what_failed"):
        if name not in named:
            tell(f"there is no dashboard {name}")


def check():
    p = Project()
    wrong = list(p.wrong)
    with tempfile.TemporaryDirectory() as folder:
        generate(pathlib.Path(folder))
        ours = {f.name: f.read_text() for f in (LOOKER / "base").glob("*")}
        theirs = {f.name: f.read_text() for f in pathlib.Path(folder).glob("*")}
        wrong += [f"sql/looker/base/{n} is not what sql/views has now: .ci/looker generate" for n in sorted(ours.keys() | theirs.keys()) if ours.get(n) != theirs.get(n)]
    if p.constants.keys() != CONSTANTS.keys():
        wrong.append(f"constants of the manifest: {sorted(p.constants)}, not {sorted(CONSTANTS)}")
    for part in (check_explores, check_fields, check_dashboards):
        part(p, wrong.append)
    for message in wrong:
        print(message, file=sys.stderr)
    fields = sum(len(v["fields"]) for v in p.views.values())
    elements = sum(len(d["elements"]) for _, d in p.dashboards)
    print(f"looker: {len(p.views)} views with {fields} fields, {len(p.explores)} explores, {len(p.dashboards)} dashboards of {elements} elements; {len(wrong)} mistakes")
    return 1 if wrong else 0


def statements(file):
    p = Project()
    pathlib.Path(file).write_text(json.dumps([{"name": f"looker: explore {name}", "sql": p.query(name)} for name in p.explores], indent=2))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["generate"]:
            generate(LOOKER / "base")
        case ["check"]:
            sys.exit(check())
        case ["statements", file]:
            statements(file)
        case _:
            sys.exit(__doc__)
