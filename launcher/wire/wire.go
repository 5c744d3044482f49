// Package wire has the JSON bodies of the launcher's HTTP interface: what package api answers and
// package client reads. Times are RFC 3339 in UTC; an absent field is one that has no value.
package wire

import (
	"encoding/json"
	"time"
)

// Counts are variants by state.
type Counts struct {
	Pending   int `json:"pending"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

// Simulation is one submitted configuration and where it stands.
type Simulation struct {
	ID          string            `json:"id" doc:"begins with its UTC date" example:"20260701-abcdefgh23"`
	Name        string            `json:"name"`
	Owner       string            `json:"owner,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	State       string            `json:"state" enum:"scheduled,queued,running,paused,succeeded,partially_failed,failed,cancelled"`
	Wanted      string            `json:"wanted,omitempty" enum:"cancel,pause" doc:"asked for, not done yet"`
	Priority    int               `json:"priority" doc:"0 to 9, higher first"`
	SubmittedBy string            `json:"submitted_by,omitempty"`
	ScheduleID  string            `json:"schedule_id,omitempty"`
	SubmittedAt time.Time         `json:"submitted_at"`
	RunAt       *time.Time        `json:"run_at,omitempty"`
	StartedAt   *time.Time        `json:"started_at,omitempty"`
	FinishedAt  *time.Time        `json:"finished_at,omitempty"`
	Slots       int64             `json:"slots" doc:"of the snapshot"`
	Campaigns   int               `json:"campaigns"`
	Variants    int               `json:"variants" doc:"baseline and replicates included"`
	Counts      Counts            `json:"counts" doc:"variants by state"`
	Progress    *Progress         `json:"progress,omitempty"`
	Blocking    []Blocker         `json:"blocking,omitempty" doc:"what its end waits for, the longest first"`
	Waiting     string            `json:"waiting,omitempty" doc:"why nothing of it runs right now, in words"`
	Fault       *Fault            `json:"fault,omitempty" doc:"why it could not go on, or stopped early"`
	Summary     string            `json:"summary" doc:"in words" example:"997 of 1,000 variants succeeded; 3 failed: timed_out"`
	Warnings    []Problem         `json:"warnings,omitempty" doc:"of the configuration; in the answer to a submission only"`
	Links       Links             `json:"links"`
}

// Progress is how far a simulation is and how fast.
type Progress struct {
	Fraction           float64    `json:"fraction" doc:"variants that are finished, 0 to 1"`
	Decisions          int64      `json:"decisions" doc:"slots decided so far"`
	DecisionsPerSecond float64    `json:"decisions_per_second"`
	EstimatedEnd       *time.Time `json:"estimated_end,omitempty"`
}

// Blocker is a variant that the end of its simulation waits for.
type Blocker struct {
	VariantID string     `json:"variant_id"`
	Attempt   int64      `json:"attempt"`
	Since     time.Time  `json:"since"`
	NextRetry *time.Time `json:"next_retry,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
}

// Fault is why something failed.
type Fault struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Links are the addresses that belong to a simulation, as paths of this launcher.
type Links struct {
	Self       string `json:"self"`
	Variants   string `json:"variants"`
	Comparison string `json:"comparison"`
	Events     string `json:"events"`
	Page       string `json:"page" doc:"for people"`
}

// SimulationList is one page of simulations, newest first.
type SimulationList struct {
	Simulations   []Simulation `json:"simulations"`
	NextPageToken string       `json:"next_page_token,omitempty"`
}

// Variant is one variant of a simulation.
type Variant struct {
	ID         string          `json:"id" example:"v0001"`
	State      string          `json:"state" enum:"pending,running,succeeded,failed,cancelled"`
	Parameters json.RawMessage `json:"parameters" doc:"name and value of each lever"`
	Replicate  int             `json:"replicate"`
	Attempt    int64           `json:"attempt,omitempty" doc:"the latest"`
	Reason     string          `json:"reason,omitempty"`
	Message    string          `json:"message,omitempty"`
	StartedAt  *time.Time      `json:"started_at,omitempty"`
	FinishedAt *time.Time      `json:"finished_at,omitempty"`
	Attempts   []Attempt       `json:"attempts,omitempty" doc:"those that left a row; of a single variant only"`
}

// Attempt is how one attempt at a variant ended.
type Attempt struct {
	Number       int64     `json:"number"`
	Status       string    `json:"status" enum:"succeeded,failed"`
	Counts       bool      `json:"counts" doc:"this is the row that counts"`
	Reason       string    `json:"reason,omitempty"`
	Message      string    `json:"message,omitempty"`
	Retryable    bool      `json:"retryable,omitempty"`
	StartedAt    time.Time `json:"started_at"`
	FinishedAt   time.Time `json:"finished_at"`
	ResultSHA256 string    `json:"result_sha256,omitempty"`
}

// VariantList is one page of variants, in the order of the plan.
type VariantList struct {
	Variants      []Variant `json:"variants"`
	NextPageToken string    `json:"next_page_token,omitempty"`
}

// RetryRequest names the variants to run again; without any, all that failed or were cancelled.
type RetryRequest struct {
	Variants []string `json:"variants,omitempty" minItems:"1" maxItems:"1000"`
}

// Validation is what a configuration would run.
type Validation struct {
	Valid     bool      `json:"valid"`
	Slots     int64     `json:"slots"`
	Campaigns int       `json:"campaigns"`
	Variants  []Variant `json:"variants"`
	Warnings  []Problem `json:"warnings,omitempty"`
}

// Problem is one mistake or warning of a configuration, where it stands.
type Problem struct {
	Message    string `json:"message"`
	Location   string `json:"location,omitempty" doc:"file:line:column" example:"body:12:9"`
	Path       string `json:"path,omitempty" example:"campaigns[3].frequency_caps[0].per"`
	Suggestion string `json:"suggestion,omitempty"`
}

// Error is an RFC 9457 problem.
type Error struct {
	Type     string    `json:"type"`
	Title    string    `json:"title"`
	Status   int       `json:"status"`
	Detail   string    `json:"detail,omitempty"`
	Instance string    `json:"instance,omitempty" doc:"the request's id"`
	Code     string    `json:"code" example:"INVALID_CONFIGURATION"`
	Errors   []Problem `json:"errors,omitempty"`
}

// Error is the problem as one line.
func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Detail + " (" + e.Code + ")"
	}
	return e.Title + " (" + e.Code + ")"
}

// GetStatus is the HTTP status that the problem is sent with.
func (e *Error) GetStatus() int { return e.Status }

// ContentType is the media type of a problem among answers of another type.
func (e *Error) ContentType(string) string { return "application/problem+json" }

// Table is one page of a view: one array of values a row, in the order of the columns.
type Table struct {
	SimulationID string            `json:"simulation_id"`
	View         string            `json:"view"`
	Columns      []Column          `json:"columns"`
	Rows         [][]any           `json:"rows"`
	Partial      bool              `json:"partial" doc:"more rows may come: the simulation is not finished"`
	Note         string            `json:"note,omitempty" doc:"what is missing, in words" example:"997 of 1,000; 3 failed: timed_out"`
	SQL          map[string]string `json:"sql" doc:"the query by dialect: duckdb, bigquery"`
	NextPage     string            `json:"next_page_token,omitempty"`
}

// Column is a column of a Table.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Note is what a person wrote about a simulation.
type Note struct {
	ID           string    `json:"id"`
	SimulationID string    `json:"simulation_id"`
	VariantID    string    `json:"variant_id,omitempty"`
	Author       string    `json:"author"`
	At           time.Time `json:"at"`
	Text         string    `json:"text"`
}

// NoteRequest is a note to be written. Without keys the author is as given, else the key's name.
type NoteRequest struct {
	Text      string `json:"text" minLength:"1" maxLength:"4096"`
	VariantID string `json:"variant_id,omitempty"`
	Author    string `json:"author,omitempty" maxLength:"100"`
}

// NoteList is one page of notes, oldest first.
type NoteList struct {
	Notes         []Note `json:"notes"`
	NextPageToken string `json:"next_page_token,omitempty"`
}

// Event is one change of a simulation; its sequence number is the id of the server-sent event.
type Event struct {
	SimulationID string          `json:"simulation_id"`
	Seq          int64           `json:"seq,omitempty"`
	At           time.Time       `json:"at"`
	Type         string          `json:"type" enum:"state,variant,note,retry,wish,deleted,progress"`
	Data         json.RawMessage `json:"data"`
}

// Health is whether a launcher is well; Checks names its parts.
type Health struct {
	Status string            `json:"status" enum:"ok,failing"`
	Checks map[string]string `json:"checks,omitempty"`
}

// The words of Health.
const (
	HealthOK      = "ok"
	HealthFailing = "failing"
)

// Moment is the data of a progress event: how a simulation stands between two changes of state.
type Moment struct {
	State    string    `json:"state"`
	Counts   Counts    `json:"counts"`
	Progress *Progress `json:"progress,omitempty"`
	Blocking []Blocker `json:"blocking,omitempty"`
}

// Feed is one page of what happened in the tenant, newest first.
type Feed struct {
	Events        []Event `json:"events"`
	NextPageToken string  `json:"next_page_token,omitempty"`
}

// Upload is a stored campaigns file or small snapshot.
type Upload struct {
	URI    string `json:"uri" example:"upload:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Kind   string `json:"kind" enum:"snapshot,campaigns"`
}

// Schedule is a configuration that is submitted again and again.
type Schedule struct {
	ID             string     `json:"id"`
	Name           string     `json:"name"`
	Cron           string     `json:"cron" example:"30 2 * * *"`
	Timezone       string     `json:"timezone" example:"America/New_York"`
	Missed         string     `json:"missed" enum:"skip,run_once"`
	Paused         bool       `json:"paused"`
	Config         string     `json:"config,omitempty" doc:"YAML or JSON text; not in lists"`
	Priority       int        `json:"priority"`
	Webhook        string     `json:"webhook,omitempty"`
	CreatedBy      string     `json:"created_by,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	NextAt         *time.Time `json:"next_at,omitempty"`
	LastAt         *time.Time `json:"last_at,omitempty"`
	LastSimulation string     `json:"last_simulation,omitempty"`
	LastProblem    string     `json:"last_problem,omitempty"`
}

// ScheduleRequest makes a schedule; a PATCH sends only what changes.
type ScheduleRequest struct {
	Name     *string `json:"name,omitempty" maxLength:"200"`
	Cron     *string `json:"cron,omitempty" maxLength:"200"`
	Timezone *string `json:"timezone,omitempty" maxLength:"100" doc:"IANA name; default UTC"`
	Missed   *string `json:"missed,omitempty" enum:"skip,run_once" doc:"default skip"`
	Paused   *bool   `json:"paused,omitempty"`
	Config   *string `json:"config,omitempty" doc:"YAML or JSON text"`
	Priority *int    `json:"priority,omitempty" minimum:"0" maximum:"9"`
	Webhook  *string `json:"webhook,omitempty" maxLength:"2000"`
}

// ScheduleList is one page of schedules by name, without their configurations.
type ScheduleList struct {
	Schedules     []Schedule `json:"schedules"`
	NextPageToken string     `json:"next_page_token,omitempty"`
}

// LinkRequest asks for a short link to a page or view of this launcher.
type LinkRequest struct {
	Target    string     `json:"target" maxLength:"2000" doc:"a path and query of this launcher"`
	Alias     string     `json:"alias,omitempty" maxLength:"64" doc:"instead of an unguessable key"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// Link is a short link.
type Link struct {
	Key       string     `json:"key"`
	Path      string     `json:"path" example:"/s/7k2mq4xv9c"`
	Target    string     `json:"target"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Visits    int64      `json:"visits"`
}
