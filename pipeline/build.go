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
	// Rows and failures are written by steps of their own: runners end a stage at a Flatten, and then no
	// row is written before the last variant of a bundle is done.
	transforms.WriteVariant(s, job, matched)
	transforms.WriteVariant(s, job, transforms.FailedRows(s, job, failures))
	return p
}
