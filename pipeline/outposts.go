package pipeline

import (
	"github.com/whatif-machine/whatif/pipeline/dataflow"
	"github.com/whatif-machine/whatif/pipeline/portable"
	"github.com/whatif-machine/whatif/pipeline/remote"
)

// outposts are the runners beyond this machine.
var outposts = map[string]outpost{
	"dataflow": {
		runner: func() remote.Runner { return dataflow.New(dataflow.Options{}) },
		needs:  []setting{projectSetting, regionSetting, stagingSetting},
		cloud:  true,
	},
	// The portable runner is for anything that offers Beam's job service; Flink is the one that is tried.
	"flink":    {runner: portable.New, needs: []setting{endpointSetting}},
	"portable": {runner: portable.New, needs: []setting{endpointSetting}},
}
