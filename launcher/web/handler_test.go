package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func ask(t *testing.T, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	handler, err := Handler()
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

// loads finds what a page or script loads.
var loads = regexp.MustCompile(`(?:src|href)="([^"#]+)"|from "([^"]+)"`)

// TestPagesLoadWhatIsThere: whatever a page refers to is served here, and nothing is elsewhere.
func TestPagesLoadWhatIsThere(t *testing.T) {
	todo := []string{"/", "/simulations/20260701-abcdefgh23", "/docs"}
	seen := map[string]bool{"/openapi.json": true} // served by the interface itself
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		answer := ask(t, path)
		if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d, %q", path, answer.Code, answer.Header().Get("Content-Type"))
		}
		if !strings.Contains(answer.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: policy %q", path, answer.Header().Get("Content-Security-Policy"))
		}
		for _, match := range loads.FindAllStringSubmatch(answer.Body.String(), -1) {
			target := match[1] + match[2]
			if name, ok := strings.CutPrefix(target, "./"); ok {
				target = Prefix + name
			}
			if !strings.HasPrefix(target, "/") {
				t.Errorf("%s loads %s", path, target)
				continue
			}
			todo = append(todo, target)
		}
	}
	if len(seen) < 9 {
		t.Errorf("only %v", seen)
	}
}

// TestPagesHaveNoInlineScript: the policy would silently refuse it.
func TestPagesHaveNoInlineScript(t *testing.T) {
	for _, path := range []string{"/", "/simulations/x", "/docs"} {
		text := ask(t, path).Body.String()
		if regexp.MustCompile(`<script(?:[^>]*[^/]|)>[^<]+</script>| on[a-z]+="| style="`).MatchString(text) {
			t.Errorf("%s has inline script or style", path)
		}
	}
}

func TestWhatTheReaderHasIsNotSentAgain(t *testing.T) {
	first := ask(t, "/assets/api.js")
	second := ask(t, "/assets/api.js", "If-None-Match", first.Header().Get("ETag"))
	if second.Code != http.StatusNotModified || second.Body.Len() != 0 {
		t.Errorf("%d, %d bytes", second.Code, second.Body.Len())
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	for _, path := range []string{"/index.html", "/assets/", "/assets/index.html", "/simulations/", "/simulations/a/b", "/assets/../handler.go"} {
		if code := ask(t, path).Code; code == http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
}
