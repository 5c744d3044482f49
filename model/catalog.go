package model

// Catalog is what a configuration needs to know of a snapshot to be checked against it.
type Catalog struct {
	Slots      int64
	Start, End Instant // the horizon, shifted
	MaxFloor   CPM
	Dimensions map[string]DimensionInfo // stored and derived ones
}

// DimensionInfo describes one dimension of a snapshot.
type DimensionInfo struct {
	Multi  bool     // multi-valued: a slot has a set of values
	Values []string // that occur, sorted by bytes
}
