package model

// Plan is everything a simulation needs besides its inputs, fixed at submission and stored as
// `_plan.json` before anything runs: a job started from it a year later computes the same.
type Plan struct {
	SimulationID  string        `json:"simulation_id"`
	Tenant        string        `json:"tenant"`
	SubmittedAt   Instant       `json:"submitted_at"`
	EngineVersion string        `json:"engine_version"`
	Config        Document      `json:"config"`    // as submitted
	Campaigns     *Document     `json:"campaigns"` // as read; null: inline in Config
	Inventory     []PinnedInput `json:"inventory"` // the snapshot's files, in name order

	ConfigSHA256    string    `json:"config_sha256"`
	CampaignsSHA256 string    `json:"campaigns_sha256"`
	SnapshotSHA256  string    `json:"snapshot_sha256"`
	Variants        []Variant `json:"variants"`
}

// Document is a text and where it came from.
type Document struct {
	Name   string `json:"name"`   // path or URI, for messages
	Text   string `json:"text"`   // UTF-8
	SHA256 string `json:"sha256"` // of Text
}

// PinnedInput is an input file as it was at submission.
type PinnedInput struct {
	URI        string  `json:"uri"` // absolute
	Generation string  `json:"generation,omitempty"`
	Size       int64   `json:"size"`
	Modified   Instant `json:"modified,omitempty"`
	SHA256     string  `json:"sha256"`
}

// Inputs is what a submission fixes: the texts as they were sent and the files as they were then. With
// an id and a time they make a Plan, the same one whenever and wherever that is done.
type Inputs struct {
	EngineVersion  string        `json:"engine_version"`
	Config         Document      `json:"config"`
	Campaigns      *Document     `json:"campaigns"` // nil: inline in Config
	Inventory      []PinnedInput `json:"inventory"`
	SnapshotSHA256 string        `json:"snapshot_sha256"`
}
