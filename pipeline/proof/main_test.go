package proof

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/whatif-machine/whatif/pipeline/dataflow/fake"
)

// programsVariable names the folder with the programs, for the tests in their own network.
const programsVariable = "WHATIF_PROOF_PROGRAMS"

// TestMain builds the programs and has the tests run where Prism may.
func TestMain(m *testing.M) {
	if os.Getenv(programsVariable) != "" {
		os.Exit(fake.Isolated(m.Run))
	}
	os.Exit(withPrograms(m.Run))
}

func withPrograms(run func() int) int {
	folder, err := os.MkdirTemp("", "whatif-proof-")
	if err == nil {
		defer func() { _ = os.RemoveAll(folder) }() // what is left behind is in the folder for temporary files
		err = build(folder)
	}
	if err == nil {
		err = os.Setenv(programsVariable, folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return fake.Isolated(run)
}

// build builds both programs as they are released, but for the moments at which whatif can be told to die.
func build(folder string) error {
	for _, program := range []struct {
		name string
		env  string
		args []string
	}{
		{"whatif", "CGO_ENABLED=1", []string{"-tags", "killpoints"}},
		{"whatif-worker", "CGO_ENABLED=0", nil},
	} {
		args := append([]string{"build", "-o", filepath.Join(folder, program.name)}, program.args...)
		cmd := exec.Command("go", append(args, "../../cmd/"+program.name)...)
		cmd.Env = append(os.Environ(), program.env)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", program.name, err, out)
		}
	}
	return nil
}
