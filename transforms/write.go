package transforms

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/results"
)

func init() {
	register.DoFn2x2[context.Context, model.VariantResult, string, error](&writeFn{})
}

// WriteVariant: PCollection<VariantResult> -> PCollection<string> (paths committed)
//
// A row is durable before its path is handed on.
func WriteVariant(s beam.Scope, job Job, rows beam.PCollection) beam.PCollection {
	s = s.Scope("WriteVariant")
	return beam.ParDo(s, &writeFn{Job: job}, rows)
}

type writeFn struct{ Job Job }

// ProcessElement commits a row. When a row of figures can't be stored, its variant gets a failed one
// with reason storage; when that can't be stored either, storing is lost, and the job with it.
func (f *writeFn) ProcessElement(ctx context.Context, row model.VariantResult) (string, error) {
	// A row that is finished is committed even while the job is being cancelled.
	ctx = context.WithoutCancel(ctx)
	study, err := openStudy(ctx, f.Job)
	if err != nil {
		return "", err
	}
	path, err := study.store.Commit(ctx, &row)
	if f.Job.Elsewhere && errors.Is(err, results.ErrTaken) {
		return path, study.concede(ctx, &row)
	}
	if err != nil && row.Status == model.StatusSucceeded {
		row = *unstored(&row, err)
		var again error
		if path, again = study.store.Commit(ctx, &row); again == nil {
			err = nil
		}
	}
	if err != nil {
		return "", study.lose(fmt.Errorf("no row of variant %s can be stored: %w", row.VariantID, err))
	}
	study.notify(committed(&row))
	return path, nil
}

// concede lets the row stay that another worker committed for the same attempt first: the runner had taken
// that one for lost. It has other times, which nobody minds; other figures are a defect to be told of.
func (s *study) concede(ctx context.Context, row *model.VariantResult) error {
	there, err := s.store.Read(ctx, row.SimulationID, row.VariantID, row.Attempt)
	if err != nil {
		return s.lose(fmt.Errorf("variant %s has a row of attempt %d already, which can't be read: %w", row.VariantID, row.Attempt, err))
	}
	if there.Status != model.StatusSucceeded || row.Status != model.StatusSucceeded || there.ResultSHA256 == row.ResultSHA256 {
		return nil
	}
	c := results.Conflict{VariantID: row.VariantID, Attempt: row.Attempt, ResultSHA256: there.ResultSHA256, OtherSHA256: row.ResultSHA256}
	log.Errorf(ctx, "variant %s was computed twice, with different figures: %s and %s. That is a defect of this program or of a machine.",
		c.VariantID, c.ResultSHA256, c.OtherSHA256)
	if err := s.store.RecordConflict(ctx, row.SimulationID, c); err != nil {
		return s.lose(err)
	}
	return nil
}

// unstored is the failed row of a succeeded one that could not be stored.
func unstored(row *model.VariantResult, cause error) *model.VariantResult {
	failed := *row
	failed.Metrics = model.Metrics{}
	failed.ResultSHA256 = ""
	failed.Status = model.StatusFailed
	failed.Error = model.FaultOf(cause)
	return &failed
}
