package inventory

import "github.com/whatif-machine/whatif/model"

// Catalog is what a configuration is checked against.
func (s *Snapshot) Catalog() model.Catalog {
	start, end := s.Horizon()
	c := model.Catalog{
		Slots: int64(s.Len()), Start: start, End: end, MaxFloor: s.floorValues[len(s.floorValues)-1],
		Dimensions: make(map[string]model.DimensionInfo, len(s.dimensions)),
	}
	for _, d := range s.dimensions {
		c.Dimensions[d.name] = model.DimensionInfo{Multi: d.multi, Values: d.values}
	}
	return c
}
