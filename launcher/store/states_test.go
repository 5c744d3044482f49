package store

import (
	"fmt"
	"slices"
	"testing"
)

// moves of the specification, written down by hand; a state may also stay.
var simulationMoves = map[string][]string{
	"scheduled":        {"queued", "cancelled"},
	"queued":           {"running", "cancelled"},
	"running":          {"paused", "succeeded", "partially_failed", "failed", "cancelled"},
	"paused":           {"running", "cancelled"},
	"succeeded":        {},
	"partially_failed": {"queued"},
	"failed":           {"queued"},
	"cancelled":        {"queued"},
}

var variantMoves = map[string][]string{
	"pending":   {"running", "cancelled"},
	"running":   {"succeeded", "failed", "cancelled"},
	"succeeded": {},
	"failed":    {"pending"},
	"cancelled": {"pending"},
}

// ways lead a new row to each state by legal moves.
var simulationWays = map[string][]string{
	"scheduled": {}, "queued": {"queued"}, "running": {"queued", "running"}, "paused": {"queued", "running", "paused"},
	"succeeded": {"queued", "running", "succeeded"}, "partially_failed": {"queued", "running", "partially_failed"},
	"failed": {"queued", "running", "failed"}, "cancelled": {"cancelled"},
}

var variantWays = map[string][]string{
	"pending": {}, "running": {"running"}, "succeeded": {"running", "succeeded"}, "failed": {"running", "failed"}, "cancelled": {"cancelled"},
}

// The database refuses any move that is not the specification's, whoever asks for it and however.
func TestEveryMove(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.open(t, Options{})
		raw := d.raw(t)
		try(t, raw, "INSERT INTO documents (sha256, size, encoding, body) VALUES ('d', 0, 'plain', '')", true)
		for from, to := range pairs(simulationMoves) {
			row := fmt.Sprintf("s-%s-%s", from, to)
			try(t, raw, bornSimulation(row, "scheduled"), true)
			for _, step := range simulationWays[from] {
				try(t, raw, moveSimulation(row, step), true)
			}
			try(t, raw, moveSimulation(row, to), from == to || slices.Contains(simulationMoves[from], to))
		}
		for from, to := range pairs(variantMoves) {
			row := fmt.Sprintf("v-%s-%s", from, to)
			try(t, raw, bornVariant(row, "pending"), true)
			for _, step := range variantWays[from] {
				try(t, raw, moveVariant(row, step), true)
			}
			try(t, raw, moveVariant(row, to), from == to || slices.Contains(variantMoves[from], to))
		}
		for state := range simulationMoves {
			try(t, raw, bornSimulation("born-"+state, state), state == "scheduled" || state == "queued")
		}
		for state := range variantMoves {
			try(t, raw, bornVariant("born-"+state, state), state == "pending")
		}
		try(t, raw, moveSimulation("born-queued", "lost"), false)
		try(t, raw, moveVariant("born-pending", "lost"), false)
	})
}

// What must be true of a row in any state is refused, too, when it is not.
func TestRowsThatCanNotBe(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.open(t, Options{})
		raw := d.raw(t)
		try(t, raw, "INSERT INTO documents (sha256, size, encoding, body) VALUES ('d', 0, 'plain', '')", true)
		try(t, raw, bornSimulation("a", "queued"), true)
		for _, set := range []string{
			"pending = 0",                 // counts that don't add up
			"pending = -1, running = 2",   // or are negative
			"lease_until = 1",             // a lease of what does not run
			"wanted = 'pause'",            // a wish of what does not run
			"finished_at = 1",             // an end of what has not ended
			"priority = 10",               //
			"config = 'no such document'", // inputs that are not there
			"state = 'cancelled'",         // an end without a time
		} {
			try(t, raw, "UPDATE simulations SET "+set+" WHERE id = 'a'", false)
		}
	})
}

// pairs are all pairs of states.
func pairs(moves map[string][]string) func(yield func(from, to string) bool) {
	return func(yield func(from, to string) bool) {
		for from := range moves {
			for to := range moves {
				if !yield(from, to) {
					return
				}
			}
		}
	}
}

func try(t *testing.T, raw session, statement string, allowed bool) {
	t.Helper()
	n, err := raw.exec(t.Context(), statement)
	if allowed && (err != nil || n != 1) {
		t.Errorf("%s: %d rows, %v", statement, n, err)
	}
	if k := kindOf(err); !allowed && k != refused && k != orphaned {
		t.Errorf("%s was not refused: %v", statement, err)
	}
}

func bornSimulation(id, state string) string {
	finished := "NULL"
	if State(state).Finished() {
		finished = "1"
	}
	return fmt.Sprintf(`INSERT INTO simulations (id, tenant, name, owner, labels, state, priority, submitted_by, schedule_id, submitted_at, run_at,
 slots, campaigns, variants, pending, webhook, engine, snapshot, config_name, config, inventory, finished_at)
 VALUES ('%s', 't', '', '', '[]', '%s', 5, '', '', 1, 1, 1, 1, 1, 1, '', '', '', '', 'd', 'd', %s)`, id, state, finished)
}

func moveSimulation(id, to string) string {
	finished := "NULL"
	if State(to).Finished() {
		finished = "1"
	}
	return fmt.Sprintf("UPDATE simulations SET state = '%s', finished_at = %s WHERE id = '%s'", to, finished, id)
}

func bornVariant(id, state string) string {
	finished := "NULL"
	if VariantState(state).Finished() {
		finished = "1"
	}
	return fmt.Sprintf(`INSERT INTO variants (simulation_id, position, id, state, finished_at)
 SELECT 's-queued-queued', count(*), '%s', '%s', %s FROM variants`, id, state, finished)
}

func moveVariant(id, to string) string {
	finished := "NULL"
	if VariantState(to).Finished() {
		finished = "1"
	}
	return fmt.Sprintf("UPDATE variants SET state = '%s', finished_at = %s WHERE id = '%s'", to, finished, id)
}
