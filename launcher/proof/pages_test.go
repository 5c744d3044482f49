package proof

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browse loads a page in a headless browser and returns its DOM after the scripts ran.
func browse(t *testing.T, browser, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a busy machine is slow to start one
	defer cancel()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=10000", "--dump-dom", url).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestPagesInABrowser: the pages show what the launcher has, without an error, in a real browser.
func TestPagesInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Log("no chromium on this machine: the pages are checked without a browser only")
		return
	}
	s := newSite(t, "", 2000)
	l := s.start(nil)
	sim, err := l.submit(study("shown <b>in</b> a browser", 4), "")
	if err != nil {
		t.Fatal(err)
	}
	l.finished(sim.ID, time.Minute)
	for path, wanted := range map[string][]string{
		"/":                      {`href="/simulations/` + sim.ID + `"`, "shown &lt;b&gt;in&lt;/b&gt; a browser", ">succeeded<"},
		"/simulations/" + sim.ID: {"5 of 5 variants succeeded", ">baseline<", ">v0004<", "average frequency", "FROM"},
		"/docs":                  {">POST /v1/simulations<", "INVALID_CONFIGURATION", `id="schema-Simulation"`},
	} {
		dom := browse(t, browser, l.url+path)
		for _, text := range wanted {
			if !strings.Contains(dom, text) {
				t.Errorf("%s does not show %q", path, text)
			}
		}
		if !strings.Contains(dom, `id="message" class="message" role="status" hidden=""`) {
			t.Errorf("%s shows a message:\n%.600s", path, dom[strings.Index(dom, `id="message"`):])
		}
	}
}
