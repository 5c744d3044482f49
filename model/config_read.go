package model

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Bounds of settings that have none by their meaning.
const (
	maxRetries    = 100
	maxReplicates = MaxVariants // a baseline alone could ask for any number
)

// ParseConfig reads a configuration, YAML or JSON, and checks all of it that can be checked without
// its inputs. name is the document's, for messages. The problems are in the document's order; the
// configuration is complete only if Problems.Err is nil. Else it is what could be read, with defaults
// for the rest, so that CheckAgainst can find more mistakes; it is nil only if the text is no document.
// Campaigns that are given inline are read and linked; for a path (CampaignsURI) the caller reads it
// and calls WithCampaigns.
func ParseConfig(name string, text []byte) (*Config, Problems) {
	root, problem := parseDocument(name, text)
	if problem != nil {
		return nil, Problems{*problem}
	}
	r := &reader{file: name, loc: time.UTC}
	c := r.config(root)
	return c, r.done()
}

func defaultConfig() *Config {
	return &Config{Currency: DefaultCurrency, Location: time.UTC, Policy: DefaultPolicy,
		Report: Report{Losses: true}, Sweep: Sweep{Replicates: 1},
		Execution: Execution{Retries: DefaultRetries, VariantTimeout: DefaultVariantLimit, MaxFailedVariants: -1}}
}

func (r *reader) config(root *node) *Config {
	c := defaultConfig()
	o, ok := r.object(root, "", configKeys)
	if !ok {
		return c
	}
	o.require("inventory", "campaigns")
	c.InventoryPos, c.CampaignsPos = r.place(o, "inventory"), r.place(o, "campaigns")
	c.reportPos, c.sweepPos = r.place(o, "report"), r.place(o, "sweep")
	take(o, "name", &c.Name, r.text)
	take(o, "owner", &c.Owner, r.text)
	take(o, "labels", &c.Labels, r.labels)
	take(o, "currency", &c.Currency, r.currency)
	take(o, "inventory", &c.Inventory, r.filled)
	take(o, "timezone", &c.Location, r.location)
	r.loc = c.Location // before anything that holds times
	take(o, "shift", &c.ShiftDays, r.days)
	take(o, "seed", &c.Seed, r.whole(0, math.MaxInt64))
	take(o, "cap_groups", &c.CapGroups, r.capGroups)
	if n := o.values["policy"]; n != nil {
		r.policy(n, &c.Policy)
	}
	if n := o.values["report"]; n != nil {
		r.report(n, c)
	}
	c.RunnerPos = r.at(o.node, "execution.runner")
	if n := o.values["execution"]; n != nil {
		r.execution(n, c)
	}
	r.study(o, c)
	r.inlineCampaigns(o, c)
	return c
}

// study reads the levers and what to do with them.
func (r *reader) study(o object, c *Config) {
	if n := o.values["parameters"]; n != nil {
		r.parameters(n, c)
	}
	c.Baseline = make([]Value, len(c.Parameters))
	if n := o.values["baseline"]; n != nil {
		c.Baseline, _ = r.point(c)(n, "baseline")
	}
	if n := o.values["sweep"]; n != nil {
		r.sweep(n, c)
	}
}

// inlineCampaigns reads the list, or notes where it is.
func (r *reader) inlineCampaigns(o object, c *Config) {
	n := o.values["campaigns"]
	if n == nil {
		return
	}
	if n.kind == scalarNode {
		take(o, "campaigns", &c.CampaignsURI, r.filled)
		return
	}
	before := len(r.problems)
	c.Campaigns = r.campaigns(n, "campaigns")
	if len(r.problems) == before { // else what an edit selects cannot be told
		r.problems = append(r.problems, c.link()...)
	}
}

func (r *reader) labels(n *node, path string) ([]Label, bool) {
	texts, ok := r.textMap(n, path)
	out := make([]Label, 0, len(texts))
	for key, value := range texts {
		out = append(out, Label{key, value})
	}
	slices.SortFunc(out, func(a, b Label) int { return cmp.Compare(a.Key, b.Key) })
	return out, ok
}

// capGroups reads the groups; their names are unique.
func (r *reader) capGroups(n *node, path string) ([]CapGroup, bool) {
	seen := map[string]bool{}
	return each(r, n, path, func(n *node, path string) (CapGroup, bool) {
		g := CapGroup{Pos: r.at(n, path)}
		o, ok := r.object(n, path, capGroupKeys)
		if !ok || !o.require("name", "frequency_caps") {
			return g, false
		}
		valid := take(o, "name", &g.Name, r.filled)
		if valid && seen[g.Name] {
			r.fail(o.values["name"], path+".name", "there is a cap group %s already", quote(g.Name))
			valid = false
		}
		seen[g.Name] = true
		if o.values["where"] != nil {
			valid = take(o, "where", &g.Where, r.selection) && valid
		}
		if caps := o.values["frequency_caps"]; caps.kind == listNode && len(caps.items) == 0 {
			r.fail(caps, path+".frequency_caps", "a cap group needs at least one cap")
			return g, false
		}
		return g, take(o, "frequency_caps", &g.FrequencyCaps, r.caps) && valid
	})
}

func (r *reader) policy(n *node, p *Policy) {
	o, ok := r.object(n, "policy", policyKeys)
	if !ok {
		return
	}
	take(o, "auction", &p.Auction, choice(r, FirstPrice, SecondPrice))
	take(o, "within_priority", &p.WithinPriority, choice(r, ByBid, ByNeed))
	take(o, "one_per_request", &p.OnePerRequest, choice(r, SeparateNone, SeparateCampaign, SeparateAdvertiser, SeparateCategory))
	take(o, "unidentified_users", &p.UnidentifiedUsers, choice(r, SkipCapped, ServeUnknowns))
}

func (r *reader) report(n *node, c *Config) {
	o, ok := r.object(n, "report", reportKeys)
	if !ok {
		return
	}
	p := &c.Report
	c.breakdownPos = map[string]Position{}
	takeSome(o, "breakdowns", &p.Breakdowns, r.names(MaxBreakdowns, "breakdowns", func(n *node, path string) (string, bool) {
		name, ok := r.filled(n, path)
		if _, again := c.breakdownPos[name]; !again {
			c.breakdownPos[name] = r.at(n, path)
		}
		return name, ok
	}))
	take(o, "groups", &p.Groups, r.names(MaxGroups, "groups", r.group))
	take(o, "losses", &p.Losses, r.boolean)
	take(o, "contention", &p.Contention, r.boolean)
	takePointer(o, "universe", &p.Universe, r.whole(1, math.MaxInt64))
}

// names reads a list of at most limit different names.
func (r *reader) names(limit int, what string, read func(*node, string) (string, bool)) func(*node, string) ([]string, bool) {
	return func(n *node, path string) ([]string, bool) {
		if items := r.list(n); len(items) > limit {
			r.fail(n, path, "%d %s; the limit is %d", len(items), what, limit)
			return nil, false
		}
		seen := map[string]bool{}
		return each(r, n, path, func(n *node, path string) (string, bool) {
			s, ok := read(n, path)
			if ok && seen[s] {
				r.fail(n, path, "%s is listed twice", quote(s))
				return s, false
			}
			seen[s] = true
			return s, ok
		})
	}
}

// group reads a key of report.groups.
func (r *reader) group(n *node, path string) (string, bool) {
	s, ok := r.filled(n, path)
	if !ok {
		return s, false
	}
	keys := []string{"advertiser", "category", "priority"}
	if slices.Contains(keys, s) || len(s) > len(labelPrefix) && s[:len(labelPrefix)] == labelPrefix {
		return s, true
	}
	suggestion := didYouMean(s, keys)
	r.note(n.line, n.column, path, suggestion, "expected advertiser, category, priority or labels.<key>, found %s", quote(s))
	return s, false
}

func (r *reader) execution(n *node, c *Config) {
	o, ok := r.object(n, "execution", executionKeys)
	if !ok {
		return
	}
	e := &c.Execution
	c.RunnerPos = r.place(o, "runner")
	take(o, "retries", &e.Retries, r.small(0, maxRetries))
	if take(o, "variant_timeout", &e.VariantTimeout, r.duration) && e.VariantTimeout <= 0 {
		r.fail(o.values["variant_timeout"], "execution.variant_timeout", "must be longer than 0")
	}
	take(o, "max_failed_variants", &e.MaxFailedVariants, r.small(0, math.MaxInt32))
	take(o, "runner", &e.Runner, choice(r, "direct", "prism", "flink", "dataflow"))
}

// parameters reads the levers in the order listed.
func (r *reader) parameters(n *node, c *Config) {
	fields, _ := r.entries(n, "parameters")
	if len(fields) > MaxParameters {
		r.fail(n, "parameters", "%d parameters; the limit is %d", len(fields), MaxParameters)
		return
	}
	samples := 0
	for _, f := range fields {
		path := join("parameters", f.key)
		p := Parameter{Name: f.key, Op: OpSet, Pos: Position{r.file, f.line, f.column, path}}
		if f.key == "" {
			r.note(f.line, f.column, path, "", "a parameter needs a name")
		}
		r.parameter(f.value, path, &p)
		if p.Edit == "slots.sample" {
			if samples++; samples > 1 {
				r.note(f.line, f.column, path, "", "at most one parameter can edit slots.sample")
			}
		}
		c.Parameters = append(c.Parameters, p)
	}
}

// parameter reads one lever; an unusable edit leaves Edit empty, and its values go unchecked.
func (r *reader) parameter(n *node, path string, p *Parameter) {
	o, ok := r.object(n, path, parameterKeys)
	if !ok || !o.require("edit") {
		return
	}
	l := r.edit(o)
	opRead := o.values["op"] == nil || take(o, "op", &p.Op, choice(r, OpSet, OpMultiply, OpAdd))
	if l == nil {
		return
	}
	if opRead && !slices.Contains(l.ops, p.Op) {
		r.fail(o.values["op"], path+".op", "%s does not take %s, only %s", l.name, p.Op, opsText(l.ops))
		opRead = false
	}
	if where := o.values["where"]; where != nil {
		switch l.takesWhere() {
		case "campaigns":
			take(o, "where", &p.Where, r.selection)
		case "slots":
			takeSome(o, "where", &p.Where, r.targeting)
		default:
			r.fail(where, path+".where", "%s takes no where", l.name)
		}
	}
	if !opRead {
		return
	}
	p.Edit = l.name
	if l.name == "policy.auction" {
		r.problems = append(r.problems, Problem{Position: p.Pos, Warning: true,
			Message: "bids do not react to the auction: a second-price figure is what these bids would pay, not what bidders would bid"})
	}
}

// edit reads the name of the field that is edited.
func (r *reader) edit(o object) *lever {
	n, path := o.values["edit"], o.path+".edit"
	name, ok := r.text(n, path)
	if !ok {
		return nil
	}
	l := findLever(name)
	if l == nil {
		suggestion := didYouMean(name, leverNames())
		if suggestion == "" {
			suggestion = "edits are campaigns.*, policy.* and slots.*, see docs/configuration"
		}
		r.note(n.line, n.column, path, suggestion, "unknown edit %s", quote(name))
	}
	return l
}

func opsText(ops []EditOp) string {
	text := string(ops[0])
	for _, op := range ops[1:] {
		text += fmt.Sprintf(", %s", op)
	}
	return text
}
