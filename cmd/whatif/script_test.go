package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// TestMain lets this test binary be the command: scripts run the true program, and so does the job
// that `run` starts as its child.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"whatif": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the command lines of testdata/script as a user would type them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: scriptCommands(),
		Setup: func(env *testscript.Env) error {
			env.Setenv("WHATIF_RESULTS", "")
			env.Setenv("NO_COLOR", "1")
			env.Setenv("HOME", env.WorkDir)
			l := &launched{}
			env.Values[launchedKey{}] = l
			env.Values[servedKey{}] = new(*objecttest.GCS)
			env.Defer(func() { _ = l.stop() }) // a script that cares says `stop` itself
			return nil
		},
	})
}
