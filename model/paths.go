package model

import (
	"encoding/base32"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Ids become names of folders and files, so only these forms are let in.
var (
	simulationIDForm = regexp.MustCompile(`^[0-9]{8}-[a-z2-7]{10}$`)
	variantIDForm    = regexp.MustCompile(`^(baseline|v[0-9]{4})(\.r[1-9][0-9]{0,3})?$`)
	attemptForm      = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
)

// simulationRandomBytes give 50 bits in ten characters of base32.
const simulationRandomBytes = 7

// NewSimulationID makes an id of the UTC date of now and ten characters of base32 (50 bits) read
// from random: 20260701-abcdefgh23.
func NewSimulationID(now time.Time, random io.Reader) (string, error) {
	var bits [simulationRandomBytes]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return "", fmt.Errorf("reading random bits for a simulation id: %w", err)
	}
	day := now.UTC()
	if day.Year() < 1 || day.Year() > 9999 {
		return "", fmt.Errorf("a simulation id needs a year from 1 to 9999, found %d", day.Year())
	}
	text := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(bits[:]))
	return day.Format("20060102") + "-" + text[:10], nil
}

// ValidSimulationID reports whether id has the form of a simulation's id with a date that exists.
func ValidSimulationID(id string) bool {
	_, err := SimulationDate(id)
	return err == nil
}

// SimulationDate is the UTC day in a simulation's id; it names the partition of its rows.
func SimulationDate(id string) (time.Time, error) {
	if !simulationIDForm.MatchString(id) {
		return time.Time{}, fmt.Errorf("%s is no simulation id; they look like 20260701-abcdefgh23", quote(id))
	}
	day, err := time.Parse("20060102", id[:8])
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is no simulation id: its date does not exist", quote(id))
	}
	return day, nil
}

// ValidVariantID reports whether id has the form of a variant's id: baseline, v0001, v0001.r2.
func ValidVariantID(id string) bool { return variantIDForm.MatchString(id) }

// Folders and files of the result store (results.md), as slash paths relative to its root. Ids
// must be valid; a path of an id that is not is a mistake of the caller, not of the user.

// SimulationPath is the folder of a simulation.
func SimulationPath(simulation string) string { return "simulation_id=" + simulation }

// PlanPath is the file of a simulation's plan, written before anything else.
func PlanPath(simulation string) string { return SimulationPath(simulation) + "/_plan.json" }

// ResultPath is the file of one attempt's row.
func ResultPath(simulation, variant string, attempt int64) string {
	return fmt.Sprintf("%s/variant_id=%s/attempt=%d.parquet", SimulationPath(simulation), variant, attempt)
}

// StartedPath is the marker that an attempt at a variant began.
func StartedPath(simulation, variant string, attempt int64) string {
	return fmt.Sprintf("%s/_started/%s.%d", SimulationPath(simulation), variant, attempt)
}

// AttemptPath is the create-only marker that hands out an attempt's number.
func AttemptPath(simulation string, attempt int64) string {
	return fmt.Sprintf("%s/_attempts/%d", SimulationPath(simulation), attempt)
}

// ParseResultPath takes the path of a row apart; false: it is none, down to the last character.
func ParseResultPath(path string) (simulation, variant string, attempt int64, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) != 3 {
		return "", "", 0, false
	}
	simulation, isSimulation := strings.CutPrefix(parts[0], "simulation_id=")
	variant, isVariant := strings.CutPrefix(parts[1], "variant_id=")
	number, isAttempt := strings.CutPrefix(parts[2], "attempt=")
	number, isFile := strings.CutSuffix(number, ".parquet")
	attempt, numbered := parseAttempt(number)
	if !isSimulation || !isVariant || !isAttempt || !isFile || !numbered || !ValidSimulationID(simulation) || !ValidVariantID(variant) {
		return "", "", 0, false
	}
	return simulation, variant, attempt, true
}

// ParseStartedName takes the name of a started marker, `<variant>.<n>`, apart.
func ParseStartedName(name string) (variant string, attempt int64, ok bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return "", 0, false
	}
	attempt, ok = parseAttempt(name[dot+1:])
	if !ok || !ValidVariantID(name[:dot]) {
		return "", 0, false
	}
	return name[:dot], attempt, true
}

// parseAttempt reads an attempt's number: from 1, without leading zeros.
func parseAttempt(s string) (int64, bool) {
	if !attemptForm.MatchString(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// Counting is the index of the row that counts among the attempts at one variant: the succeeded one
// with the lowest number, else the failed one with the highest; -1 without rows. Late writers can
// not hide a success, and equal inputs give equal successes.
func Counting[T any](rows []T, of func(T) (attempt int64, status string)) int {
	best := -1
	var bestAttempt int64
	bestSucceeded := false
	for i, row := range rows {
		attempt, status := of(row)
		succeeded := status == StatusSucceeded
		better := best < 0 || succeeded && !bestSucceeded
		if best >= 0 && succeeded == bestSucceeded {
			better = succeeded && attempt < bestAttempt || !succeeded && attempt > bestAttempt
		}
		if better {
			best, bestAttempt, bestSucceeded = i, attempt, succeeded
		}
	}
	return best
}
