"""Reads the studies that tools/dump writes (slots and a scenario as the Go types have them, after the
edits) and gives them to the oracle's rules."""
from fractions import Fraction
from zoneinfo import ZoneInfo

import oracle


def expression(e):
    """A Go expression in normal form as the oracle's map."""
    if e is None:
        return None
    if e["op"] == "in":
        return {"all": [{e["dimension"]: e["values"]}]}  # inside all: a dimension may be called as an operator
    args = [expression(a) for a in e.get("args") or []]
    return {"not": args[0]} if e["op"] == "not" else {e["op"]: args}


def caps(rows):
    return [{"impressions": c["Impressions"], "per": c["Per"], "units": c["Units"]} for c in rows or []]


def campaign(c):
    plain = {"id": "ID", "advertiser": "Advertiser", "name": "Name", "category": "Category", "priority": "Priority",
             "bid_cpm": "BidCPM", "pricing": "Pricing", "goal": "Goal", "budget": "Budget", "daily_budget": "DailyBudget",
             "start": "Start", "end": "End", "delivered_before": "DeliveredBefore", "spent_before": "SpentBefore",
             "pacing": "Pacing", "enabled": "Enabled"}
    out = {k: c[v] for k, v in plain.items()}
    out["labels"] = c["Labels"] or {}
    out["targeting"] = expression(c["Targeting"])
    out["frequency_caps"] = caps(c["FrequencyCaps"])
    out["bid_adjustments"] = [{"when": expression(a["When"]), "multiply": Fraction(a["Multiply"])} for a in c["BidAdjustments"] or []]
    out["bid_spread"] = [Fraction(d) for d in c["BidSpread"] or []]
    return out


class Dumped(oracle.Study):
    """A study whose slots and campaigns come from the Go types instead of documents."""

    def __init__(self, line):
        sc = line["scenario"]
        self.zone, self.seed = ZoneInfo(line["zone"]), sc["Seed"]
        self.slots = [self.slot(s, sc["ShiftDays"] * 86400 * 10**6) for s in line["slots"]]
        self.slots.sort(key=lambda s: (s["time"], s["slot_id"].encode()))
        self.times = [s["time"] for s in self.slots]
        self.hs, self.he = self.times[0], self.times[-1] + 1
        self.written = [campaign(c) for c in sc["Written"] or []]
        self.edited = [campaign(c) for c in sc["Campaigns"] or []]
        report = sc["Report"]
        self.config = {
            "report": {"breakdowns": report["Breakdowns"] or [], "groups": report["Groups"] or [],
                       "losses": report["Losses"], "contention": report["Contention"]},
            "cap_groups": [{"where": expression(g["Where"]), "frequency_caps": caps(g["FrequencyCaps"])}
                           for g in sc["CapGroups"] or []],
        }
        self.policy = {"auction": sc["Policy"]["Auction"], "within_priority": sc["Policy"]["WithinPriority"],
                       "one_per_request": sc["Policy"]["OnePerRequest"], "unidentified_users": sc["Policy"]["UnidentifiedUsers"]}
        e = sc["Slots"]
        self.edits = {"where": [expression(w) for w in e["Where"] or []],
                      "floor_cpm": [(f["Op"], Fraction(f["Value"]), expression(f["Where"])) for f in e["Floors"] or []],
                      "traffic": [("set", Fraction(f["Factor"]), expression(f["Where"])) for f in e["Traffic"] or []],
                      "sample": None if e["Sample"] is None else Fraction(e["Sample"])}
        self.replicate = sc["Replicate"]

    def slot(self, raw, shift):
        dims = {k: {v} for k, v in (raw["Scalars"] or {}).items()}
        dims.update({k: set(v) for k, v in (raw["Sets"] or {}).items()})
        s = {"slot_id": raw["ID"], "time": raw["Time"] + shift, "user_id": raw["UserID"], "request_id": raw["RequestID"],
             "floor": raw["FloorCPM"], "dims": dims}
        return self.derive(s)

    def judge(self):
        return oracle.Run(self, self.replicate, self.policy, self.edited, self.edits).figures()
