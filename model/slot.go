package model

// Slot is one impression opportunity as a log tells it: the plain form, before dictionary coding,
// shift, copies and edits. The snapshot (package inventory) holds a million of them in columns.
type Slot struct {
	ID        string  // unique, non-empty
	Time      Instant // when the opportunity arose
	UserID    string  // empty: unidentified
	RequestID string  // empty: a request of its own
	FloorCPM  CPM     // lowest acceptable price, >= 0

	// Scalars maps a dimension to its one value; a missing value is an absent key.
	Scalars map[string]string
	// Sets maps a multi-valued dimension to its values; an empty set is missing.
	Sets map[string][]string
}

// Derived dimensions, computed from a slot's (shifted) time in the study's time zone.
const (
	HourOfDay = "hour_of_day" // "0".."23"
	DayOfWeek = "day_of_week" // "mon".."sun"
	Day       = "day"         // "2026-07-01"
)
