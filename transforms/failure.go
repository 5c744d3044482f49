package transforms

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/whatif-machine/whatif/model"
)

func init() {
	register.DoFn2x2[context.Context, Failure, model.VariantResult, error](&failedRowFn{})
}

// FailedRows: PCollection<Failure> -> PCollection<VariantResult>
//
// A failed attempt gets a row as a succeeded one does, with its reason and without figures.
func FailedRows(s beam.Scope, job Job, failures beam.PCollection) beam.PCollection {
	s = s.Scope("FailedRows")
	return beam.ParDo(s, &failedRowFn{Job: job}, failures)
}

type failedRowFn struct{ Job Job }

func (f *failedRowFn) ProcessElement(ctx context.Context, failure Failure) (model.VariantResult, error) {
	study, err := openStudy(ctx, f.Job)
	if err != nil {
		return model.VariantResult{}, err
	}
	return *FailedRow(study.plan, study.config, f.Job.Attempt, failure), nil
}
