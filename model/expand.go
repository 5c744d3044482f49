package model

import (
	"fmt"
	"slices"
)

// maxVariantProblems bounds how many variants are named that break the same rule of a campaign.
const maxVariantProblems = 20

// Expand lists the variants of the study: the baseline and its replicates, then each point of the
// sweep with its replicates. What only an edit can break (an empty flight, pacing without goal or
// budget) is an error that names the variant.
func (c *Config) Expand() ([]Variant, Problems) {
	if wrong := tooMany(c.Sweep); wrong != "" {
		return nil, Problems{{Position: c.sweepPos, Message: wrong}}
	}
	points, err := c.points()
	if err != nil {
		return nil, Problems{{Position: c.sweepPos, Message: err.Error()}}
	}
	replicates := max(1, c.Sweep.Replicates)
	variants := make([]Variant, 0, (len(points)+1)*replicates)
	add := func(id string, values []Value) {
		for r := range replicates {
			v := Variant{ID: id, Point: id, Replicate: r, Values: values}
			if r > 0 {
				v.ID = fmt.Sprintf("%s.r%d", id, r)
			}
			variants = append(variants, v)
		}
	}
	add(BaselineID, c.overBaseline(nil))
	for i, p := range points {
		add(fmt.Sprintf("v%04d", i+1), c.overBaseline(p))
	}
	return variants, c.checkVariants(variants)
}

// overBaseline gives a point the baseline's values where it has none.
func (c *Config) overBaseline(point []Value) []Value {
	values := make([]Value, len(c.Parameters))
	copy(values, c.Baseline)
	for i, v := range point {
		if v.Kind != ValueUnset {
			values[i] = v
		}
	}
	return values
}

// points lists the sweep's points, the baseline aside.
func (c *Config) points() ([][]Value, error) {
	switch {
	case c.Sweep.Sample != nil:
		return c.sampled(c.Sweep.Sample)
	case len(c.Sweep.Grid) > 0:
		return c.gridded(c.Sweep.Grid), nil
	}
	return c.Sweep.List, nil
}

// gridded is the product of the axes; the first varies slowest.
func (c *Config) gridded(axes []Axis) [][]Value {
	points := [][]Value{make([]Value, len(c.Parameters))}
	for _, axis := range axes {
		next := make([][]Value, 0, len(points)*len(axis.Values))
		for _, p := range points {
			for _, v := range axis.Values {
				q := slices.Clone(p)
				q[axis.Parameter] = v
				next = append(next, q)
			}
		}
		points = next
	}
	return points
}

// sampled draws the points; the ranges are dimensions in the order of the parameters.
func (c *Config) sampled(s *Sample) ([][]Value, error) {
	if len(s.Ranges) == 0 || s.Count == 0 {
		return nil, nil
	}
	units, err := s.unitPoints(len(s.Ranges))
	if err != nil {
		return nil, err
	}
	points := make([][]Value, s.Count)
	for i := range points {
		points[i] = make([]Value, len(c.Parameters))
		for j := range s.Ranges {
			points[i][s.Ranges[j].Parameter] = s.Ranges[j].draw(units.At(i, j))
		}
	}
	return points, nil
}

// checkVariants reports, for every point, the first campaign whose fields contradict each other
// after the edits. Only the parameters that can bring that about are looked at.
func (c *Config) checkVariants(variants []Variant) Problems {
	if !c.canContradict() {
		return nil
	}
	var problems Problems
	for _, v := range variants {
		if v.Replicate > 0 {
			continue // the same values as replicate 0
		}
		p, found := c.contradiction(v)
		if !found {
			continue
		}
		if len(problems) == maxVariantProblems {
			return append(problems, Problem{Position: c.sweepPos, Message: "more variants break such a rule; they are not listed"})
		}
		problems = append(problems, p)
	}
	return problems
}

// structural are the edits that decide whether a flight is empty or pacing lacks its measure.
var structural = []string{"campaigns.start", "campaigns.end", "campaigns.pacing", "campaigns.goal", "campaigns.budget"}

func (c *Config) canContradict() bool {
	return slices.ContainsFunc(c.Parameters, func(p Parameter) bool { return slices.Contains(structural, p.Edit) })
}

func (c *Config) contradiction(v Variant) (Problem, bool) {
	campaigns := slices.Clone(c.Campaigns)
	at := c.sweepPos
	for i, p := range c.Parameters {
		if !slices.Contains(structural, p.Edit) || v.Values[i].Kind == ValueUnset {
			continue
		}
		if p.Values.Line > 0 {
			at = p.Values
		}
		if err := c.editCampaigns(campaigns, i, v.Values[i]); err != nil {
			return Problem{Position: at, Message: fmt.Sprintf("variant %s: %v", v.ID, err)}, true
		}
	}
	for i := range campaigns {
		if wrong := campaigns[i].contradiction(); wrong != "" {
			return Problem{Position: at, Message: fmt.Sprintf("variant %s: campaign %s: %s", v.ID, quote(campaigns[i].ID), wrong)}, true
		}
	}
	return Problem{}, false
}
