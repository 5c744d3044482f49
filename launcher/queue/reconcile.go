package queue

import (
	"slices"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// found is what the rows of the result store say about variants that the store has as unfinished.
type found struct {
	ended []results.Row   // variants that have ended: the row each ended with
	todo  []pipeline.Todo // variants to be run, in the plan's order
	lost  []string        // variants that the store has as succeeded or failed, and of which no such row is left
}

// reconcile compares the variants with the rows. A launcher that died between the commit of a row and its
// record left a variant unfinished that has ended; what it was in the middle of has no row and is run again.
//
// Rows of attempts up to Variant.After are of the time before a retry. Of the later ones a success counts at once, a failure
// if trying again is no use or was tried often enough: the rule by which the pipeline decided while it ran.
func reconcile(variants []store.Variant, rows []results.Row, retries int) found {
	of := map[string][]results.Row{}
	for _, row := range rows {
		of[row.VariantID] = append(of[row.VariantID], row)
	}
	var f found
	for _, v := range variants {
		if v.State.Finished() {
			if isLostOf(of[v.ID], v) {
				f.lost = append(f.lost, v.ID)
			}
			continue
		}
		if row, ended := ending(of[v.ID], v.After, retries); ended {
			f.ended = append(f.ended, row)
		} else {
			f.todo = append(f.todo, pipeline.Todo{VariantID: v.ID, After: v.After})
		}
	}
	return f
}

// isLostOf reports whether a finished variant's row is gone. What was recorded as finished had its row durable
// before, and of an attempt after the latest retry.
func isLostOf(rows []results.Row, v store.Variant) bool {
	return v.State != store.VariantCancelled && !slices.ContainsFunc(rows, func(r results.Row) bool {
		return r.Attempt > v.After && (r.Status == model.StatusSucceeded || v.State == store.VariantFailed)
	})
}

// ending is the row that a variant ended with, by its rows in order of their attempts.
func ending(rows []results.Row, after int64, retries int) (row results.Row, ended bool) {
	tries := 0
	for _, r := range rows {
		switch {
		case r.Attempt <= after:
		case r.Status == model.StatusSucceeded:
			return r, true
		default:
			// Three processes were lost to a crashed one already: those were its tries.
			tries++
			row, ended = r, ended || !r.Reason.Retryable() || r.Reason == model.Crashed || tries > retries
		}
	}
	return row, ended
}

// changeOf is what the store is told of an event; false: nothing. A variant given up stays running there
// until its next attempt, or until the simulation is suspended or ends.
func changeOf(e pipeline.VariantEvent) (store.VariantChange, bool) {
	c := store.VariantChange{
		VariantID: e.VariantID, State: store.VariantRunning, Attempt: e.Attempt,
		Reason: string(e.Reason), Message: short(e.Message), NextRetry: e.NextRetry, At: e.At,
	}
	switch e.Kind {
	case pipeline.VariantStarted, pipeline.VariantRetrying:
	case pipeline.VariantSucceeded:
		c.State = store.VariantSucceeded
	case pipeline.VariantFailed:
		c.State = store.VariantFailed
	default:
		return c, false
	}
	return c, true
}

// changeOfRow is what the store is told of a variant that ended with a row.
func changeOfRow(row *model.VariantResult) store.VariantChange {
	c := store.VariantChange{VariantID: row.VariantID, State: store.VariantSucceeded, Attempt: row.Attempt, At: time.UnixMicro(row.FinishedAt)}
	if row.Status == model.StatusFailed {
		c.State = store.VariantFailed
		if row.Error != nil {
			c.Reason, c.Message = row.Error.Reason, short(row.Error.Message)
		}
	}
	return c
}

// maxMessage is how much the store keeps of a message.
const maxMessage = 2 << 10

func short(message string) string {
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	return strings.ToValidUTF8(message, "")
}
