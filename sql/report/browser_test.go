package report

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// chromium is the browser's command, or empty where the machine has none.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// flags keep a headless browser quiet, offline and apart from the user's own.
func flags(profile string, more ...string) []string {
	return append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + profile, "--virtual-time-budget=5000",
	}, more...)
}

// running bounds the browsers at work: each takes a processor and a few hundred megabytes.
var running = make(chan struct{}, 2)

// browse loads a page and returns its DOM after the scripts ran.
func browse(t *testing.T, page string, more ...string) []byte {
	t.Helper()
	running <- struct{}{}
	defer func() { <-running }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a busy machine has taken one
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium(), flags(t.TempDir(), append(more, "--dump-dom", "file://"+page)...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("browser: %v\n%s", err, stderr.Bytes())
	}
	return dom
}

// written puts the page of a study into a file, in the folder WHATIF_KEEP_PAGES if one is set, for people to look at; exercise is a script that uses every control of the page; nil: the page as it is.
func written(t *testing.T, s *study, exercise []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if keep := os.Getenv("WHATIF_KEEP_PAGES"); keep != "" {
		path = filepath.Join(keep, filepath.Base(t.Name())+".html")
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	sh, err := newShell(exercise)
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.render(t.Context(), s, file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A page as the browser leaves it after its scripts ran.
type shown struct {
	ready, errors string
	used          int // controls that were used
	charts        int
	text          string // all that can be read, scripts and data left aside
}

func look(t *testing.T, dom []byte) shown {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(dom))
	if err != nil {
		t.Fatal(err)
	}
	var s shown
	var text strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "html" {
			s.ready, s.errors = attribute(n, "data-ready"), attribute(n, "data-errors")
			if s.charts, err = strconv.Atoi(attribute(n, "data-charts")); err != nil {
				t.Errorf("the page does not say how many charts it drew: %v", err)
			}
			if s.used, err = strconv.Atoi(attribute(n, "data-used")); err != nil {
				t.Errorf("the page was not exercised: %v", err)
			}
		}
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" && n.Parent.Data != "noscript" {
			text.WriteString(n.Data + "\n")
		}
		for _, a := range n.Attr {
			if a.Key == "aria-label" {
				text.WriteString(a.Val + "\n")
			}
		}
	}
	s.text = text.String()
	return s
}

// Every page draws its charts and, with each of its controls used and each tooltip shown, meets no error (nor its own
// policy) and shows no figure that is none.
func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	if chromium() == "" {
		t.Log("no chromium on this machine: the pages are checked without a browser only")
		return
	}
	exercise, err := os.ReadFile("testdata/exercise.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range pages(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := look(t, browse(t, written(t, c.study, exercise), c.flags...))
			if s.ready != "true" || s.errors != "" || s.charts != c.charts {
				t.Errorf("ready %q, errors %q, %d charts drawn, want %d; the page says:\n%.2000s", s.ready, s.errors, s.charts, c.charts, s.text)
			}
			if s.used < c.charts {
				t.Errorf("%d controls were used with %d charts", s.used, c.charts)
			}
			for _, wrong := range []string{"NaN", "undefined", "Infinity", "[object", "null"} {
				if strings.Contains(s.text, wrong) {
					t.Errorf("the page shows %q: ..%s..", wrong, around(s.text, wrong))
				}
			}
			for _, want := range c.shows {
				if !strings.Contains(s.text, want) {
					t.Errorf("the page does not show %q", want)
				}
			}
		})
	}
}

// around is a word with what stands before and after it.
func around(text, word string) string {
	i := strings.Index(text, word)
	return text[max(0, i-80):min(len(text), i+80)]
}
