package pipeline

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/whatif-machine/whatif/transforms"
)

// Build is the pipeline of a job, as in architecture.md: the way of the data from top to bottom.
func Build(job transforms.Job) *beam.Pipeline {
	p, s := beam.NewPipelineWithRoot()
	variants := transforms.ExpandVariants(s, job)
	matched, failures := transforms.MatchVariants(s, job, variants)
	failed := transforms.FailedRows(s, job, failures)
	rows := beam.Flatten(s, matched, failed)
	transforms.WriteVariant(s, job, rows)
	return p
}
