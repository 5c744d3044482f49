//go:build unix

package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestImportKeepsItsInputs: what is read is not replaced, whatever it is called.
func TestImportKeepsItsInputs(t *testing.T) {
	dir := t.TempDir()
	log, link, hard := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "link"), filepath.Join(dir, "hard")
	if err := os.WriteFile(log, []byte(threeLines), 0o666); err != nil {
		t.Fatal(err)
	}
	rejected := filepath.Join(dir, "out.parquet"+RejectedSuffix)
	if err := os.Link(log, rejected); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(log, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(log, hard); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, o := range map[string]ImportOptions{
		"same name":     {Files: []string{log}, Out: log},
		"other path":    {Files: []string{log}, Out: dir + "/../" + filepath.Base(dir) + "/log.jsonl"},
		"symbolic link": {Files: []string{log}, Out: link},
		"hard link":     {Files: []string{log}, Out: hard},
		"the second":    {Files: []string{"testdata/rtbkit.jsonl", log}, Out: log},
		"rejected rows": {Files: []string{rejected}, Out: filepath.Join(dir, "out.parquet")},
		"the map":       {Files: []string{log}, MapFile: hard, Out: hard},
		"input stream":  {Files: []string{"-"}, Stdin: in, Out: log},
	} {
		o.Format = "jsonl"
		if message := refused(t, o); !strings.Contains(message, "would be replaced") {
			t.Errorf("%s: %s", name, message)
		}
		if text, err := os.ReadFile(log); err != nil || string(text) != threeLines {
			t.Fatalf("%s: the log is %q, %v", name, text, err)
		}
	}
}

// TestImportDestination: what a snapshot can't be written to is said before the log is read.
func TestImportDestination(t *testing.T) {
	dir, log := t.TempDir(), text(t, threeLines)
	pipe, behind := filepath.Join(dir, "pipe"), filepath.Join(dir, "behind.parquet")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(behind+RejectedSuffix, 0o777); err != nil {
		t.Fatal(err)
	}
	for out, want := range map[string]string{
		dir:                                    "it is a folder, not a file",
		"/dev/null":                            "it is a device, not a file",
		pipe:                                   "it is a named pipe, not a file",
		behind:                                 RejectedSuffix + ": it is a folder",
		filepath.Join(dir, "none/out.parquet"): "the folder " + filepath.Join(dir, "none") + " doesn't exist",
		filepath.Join(log, "out.parquet"):      log + " is not a folder",
	} {
		if message := refused(t, ImportOptions{Format: "jsonl", Files: []string{log}, Out: out}); !strings.Contains(message, want) {
			t.Errorf("%s: %s, want %s", out, message, want)
		}
	}
	for in, want := range map[string]string{dir: "is a folder: name the files", filepath.Join(dir, "none"): "there is no file"} {
		if message := refused(t, ImportOptions{Format: "jsonl", Files: []string{in}, Out: filepath.Join(dir, "out")}); !strings.Contains(message, want) {
			t.Errorf("%s: %s, want %s", in, message, want)
		}
	}
}
