package model

// CPM is a price per thousand impressions in micros (1e-6) of the currency unit. One impression at
// a CPM of m costs exactly Nanos(m).
type CPM int64

// Nanos is an amount of money in nanos (1e-9) of the currency unit.
type Nanos int64

// Instant is a time in microseconds since the Unix epoch, UTC.
type Instant int64
