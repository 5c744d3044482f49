package report

import (
	"context"
	"io"

	"github.com/whatif-machine/whatif/sql/warehouse"
)

// Write writes the page of a simulation to out: one HTML file of at most about five megabytes that
// needs nothing else. The same rows give the same bytes. A simulation without a committed row is ErrNoResults.
func Write(ctx context.Context, w *warehouse.Warehouse, simulationID string, out io.Writer) error {
	ask := fromWarehouse(w)
	s, err := readOutcome(ctx, ask, simulationID)
	if err != nil {
		return err
	}
	s.Sentence = sentence(s)
	if err := s.readDetail(ctx, ask); err != nil {
		return err
	}
	s.cutTexts()
	return render(ctx, s, out)
}

// Sentence is the one sentence that says what a simulation means, without a full stop: "daily cap
// 3 -> 1: reach +12 %, fill -4 points, revenue -7 %". What it picks, and what it says where nothing can
// be picked, stands at sentence. A simulation without a committed row is ErrNoResults.
func Sentence(ctx context.Context, w *warehouse.Warehouse, simulationID string) (string, error) {
	s, err := readOutcome(ctx, fromWarehouse(w), simulationID)
	if err != nil {
		return "", err
	}
	return sentence(s), nil
}

// fromWarehouse asks a warehouse.
func fromWarehouse(w *warehouse.Warehouse) source {
	return func(ctx context.Context, sql string, args ...any) (rows, error) {
		answer, err := w.Query(ctx, sql, args...)
		if err != nil {
			return nil, err // not (*Rows)(nil) in an interface
		}
		return answer, nil
	}
}
