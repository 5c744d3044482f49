package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
)

// settled is what settings come to with command-line arguments and a file.
func settled(t *testing.T, file string, args ...string) (*settings, error) {
	t.Helper()
	s := newSettings()
	if file != "" {
		args = append(args, "--config", writeFile(t, filepath.Join(t.TempDir(), "whatif.yaml"), file))
	}
	if err := s.all.Parse(args); err != nil {
		t.Fatal(err)
	}
	return s, s.settle()
}

// TestEachSettingFromItsNearestSource: flag, then environment, then file, then default.
func TestEachSettingFromItsNearestSource(t *testing.T) {
	t.Setenv("WHATIF_LEASE", "3s")
	t.Setenv("WHATIF_MAX_RUNNING", "5")
	t.Setenv("WHATIF_INPUT_ROOT", "/a,/b")
	t.Setenv("WHATIF_STORE", "postgres://u:secret@h/d")
	s, err := settled(t, "max-running: 4\nlease: 2s\nparallelism: 3\nwebhook-host: [a.test, b.test]\nallowed-host: c.test\nmemory: 1.5GiB\nwebhook-secret: "+strings.Repeat("x", 32)+"\n", "--max-running", "6")
	if err != nil {
		t.Fatal(err)
	}
	got := []any{s.MaxRunning, s.Lease, s.Parallelism, s.InputRoots, s.WebhookHosts, s.AllowedHosts, s.MemoryBytes, s.MaxUploadBytes, s.Listen, s.StoreURL()}
	want := []any{6, 3 * time.Second, 3, []string{"/a", "/b"}, []string{"a.test", "b.test"}, []string{"c.test"}, int64(3 << 29), int64(64 << 20), "127.0.0.1:8080", "postgres://u:secret@h/d"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheStoreLiesWithTheResults(t *testing.T) {
	s, err := settled(t, "", "--results", "/data/r")
	if err != nil || s.StoreURL() != "sqlite:/data/r/_launcher/store.sqlite" {
		t.Errorf("%v, %v", s.StoreURL(), err)
	}
}

// TestMistakesOfASettingsFile come all at once, each at its place.
func TestMistakesOfASettingsFile(t *testing.T) {
	_, err := settled(t, "# comment\nlisen: 127.0.0.1:1\nmax-running: many\nlease: {a: 1}\nlease: 3s\nname: a\nname: b\nparallelism: [1, 2]\ninput-root:\n")
	problems, _ := errors.AsType[model.Problems](err)
	var got []string
	for _, p := range problems {
		p.File = filepath.Base(p.File)
		got = append(got, p.String())
	}
	want := []string{
		"whatif.yaml:2:1: lisen: unknown key `lisen`; did you mean `listen`?",
		"whatif.yaml:4:8: lease: expected a value, or a list of values",
		"whatif.yaml:7:1: name: `name` stands here twice",
		"whatif.yaml:9:12: input-root: expected a value, or a list of values",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = settled(t, "max-running: many\nparallelism: [1, 2]\nmax-memory: 5 apples\n")
	problems, _ = errors.AsType[model.Problems](err)
	if len(problems) != 3 || !strings.Contains(problems.Error(), "whatif.yaml:1:14: max-running: \"many\" is no value of it: invalid syntax") ||
		!strings.Contains(problems.Error(), "512MiB") || !strings.Contains(problems.Error(), "not a list of 2") {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"- a", "listen: [", "listen: *x"} {
		if _, err := settled(t, text); !strings.Contains(err.Error(), "whatif.yaml") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if s, err := settled(t, "# nothing\n"); err != nil || s.MaxRunning != 8 {
		t.Errorf("%v", err)
	}
}

// TestSecretsAreNotOnTheCommandLine: an address with a password, the webhook's root, a file that others
// can read.
func TestSecretsAreNotOnTheCommandLine(t *testing.T) {
	if _, err := settled(t, "", "--store", "postgres://u:secret@h/d"); err == nil || strings.Contains(err.Error(), "secret@") || !strings.Contains(err.Error(), "WHATIF_STORE") {
		t.Errorf("%v", err)
	}
	for _, address := range []string{"postgres://u@h/d", "sqlite:/a/b"} {
		if _, err := settled(t, "", "--store", address); err != nil {
			t.Error(err)
		}
	}
	if status, _, stderr := toldAlone(t, "serve", "--webhook-secret", "x"); status != exitUsage || !strings.Contains(stderr, "unknown flag") {
		t.Errorf("status %d, %s", status, stderr)
	}
	secret := writeFile(t, filepath.Join(t.TempDir(), "secret"), strings.Repeat("ab", 16)+"\n")
	s, err := settled(t, "", "--webhook-secret-file", secret, "--webhook-host", "h.test")
	if err != nil || s.WebhookSecret != strings.Repeat("ab", 16) {
		t.Errorf("%q, %v", s.WebhookSecret, err)
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := settled(t, "", "--webhook-secret-file", secret); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
	if _, err := settled(t, "", "--webhook-secret-file", writeFile(t, secret+"2", "short")); err == nil || !strings.Contains(err.Error(), "at least 32") {
		t.Errorf("%v", err)
	}
	if _, err := settled(t, "", "--webhook-host", "h.test"); err == nil || !strings.Contains(err.Error(), "WHATIF_WEBHOOK_SECRET") {
		t.Errorf("%v", err)
	}
}

func TestSenselessSettingsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"--parallelism=-1"}, {"--max-running=0"}, {"--lease=1ms"}, {"--log-format=xml"}, {"--log-level=loud"}, {"--log-level=info+1"}} {
		if _, err := settled(t, "", args...); err == nil || !strings.Contains(err.Error(), strings.Split(args[0], "=")[0]) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"512MiB": 512 << 20, "2 GiB": 2 << 30, "1.5KB": 1500, "77": 77, "3B": 3} {
		var n int64
		if err := (sizeFlag{&n}).Set(text); err != nil || n != want {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1MiB", "NaN", "Inf", "9999999TiB", "0", "1 lot"} {
		var n int64
		if err := (sizeFlag{&n}).Set(text); err == nil {
			t.Errorf("%q: %d", text, n)
		}
	}
	n := int64(448 << 20)
	if got := (sizeFlag{&n}).String(); got != "448MiB" {
		t.Error(got)
	}
}

// TestTheSettingsAreDocumented: each has its place in the table of docs/launcher.md, or of docs/runners.md if it is
// one of runners beyond this machine.
func TestTheSettingsAreDocumented(t *testing.T) {
	table := func(file, end string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "## Settings")
		before, _, _ := strings.Cut(after, end)
		return before
	}
	launcher, runners := table("launcher.md", "## Metrics"), table("runners.md", "## What")
	for _, name := range newSettings().names() {
		where, file := launcher, "launcher.md"
		if slices.Contains(elsewhereSettings, name) {
			where, file = runners, "runners.md"
		}
		if name != secretSetting && !strings.Contains(where, "`"+name+"`") {
			t.Errorf("docs/%s does not tell of the setting %s", file, name)
		}
	}
}
