"""A third implementation of the semantics, in Python and independent of the Go code: standard library
only, every number a Fraction or an int, written from the specification's sections (cited as s1 .. s10).

    python3 oracle.py STUDY_DIR    reads study.yaml and slots.jsonl, prints the figures of all variants
    python3 oracle.py --write DIR...  writes them to DIR/oracle.json
    python3 oracle.py --check DIR...  exits 1 where a figure of expected.yaml differs from them
    python3 oracle.py --judge         reads random studies as tools/dump writes them, adds their figures

The output is {variant id: figures}, named as in the result row; counts, money in nanos and lists only
(ratios follow from them), null where the row has null.
"""
import datetime as dt
import json
import os
import sys
from fractions import Fraction
from itertools import product
from math import floor, prod
from zoneinfo import ZoneInfo

import yamlish
from draws import draw, mix, pair_draw, replicate_seed, rotl, slot_hash, text_hash, unit

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
REASONS = ["no_campaign_targeted", "below_floor", "unidentified", "goal_reached", "budget_spent", "paced",
           "frequency_capped", "separated"]
LOSSES = [None, "lost_floor", "lost_identity", "after_goal", "lost_budget", "lost_pacing", "lost_frequency",
          "lost_separation", "passed"]
RATIOS = {"fill_rate", "revenue", "ecpm", "rpm", "reach_rate", "average_frequency", "grp", "spend", "delivery_rate",
          "on_schedule", "budget_utilisation", "win_rate", "share_of_matched"}
POISSON = [3313563428353948, 6627126856707896, 8283908570884870, 8836169142277194, 8974234285125275,
           9001847313694891, 9006449485123161, 9007106938184343, 9007189119816991, 9007198251109507,
           9007199164238759, 9007199247250509]


def half_even(x):
    return round(Fraction(x))  # Python rounds Fractions half to even


def micros(units):
    return half_even(Fraction(units) * 10**6)


def nanos(units):
    return half_even(Fraction(units) * 10**9)


def plain(v):
    """A document's scalar as the text that a dimension has."""
    if isinstance(v, bool):
        return "true" if v else "false"
    return str(v)


def instant(text, zone):
    """Microseconds since the epoch, finer input floored (s1)."""
    text = str(text)
    head, _, rest = text.partition(".")
    digits = ""
    if rest:
        n = len(rest) - len(rest.lstrip("0123456789"))
        digits, head = rest[:n], head + rest[n:]
    t = dt.datetime.fromisoformat(head.replace("Z", "+00:00"))
    if t.tzinfo is None:
        t = t.replace(tzinfo=zone)
    delta = t.astimezone(dt.timezone.utc) - EPOCH
    return (delta.days * 86400 + delta.seconds) * 10**6 + int((digits + "000000")[:6])


def duration(text):
    """A Go duration of hours, minutes and seconds, in microseconds."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    total, number = Fraction(0), ""
    for ch in text:
        if ch in "hms":
            total += Fraction(number) * {"h": 3600, "m": 60, "s": 1}[ch]
            number = ""
        else:
            number += ch
    return sign * int(total * 10**6)


def holds(expr, look):
    """s4: a map is an AND over its keys; look(name) gives the set of values."""
    if expr is None:
        return True
    for key, arg in expr.items():
        if key == "all":
            ok = all(holds(e, look) for e in arg)
        elif key == "any":
            ok = any(holds(e, look) for e in arg)
        elif key == "not":
            ok = not holds(arg, look)
        else:
            wanted = {plain(v) for v in (arg if isinstance(arg, list) else [arg])}
            ok = bool(wanted & look(key))
        if not ok:
            return False
    return True


class Study:
    def __init__(self, config, slots):
        self.config = config
        self.zone = ZoneInfo(config.get("timezone", "UTC"))
        self.seed = int(config.get("seed", 0))
        self.shift = int(str(config.get("shift", "0d"))[:-1]) * 86400 * 10**6
        self.slots = [self.read_slot(s) for s in slots]
        self.slots.sort(key=lambda s: (s["time"], s["slot_id"].encode()))
        self.times = [s["time"] for s in self.slots]
        self.hs, self.he = self.times[0], self.times[-1] + 1  # s2, the horizon
        self.written = [self.read_campaign(c) for c in config["campaigns"]]
        self.parameters = config.get("parameters", {})

    # reading

    def read_slot(self, raw):
        s = {"slot_id": raw["slot_id"], "time": instant(raw["time"], self.zone) + self.shift,
             "user_id": raw.get("user_id") or "", "request_id": raw.get("request_id") or "",
             "floor": micros(Fraction(str(raw.get("floor_cpm", 0)))), "dims": {}}
        for k, v in raw.items():
            if k not in ("slot_id", "time", "user_id", "request_id", "floor_cpm"):
                s["dims"][k] = {plain(x) for x in v} if isinstance(v, list) else {plain(v)}
        return self.derive(s)

    def derive(self, s):
        """The derived dimensions, by the shifted local time (s2)."""
        t = self.local(s["time"])
        s["dims"]["hour_of_day"] = {str(t.hour)}
        s["dims"]["day_of_week"] = {["mon", "tue", "wed", "thu", "fri", "sat", "sun"][t.weekday()]}
        s["dims"]["day"] = {f"{t.year:04d}-{t.month:02d}-{t.day:02d}"}
        return s

    def local(self, t):
        return (EPOCH + dt.timedelta(microseconds=t)).astimezone(self.zone)

    def day(self, t):
        return (self.local(t).date() - dt.date(1970, 1, 1)).days

    def read_campaign(self, raw):
        c = {"priority": 12, "pricing": "auction", "pacing": "asap", "enabled": True, "targeting": None,
             "advertiser": "", "name": "", "category": "", "labels": {}, "frequency_caps": [],
             "bid_adjustments": [], "bid_spread": [], "goal": None, "budget": None, "daily_budget": None,
             "start": None, "end": None, "delivered_before": None, "spent_before": None}
        c.update(raw)
        for text in ("id", "advertiser", "name", "category"):
            c[text] = plain(c[text]) if c[text] != "" else ""
        c["labels"] = {k: plain(v) for k, v in c["labels"].items()}
        c["priority"] = int(c["priority"])
        c["bid_cpm"] = micros(c["bid_cpm"])
        for money in ("budget", "daily_budget", "spent_before"):
            c[money] = None if c[money] is None else nanos(c[money])
        for count in ("goal", "delivered_before"):
            c[count] = None if c[count] is None else int(c[count])
        for time in ("start", "end"):
            c[time] = None if c[time] is None else instant(c[time], self.zone)
        c["frequency_caps"] = read_caps(c["frequency_caps"])
        return c

    # variants (configuration.md)

    def variants(self):
        names = list(self.parameters)
        base = self.config.get("baseline", {})
        sweep = self.config.get("sweep", {})
        points = []
        if "grid" in sweep:
            axes = [n for n in names if n in sweep["grid"]]
            for values in product(*(sweep["grid"][n] for n in axes)):
                points.append({**base, **dict(zip(axes, values))})
        for listed in sweep.get("list", []):
            points.append({**base, **listed})
        ids = [("baseline", base)] + [(f"v{i + 1:04d}", p) for i, p in enumerate(points)]
        for r in range(int(sweep.get("replicates", 1))):
            for name, point in ids:
                yield (name if r == 0 else f"{name}.r{r}"), r, point

    def scenario(self, point):
        policy = {"auction": "first_price", "within_priority": "bid", "one_per_request": "none",
                  "unidentified_users": "skip_capped", **self.config.get("policy", {})}
        campaigns = [dict(c) for c in self.written]
        edits = {"where": [], "floor_cpm": [], "traffic": [], "sample": None}
        for name, p in self.parameters.items():
            if name not in point:
                continue
            room, field = p["edit"].split(".", 1)
            op, value = p.get("op", "set"), point[name]
            if room == "policy":
                policy[field] = value
            elif room == "slots":
                self.edit_slots(edits, field, op, value, p.get("where"))
            else:
                for c, w in zip(campaigns, self.written):
                    if holds(p.get("where"), lambda k, w=w: campaign_field(w, k)):
                        self.edit_campaign(c, field, op, value)
        return policy, campaigns, edits

    def edit_slots(self, edits, field, op, value, where):
        if field == "where":
            edits["where"].append(value)
        elif field == "sample":
            edits["sample"] = Fraction(value)
        else:
            edits[field].append((op, Fraction(value), where))

    def edit_campaign(self, c, field, op, value):
        if field.startswith("frequency_caps."):
            per = field.split(".")[1]
            caps = [k for k in c["frequency_caps"] if (k["per"], k["units"]) != (per, 1)]
            if value != "none":
                caps.append({"impressions": int(value), "per": per, "units": 1})
            c["frequency_caps"] = caps
        elif value == "none":
            c[field] = None
        elif field in ("start", "end"):
            if op == "set":
                c[field] = instant(value, self.zone)
            elif c[field] is not None:
                c[field] += duration(value)
        elif field in ("bid_cpm", "budget", "daily_budget", "goal"):
            read = {"bid_cpm": micros, "goal": half_even}.get(field, nanos)
            if op == "set":
                new = read(value)
            elif c[field] is None:
                return
            else:
                new = half_even(c[field] * Fraction(value)) if op == "multiply" else c[field] + read(value)
            c[field] = max(new, 1 if field == "goal" else 0)
        elif field == "priority":
            c[field] = int(value)
        else:
            c[field] = value

    def run(self):
        return {name: Run(self, r, *self.scenario(point)).figures() for name, r, point in self.variants()}


def read_caps(caps):
    return [{"impressions": int(k["impressions"]), "per": k["per"], "units": int(k.get("units", 1))} for k in caps]


def campaign_field(c, key):
    v = c["labels"].get(key[len("labels."):], "") if key.startswith("labels.") else c[key]
    return {str(v)} if v != "" else set()


class Run:
    """One variant."""

    def __init__(self, study, r, policy, campaigns, edits):
        self.st, self.policy, self.edits = study, policy, edits
        self.seed = replicate_seed(study.seed, r)
        self.make_slots(r)
        self.campaigns = []
        groups = [{"where": g.get("where"), "caps": read_caps(g["frequency_caps"]), "seen": {}, "from": study.hs}
                  for g in study.config.get("cap_groups", [])]
        for w, c in zip(study.written, campaigns):
            if c["enabled"]:
                self.campaigns.append(self.make_campaign(w, c, groups))
        self.requests, self.log = {}, []
        for slot in self.slots:
            self.visit(slot)

    # s9 and s10: the slots that are simulated

    def make_slots(self, r):
        self.slots, self.total = [], 0
        for s in self.st.slots:
            look = lambda k, s=s: s["dims"].get(k, set())
            if not all(holds(e, look) for e in self.edits["where"]):
                continue
            own = text_hash(s["user_id"] or s["slot_id"])
            b = 1
            if r > 0:
                u = unit(draw("bootstrap", self.seed, own))
                b = next((k for k, t in enumerate(POISSON) if u < t), 12)
            fl = s["floor"]
            for op, value, where in self.edits["floor_cpm"]:
                if holds(where, look):
                    fl = {"set": lambda: micros(value), "add": lambda: fl + micros(value),
                          "multiply": lambda: half_even(fl * value)}[op]()
                    fl = max(fl, 0)
            f = prod((v for _, v, where in self.edits["traffic"] if holds(where, look)), start=Fraction(1))
            k = floor(f) + (unit(draw("traffic", self.seed, own)) < (f - floor(f)) * 2**53)
            self.total += b * k
            sample = self.edits["sample"]
            if sample is not None and not unit(draw("sample", self.seed, own)) < sample * 2**53:
                continue
            for j in range(b * k):
                self.slots.append({**s, "copy": j, "floor": fl, "hash": slot_hash(s["slot_id"], j),
                                   "user": (s["user_id"], j) if s["user_id"] else None})
        self.slots.sort(key=lambda o: (o["time"], o["slot_id"].encode(), o["copy"]))
        self.share = Fraction(len(self.slots), self.total) if self.total else Fraction(1)

    # s3, and the scaling of s9

    def make_campaign(self, w, c, groups):
        hs, he = self.st.hs, self.st.he
        ws, we = [hs if w["start"] is None else w["start"], he if w["end"] is None else w["end"]]
        part = Fraction(0) if ws >= hs else Fraction(min(hs, we) - ws, we - ws)
        before = w["delivered_before"]
        if before is None:
            before = floor((w["goal"] or 0) * part)
        spent = w["spent_before"]
        if spent is None:
            spent = floor((w["budget"] or 0) * part)
        c = dict(c)
        c["start"] = hs if c["start"] is None else c["start"]
        c["end"] = he if c["end"] is None else c["end"]
        if c["goal"] is not None:
            c["goal"] = max(1, floor(c["goal"] * self.share))
        for money in ("budget", "daily_budget"):
            if c[money] is not None:
                c[money] = half_even(c[money] * self.share)
        c["before"], c["spent_before"] = floor(before * self.share), half_even(spent * self.share)
        c["delivered"], c["spent"] = c["before"], c["spent_before"]
        own = {"caps": c["frequency_caps"], "seen": {}, "from": c["start"]}
        c["cap_sets"] = [own] * bool(own["caps"]) + [g for g in groups if holds(g["where"], lambda k: campaign_field(w, k))]
        c.update(daily={}, impressions=[], failed=[0] * 9, matched_users=set(), outbid={})
        return c

    # s6

    def unit_number(self, per, t):
        if per in ("minute", "hour"):
            return t // ((60 if per == "minute" else 3600) * 10**6)
        if per == "month":
            return self.st.local(t).year * 12 + self.st.local(t).month
        return self.st.day(t) if per == "day" else (self.st.day(t) + 3) // 7

    def windows(self, caps, slot):
        for i, cap in enumerate(caps["caps"]):
            w = 0
            if cap["per"] != "lifetime":
                w = (self.unit_number(cap["per"], slot["time"]) - self.unit_number(cap["per"], caps["from"])) // cap["units"]
            yield cap["impressions"], (slot["user"], i, w)

    # s7

    def due(self, c, y, t):
        start, d = c["start"], c["end"] - c["start"]
        if c["pacing"] == "even":
            return floor(Fraction(y * (t - start), d))
        s, x = max(start, self.st.hs), min(c["end"], self.st.he)
        a, b = floor(Fraction(y * (s - start), d)), floor(Fraction(y * (x - start), d))
        n = sum(s <= u < t for u in self.st.times)
        total = sum(s <= u < x for u in self.st.times)
        return a + floor(Fraction((b - a) * n, total))

    # s5

    def bid(self, c, slot):
        b = c["bid_cpm"]
        for a in c["bid_adjustments"]:
            if holds(a["when"], lambda k: slot["dims"].get(k, set())):
                b = half_even(b * Fraction(a["multiply"]))
        if c["bid_spread"]:
            d = draw("bid", self.seed, slot["hash"] ^ rotl(text_hash(c["id"]), 32))
            b = half_even(b * Fraction(c["bid_spread"][d % len(c["bid_spread"])]))
        return b

    def request_key(self, c, slot):
        kind = self.policy["one_per_request"]
        taker = {"none": "", "campaign": c["id"]}.get(kind, c.get(kind, ""))
        return (slot["request_id"], slot["copy"], taker) if taker and slot["request_id"] else None

    def first_failure(self, c, slot, bid):
        t = slot["time"]
        if c["pricing"] != "fixed" and bid < slot["floor"]:
            return 1
        if slot["user"] is None and c["cap_sets"] and self.policy["unidentified_users"] != "serve":
            return 2
        if c["goal"] is not None and c["delivered"] >= c["goal"]:
            return 3
        if c["budget"] is not None and c["spent"] + bid > c["budget"]:
            return 4
        if c["daily_budget"] is not None and c["daily"].get(self.st.day(t), 0) + bid > c["daily_budget"]:
            return 4
        if c["pacing"] != "asap":
            if c["goal"] is not None and c["delivered"] > self.due(c, c["goal"], t):
                return 5
            if c["budget"] is not None and c["spent"] > self.due(c, c["budget"], t):
                return 5
        if slot["user"] is not None:
            for caps in c["cap_sets"]:
                if any(caps["seen"].get(key, 0) >= n for n, key in self.windows(caps, slot)):
                    return 6
        if self.request_key(c, slot) in self.requests:
            return 7
        return 8

    def progress(self, c, t):
        if c["goal"] is None:
            return (1, 0)
        e, d = t - c["start"], c["end"] - c["start"]
        return (0, 0 if e == 0 else floor(Fraction(c["delivered"] * d * 2**20, c["goal"] * e)))

    def visit(self, slot):
        t, passed, worst = slot["time"], [], 0
        for c in self.campaigns:
            if not (c["start"] <= t < c["end"] and holds(c["targeting"], lambda k: slot["dims"].get(k, set()))):
                continue
            bid = self.bid(c, slot)
            gate = self.first_failure(c, slot, bid)
            worst = max(worst, gate)
            c["failed"][gate] += 1
            if slot["user"]:
                c["matched_users"].add(slot["user"])
            if gate == 8:
                tie = draw("tie", self.seed, slot["hash"] ^ rotl(text_hash(c["id"]), 32))
                need = self.progress(c, t) if self.policy["within_priority"] == "need" else ()
                passed.append(((c["priority"], need, -bid, -tie, c["id"].encode()), bid, c))
        if not passed:
            self.log.append((slot, None, 0, worst))
            return
        passed.sort(key=lambda p: p[0])
        _, bid, winner = passed[0]
        price = bid
        if self.policy["auction"] == "second_price" and winner["pricing"] != "fixed":
            others = [b for _, b, c in passed[1:] if c["priority"] == winner["priority"] and c["pricing"] == "auction"]
            price = min(bid, max([slot["floor"]] + others))
        for _, _, c in passed[1:]:
            c["outbid"][winner["id"]] = c["outbid"].get(winner["id"], 0) + 1
        self.log.append((slot, winner, price, None))
        winner["delivered"] += 1
        winner["spent"] += price
        winner["daily"][self.st.day(t)] = winner["daily"].get(self.st.day(t), 0) + price
        winner["impressions"].append((slot, price))
        if slot["user"] is not None:
            for caps in winner["cap_sets"]:
                for _, key in self.windows(caps, slot):
                    caps["seen"][key] = caps["seen"].get(key, 0) + 1
        key = self.request_key(winner, slot)
        if key:
            self.requests[key] = True

    # s8

    def figures(self):
        report = self.st.config.get("report", {})
        sold = [(s, p) for s, w, p, _ in self.log if w]
        out = {"slots": len(self.log), **audience(sold, "filled", "revenue_nanos"),
               "users": len({s["user"] for s, *_ in self.log if s["user"]}),
               "sampled_share": [self.share.numerator, self.share.denominator]}
        for i, name in enumerate(REASONS):
            out["unfilled_" + name] = sum(w is None and r == i for _, w, _, r in self.log)
        out["campaigns"] = [self.campaign_figures(c, report) for c in self.campaigns]
        goals = [(c, f) for c, f in zip(self.campaigns, out["campaigns"]) if c["goal"] is not None]
        out["goals"] = len(goals)
        out["goals_met"] = sum(c["delivered"] >= c["goal"] for c, _ in goals)
        out["goal_shortfall"] = sum(max(0, f["expected"] - f["impressions"]) for _, f in goals)
        out["groups"] = [g for key in report.get("groups", []) for g in self.group_figures(key)]
        out["breakdowns"] = [b for d in report.get("breakdowns", []) for b in self.breakdown_figures(d)]
        return out

    def campaign_figures(self, c, report):
        out = {"campaign_id": c["id"], "advertiser": c["advertiser"] or None, "priority": c["priority"],
               **audience(c["impressions"], "impressions", "spend_nanos"), "delivered": c["delivered"], "expected": None}
        if c["goal"] is not None:
            out["expected"] = 0
            if c["end"] > c["start"]:
                e = min(c["end"], self.st.he) - c["start"]
                out["expected"] = max(0, floor(Fraction(c["goal"] * e, c["end"] - c["start"])) - c["before"])
        times = [s["time"] for s, _ in c["impressions"]]
        out["first_impression"], out["last_impression"] = (times[0], times[-1]) if times else (None, None)
        losses = report.get("losses", True)
        for i, name in enumerate(LOSSES[1:8], 1):
            out[name] = c["failed"][i] if losses else None
        out["matched"] = sum(c["failed"]) if losses else None
        out["matched_users"] = len(c["matched_users"]) if losses else None
        out["outbid"] = c["failed"][8] - len(c["impressions"]) if losses else None
        top = sorted(c["outbid"].items(), key=lambda p: (-p[1], p[0].encode()))[:10] if report.get("contention") else []
        out["contention"] = [{"winner_id": w, "slots": n} for w, n in top]
        return out

    def group_figures(self, key):
        values = {}
        for c in self.campaigns:
            v = next(iter(campaign_field(c, key)), None)
            values.setdefault(v, []).extend(c["impressions"])
        for v in sorted(values, key=lambda v: (v is not None, (v or "").encode())):
            yield {"group": key, "value": v, **audience(values[v], "impressions", "spend_nanos")}

    def breakdown_figures(self, dimension):
        parts = {}
        for entry in self.log:
            for v in entry[0]["dims"].get(dimension) or {None}:
                parts.setdefault(v, []).append(entry)
        for v in sorted(parts, key=lambda v: (v is not None, (v or "").encode())):
            a = audience([(s, p) for s, w, p, _ in parts[v] if w], "filled", "revenue_nanos")
            del a["frequency_distribution"]
            yield {"dimension": dimension, "value": v, "slots": len(parts[v]), **a,
                   "users": len({s["user"] for s, *_ in parts[v] if s["user"]})}


def audience(impressions, count_name, money_name):
    """Counts of a list of (slot, price): de-duplicated over users."""
    per_user = {}
    for s, _ in impressions:
        if s["user"] is not None:
            per_user[s["user"]] = per_user.get(s["user"], 0) + 1
    users = {}
    for n in per_user.values():
        users[min(n, 20)] = users.get(min(n, 20), 0) + 1
    return {count_name: len(impressions), money_name: sum(p for _, p in impressions), "reach": len(per_user),
            "identified_impressions": sum(per_user.values()),
            "frequency_distribution": [{"frequency": k, "users": users[k]} for k in sorted(users)]}


def read(folder):
    with open(os.path.join(folder, "study.yaml"), encoding="utf-8") as f:
        config = yamlish.load(f.read())
    with open(os.path.join(folder, "slots.jsonl"), encoding="utf-8") as f:
        slots = [json.loads(line, parse_float=Fraction) for line in f if line.strip()]
    return Study(config, slots)


def render(figures):
    """One line a campaign, group or breakdown: easy to read in a diff."""
    lines = []
    for name, m in figures.items():
        rows = []
        for key, v in m.items():
            if isinstance(v, list) and v and isinstance(v[0], dict) and key != "frequency_distribution":
                inner = ",\n".join("   " + json.dumps(x) for x in v)
                rows.append(f'  "{key}": [\n{inner}]')
            else:
                rows.append(f'  "{key}": {json.dumps(v)}')
        lines.append(f' "{name}": {{\n' + ",\n".join(rows) + "}")
    return "{\n" + ",\n".join(lines) + "}\n"


def keyed(figures):
    """The figures with lists turned into maps by campaign id, value, winner and frequency, as expected.yaml names them."""
    def distribution(row):
        if "frequency_distribution" in row:
            row["frequency_distribution"] = {str(f["frequency"]): f["users"] for f in row["frequency_distribution"]}
        if "contention" in row:
            row["contention"] = {f["winner_id"]: f["slots"] for f in row["contention"]}
        return row

    out = distribution(dict(figures))
    out["sampled_share"] = Fraction(*figures["sampled_share"])
    out["campaigns"] = {c["campaign_id"]: distribution(dict(c)) for c in figures["campaigns"]}
    for part, key in (("groups", "group"), ("breakdowns", "dimension")):
        out[part] = {}
        for row in figures[part]:
            value = "(missing)" if row["value"] is None else row["value"]
            out[part].setdefault(row[key], {})[value] = distribution(dict(row))
    return out


def differences(want, got, path):
    """The figures of expected.yaml (a part of all of them) that the oracle has otherwise. Ratios are not compared."""
    if path.rsplit(".", 1)[-1] in ("frequency_distribution", "contention"):
        if want != got:
            yield f"{path}: by hand {want}, by the oracle {got}"
    elif isinstance(want, dict):
        for k, v in want.items():
            if k in got:
                yield from differences(v, got[k], f"{path}.{k}")
            elif k not in RATIOS:
                yield f"{path}.{k}: the oracle has no such figure"
    else:
        if path.rsplit("_", 1)[-1] == "impression" and want is not None:
            want = instant(want, dt.timezone.utc)
        if want != got:
            yield f"{path}: by hand {want}, by the oracle {got}"


def main(args):
    if args[:1] == ["--write"]:
        for folder in args[1:]:
            with open(os.path.join(folder, "oracle.json"), "w", encoding="utf-8") as f:
                f.write(render(read(folder).run()))
    elif args == ["--judge"]:
        import scenario
        for line in sys.stdin:
            dumped = json.loads(line)
            print(json.dumps({**dumped, "figures": scenario.Dumped(dumped).judge()}, separators=(",", ":")))
    elif args[:1] == ["--check"]:
        bad = 0
        for folder in args[1:]:
            with open(os.path.join(folder, "expected.yaml"), encoding="utf-8") as f:
                want = yamlish.load(f.read())
            for line in differences(want, {k: keyed(v) for k, v in read(folder).run().items()}, os.path.basename(os.path.normpath(folder))):
                print(line)
                bad += 1
        sys.exit(1 if bad else 0)
    elif len(args) == 1:
        sys.stdout.write(render(read(args[0]).run()))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
