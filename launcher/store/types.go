package store

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// State is where a simulation stands.
//
//	scheduled -> queued -> running <-> paused
//	                          |
//	                          +-> succeeded | partially_failed | failed       cancelled <- any but these
//
// A retry takes a finished one that has not succeeded back to queued. Any other move is refused by the database.
type State string

// The states of a simulation.
const (
	Scheduled       State = "scheduled" // waits for its time
	Queued          State = "queued"
	Running         State = "running" // also while no launcher holds its lease: the next one takes it over
	Paused          State = "paused"
	Succeeded       State = "succeeded"
	PartiallyFailed State = "partially_failed" // some variants have figures, some have not
	Failed          State = "failed"           // none has
	Cancelled       State = "cancelled"
)

// Finished reports whether nothing more happens to it by itself.
func (s State) Finished() bool {
	return s == Succeeded || s == PartiallyFailed || s == Failed || s == Cancelled
}

// VariantState is where a variant stands: pending -> running -> succeeded | failed | cancelled, pending -> cancelled
// for one that never started, and by a retry failed | cancelled -> pending. A running one whose process is gone
// stays running until its next attempt.
type VariantState string

// The states of a variant.
const (
	VariantPending   VariantState = "pending"
	VariantRunning   VariantState = "running"
	VariantSucceeded VariantState = "succeeded"
	VariantFailed    VariantState = "failed"
	VariantCancelled VariantState = "cancelled"
)

// Finished reports whether nothing more happens to it by itself.
func (s VariantState) Finished() bool {
	return s == VariantSucceeded || s == VariantFailed || s == VariantCancelled
}

// Counts are a simulation's variants by state; they add up to the variants of its plan.
type Counts struct {
	Pending   int `json:"pending"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

// Simulation is a submitted configuration and what has become of it.
type Simulation struct {
	ID          string
	Tenant      string
	Name, Owner string
	Labels      []model.Label
	State       State
	Priority    int    // 0 .. 9, higher first
	SubmittedBy string // name of the key; empty without keys
	ScheduleID  string // of the schedule that fired it, else empty
	SubmittedAt time.Time
	RunAt       *time.Time // of one that was delayed
	QueuedAt    *time.Time
	StartedAt   *time.Time // first claimed
	FinishedAt  *time.Time
	Slots       int64 // of the snapshot
	Campaigns   int
	Variants    int // of the plan, baseline and replicates included
	Counts      Counts
	Wanted      Wish      // asked of the launcher that runs it, not done yet
	Progress    Progress  // as its launcher last told
	Fault       *Fault    // why it could not go on, or stopped early
	Holder      string    // launcher that has its lease, or had it last
	LeaseUntil  time.Time // zero: nobody's
	Attempts    int64     // highest attempt number given
	Events      int64     // sequence number of its last event
}

// Wish is what a user asked of a running simulation.
type Wish string

// The wishes.
const (
	NoWish     Wish = ""
	WantCancel Wish = "cancel"
	WantPause  Wish = "pause"
)

// JobOpen is the reason of a cancelled or paused simulation whose job elsewhere has not been seen to end.
const JobOpen = "job_open"

// Fault is why a simulation as a whole could not go on: a reason of results.md, `stopped`, or JobOpen.
type Fault struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Progress is what a launcher tells of a simulation it runs, besides the states of its variants.
type Progress struct {
	Decisions          int64     `json:"decisions"`            // slots decided so far, in all its attempts
	DecisionsPerSecond float64   `json:"decisions_per_second"` // lately
	EstimatedEnd       time.Time `json:"estimated_end,omitzero"`
	Blocking           []Blocker `json:"blocking,omitempty"` // the longest first, at most 10
}

// Blocker is a variant that a simulation's end waits for.
type Blocker struct {
	VariantID string    `json:"variant_id"`
	Attempt   int64     `json:"attempt"`
	Since     time.Time `json:"since"`               // it runs, or failed last
	NextRetry time.Time `json:"next_retry,omitzero"` // of one that waits for another try
	Reason    string    `json:"reason,omitempty"`    // of its last failure
	Message   string    `json:"message,omitempty"`
}

// Variant is one variant of a simulation that was claimed at least once.
type Variant struct {
	ID         string
	State      VariantState
	Attempt    int64 // its latest, 0: none
	After      int64 // attempts up to this number belong to the time before its last retry
	Tries      int   // attempts since then
	Reason     string
	Message    string     // of its last failure, at most 2 KiB
	StartedAt  *time.Time // of the latest attempt
	FinishedAt *time.Time
}

// Submission is a simulation to be: what the user sent, checked and pinned.
type Submission struct {
	Simulation  Simulation // ID Tenant Name Owner Labels Priority SubmittedBy ScheduleID SubmittedAt RunAt Slots Campaigns Variants; the store sets the rest
	Inputs      model.Inputs
	Idempotency Idempotency // zero: none
	Webhook     string      // URL to tell when it is finished; empty: none
	FireTime    time.Time   // of a schedule's firing: at most one simulation a schedule and fire time
}

// Idempotency makes a repeated submission the same one.
type Idempotency struct {
	Key        string // as sent, at most 255 bytes; per tenant
	BodySHA256 string // over body and query, hex
}

// Lease is the right to run a simulation. Every change of it names its lease; one that another has
// taken over changes nothing (ErrLeaseLost).
type Lease struct {
	SimulationID string
	Holder       string
	Epoch        int64 // counts the claims of the simulation: the fencing token
}

// Claimed is a simulation to be run by who claimed it.
type Claimed struct {
	Simulation Simulation
	Inputs     model.Inputs
	Lease      Lease
	TakenOver  bool // from a launcher whose lease had run out
}

// VariantChange is what happened to one variant. The zero times are left as they were.
type VariantChange struct {
	VariantID string
	State     VariantState // VariantRunning, VariantSucceeded or VariantFailed; Running again: another try
	Attempt   int64
	Reason    string // of a failure, also of one that will be tried again
	Message   string
	NextRetry time.Time // of one that will be tried again
	At        time.Time
}

// Outcome is how a simulation ends. Variants that are neither succeeded nor failed become cancelled.
type Outcome struct {
	Fault     *Fault
	Cancelled bool // by a user; otherwise the state follows from the variants
}

// Event is one change of a simulation, numbered without gaps from 1.
type Event struct {
	SimulationID string
	Seq          int64
	Tenant       string
	At           time.Time
	Type         EventType
	Data         json.RawMessage // an object; see the constants

	feed bool // also in the tenant's feed
}

// EventType names what happened.
type EventType string

// The events of a simulation.
const (
	EventState   EventType = "state"   // {"state", "counts", "fault"?, "by"?}; feed
	EventVariant EventType = "variant" // {"variant_id", "state", "attempt", "reason"?, "message"?, "next_retry"?}
	EventNote    EventType = "note"    // the note; feed
	EventRetry   EventType = "retry"   // {"variants": n, "by"}; feed
	EventWish    EventType = "wish"    // {"wanted": "cancel"|"pause", "by"}
	EventDeleted EventType = "deleted" // {"by"}; feed
)

// Note is what a person wrote about a simulation.
type Note struct {
	ID           string    `json:"id"`
	SimulationID string    `json:"simulation_id"`
	VariantID    string    `json:"variant_id,omitempty"`
	Author       string    `json:"author"`
	At           time.Time `json:"at"`
	Text         string    `json:"text"` // plain, at most 4 KiB
}

// Filter selects simulations of a tenant.
type Filter struct {
	Tenant string
	State  State  // empty: all
	Owner  string // empty: all
	Labels map[string]string
}

// Page is where a listing goes on. Tokens are opaque and bound to their listing.
type Page struct {
	Size  int    // 1 .. 200
	Token string // of the page before; empty: the first
}

// Schedule is a configuration submitted again and again.
type Schedule struct {
	ID          string
	Tenant      string
	Name        string
	Cron        string // five fields
	Timezone    string // IANA
	Missed      string // MissedSkip or MissedRunOnce
	Paused      bool
	Config      model.Document // as sent, without its text in lists; checked and pinned anew at each firing
	Priority    int
	Webhook     string
	CreatedBy   string
	CreatedAt   time.Time
	UpdatedAt   time.Time
	NextAt      time.Time // zero: never
	LastAt      time.Time // fire time of the last firing
	LastID      string    // its simulation; empty if the firing failed
	LastProblem string    // why it failed
	Version     int64     // counts changes: PATCH and firing are refused on an old one
}

// What happens to firings that nobody was there for.
const (
	MissedSkip    = "skip"
	MissedRunOnce = "run_once"
)

// Key is an API key. The secret itself is never stored.
type Key struct {
	ID         string // public part, first of the printed key
	Hash       string // SHA-256 of the secret part, hex
	Name       string
	Tenant     string
	Tier       string
	Scopes     []string // read, submit, admin
	CreatedAt  time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time // to the minute
}

// Tier is what a key may do how often. Its changes act on running launchers within a second.
type Tier struct {
	Name        string
	PerMinute   int // tokens that come back a minute
	Burst       int // the bucket's size
	MaxPriority int // 0 .. 9
	MaxQueued   int // simulations of a tenant that are not finished; 0: no bound
}

// Link is a short address of a page.
type Link struct {
	Key       string
	Tenant    string
	Target    string // path and query of this launcher
	CreatedBy string
	CreatedAt time.Time
	ExpiresAt *time.Time
	Visits    int64
}

// Delivery is a webhook to be delivered: one a finish of a simulation.
type Delivery struct {
	ID           string
	SimulationID string
	Tenant       string
	URL          string
	Payload      json.RawMessage
	Attempts     int
	NextAt       time.Time
	State        string // DeliveryPending, DeliveryDone, DeliveryDead
	LastError    string
}

// The states of a delivery.
const (
	DeliveryPending = "pending"
	DeliveryDone    = "delivered"
	DeliveryDead    = "dead"
)

// Load is what waits and runs in the whole store, for metrics and admission.
type Load struct {
	Queued       int
	Running      int
	OldestQueued time.Time // zero: none
	Variants     Counts    // of simulations that are not finished
	DeadLetters  int64     // variants that failed for good, ever
	TakeOvers    int64     // leases taken over, ever
	Deliveries   int       // pending webhooks
}

// Errors of the store, to be asked for with errors.Is.
var (
	ErrNotFound    = errors.New("not found")                          // also: of another tenant
	ErrGone        = errors.New("was deleted")                        // its id stays known
	ErrWrongState  = errors.New("refused in the state that it is in") // the error says which, and what would have been right
	ErrLeaseLost   = errors.New("lease lost")                         // another launcher has the simulation
	ErrKeyReused   = errors.New("idempotency key was used for another body")
	ErrConflict    = errors.New("changed meanwhile") // a version or name is taken
	ErrUnavailable = errors.New("store unavailable") // try again later
	ErrInvalid     = errors.New("invalid")           // what was given breaks a rule of the store
	ErrPageToken   = errors.New("page token is damaged or of another listing")
)
