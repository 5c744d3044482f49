package transforms

import (
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/whatif-machine/whatif/model"
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

// unstored is the failed row of a succeeded one that could not be stored.
func unstored(row *model.VariantResult, cause error) *model.VariantResult {
	failed := *row
	failed.Metrics = model.Metrics{}
	failed.ResultSHA256 = ""
	failed.Status = model.StatusFailed
	failed.Error = model.FaultOf(cause)
	return &failed
}
