package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"golang.org/x/net/html"
)

// page is one study and what its page must show.
type page struct {
	name   string
	study  *study
	charts int      // drawn in a browser
	shows  []string // texts that can be read
	flags  []string // of the browser
}

const hostile = `</script><script>alert(1)</script> "q" 'a' & {{.}} <img src=x onerror=alert(2)> ` + "\u2028 größe 广告 🎯"

const (
	onTablets  = `{"country":["US","CA","MX","BR","AR"],"device":["mobile","tablet"]}`
	onDesktops = `{"country":["US","CA","MX","BR","AR"],"device":["mobile","desktop"]}`
)

// pages are studies of every shape that a page meets.
//
// Charts: one curve a moving parameter, effects, trade-offs, frequency, where slots went, losses, delivery, parallel.
func pages(t testing.TB) []page {
	whole := plausible()

	bare := made{id: "20260701-bareabcdef", name: "no parameters", bids: nil, campaigns: 3, losses: true}

	lost := compact()
	lost.failed = map[string]model.Reason{"baseline": model.OutOfMemory}

	// Two expressions that begin alike are two values of the curves, whole in the tables and tooltips.
	lostRows := lost.rows()
	for i := range lostRows {
		for p, v := range lostRows[i].Parameters {
			if v.Name == "floor" {
				lostRows[i].Parameters[p] = model.ParameterValue{Name: "market", Text: map[string]string{"1": onTablets, "2": onDesktops}[v.Text]}
			}
		}
	}

	dead := plausible()
	dead.failed = map[string]model.Reason{}
	for _, r := range dead.rows() {
		dead.failed[r.VariantID] = model.Crashed
	}

	silent := compact() // with all campaigns: its strongest change is that of the plausible study
	silent.campaigns = plausible().campaigns
	silent.losses = false
	silent.replicates = 20

	named := compact()
	named.name = hostile
	namedRows := named.rows()
	for i := range namedRows {
		r := &namedRows[i]
		r.Owner = hostile
		for p := range r.Parameters {
			if r.Parameters[p].Name == "floor" {
				r.Parameters[p] = model.ParameterValue{Name: "floor " + hostile, Text: hostile + r.Parameters[p].Text}
			}
		}
		for c := range r.Campaigns {
			r.Campaigns[c].CampaignID = hostile + r.Campaigns[c].CampaignID
		}
		if r.Error != nil {
			r.Error.Message = hostile
		}
	}

	nothing := compact() // no slot matched, no impression: every ratio is unknown
	nothingRows := nothing.rows()
	for i := range nothingRows {
		if nothingRows[i].Status == model.StatusSucceeded {
			nothingRows[i].Metrics = model.Metrics{SampledShare: 1, Campaigns: []model.CampaignResult{{CampaignID: "idle"}}}
			nothingRows[i].Metrics.Derive(model.Report{})
		}
	}

	return []page{
		{"plausible", plainStudy(t, whole.rows()), 10, []string{"q3-frequency-study", "35 of 37; 2 failed", "daily cap 3 -> 1", "timed_out", "Trade-offs", "v0030", "2026-07-01 12:00 UTC"}, nil},
		{"no parameters", plainStudy(t, func() []model.VariantResult { r := bare.rows(); r[0].Parameters = nil; return r }()), 4, []string{"the baseline alone", "This study has no parameters."}, nil},
		{"no baseline", plainStudy(t, lostRows), 10, []string{"the baseline failed (out_of_memory)", "nothing is compared",
			onTablets, onDesktops, "\nblet\"]❵\nmean of ", "\nsktop\"]❵\nmean of "}, nil},
		{"all failed", plainStudy(t, dead.rows()), 0, []string{"all 37 variants failed: 37 crashed", "No variant succeeded", "0 of 37; 37 failed"}, nil},
		{"no losses, replicates", plainStudy(t, silent.rows()), 10, []string{"report.losses false", "8 of 9; 1 failed; 180 replicates", "reach -2.7 % ("}, nil},
		{"hostile names", plainStudy(t, namedRows), 10, []string{"<img src=x onerror=alert(2)>", "广告 🎯"}, []string{"--window-size=390,800"}},
		{"nothing happened", plainStudy(t, nothingRows), 10, []string{"no effect"}, nil},
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func rendered(t testing.TB, s *study) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := render(t.Context(), s, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The page is whole in itself, whatever the study's texts are: its elements are those of the template and no more,
// nothing refers elsewhere, the policy allows exactly its own scripts and style, and the data come back as they were.
func TestPageIsWhole(t *testing.T) {
	for _, c := range pages(t) {
		t.Run(c.name, func(t *testing.T) {
			text := rendered(t, c.study)
			balanced(t, text)
			root, err := html.Parse(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			var digests []string
			var policy, data string
			elements := map[string]int{}
			for n := range root.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				elements[n.Data]++
				for _, a := range n.Attr {
					if slices.Contains([]string{"src", "srcset", "action", "style", "data", "poster"}, a.Key) || strings.HasPrefix(a.Key, "on") || a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
						t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
					}
				}
				switch {
				case n.Data == "script" && attribute(n, "type") == "application/json":
					data = n.FirstChild.Data
				case n.Data == "script" || n.Data == "style":
					sum := sha256.Sum256([]byte(n.FirstChild.Data))
					digests = append(digests, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
				case attribute(n, "http-equiv") == "Content-Security-Policy":
					policy = attribute(n, "content")
				}
			}
			if elements["script"] != 3 || elements["style"] != 1 || elements["img"]+elements["link"]+elements["iframe"]+elements["base"]+elements["object"]+elements["form"] != 0 {
				t.Errorf("elements %v", elements)
			}
			want := fmt.Sprintf("default-src 'none'; script-src %s %s; style-src %s; img-src data:; base-uri 'none'; form-action 'none'", digests[1], digests[2], digests[0])
			if policy != want {
				t.Errorf("policy %s\nwant   %s", policy, want)
			}
			var back, sent any
			again, err := json.Marshal(c.study)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(data), &back); err != nil {
				t.Fatalf("the page's data: %v", err)
			}
			if err := json.Unmarshal(again, &sent); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(back) != fmt.Sprint(sent) {
				t.Error("the page's data are not the study's")
			}
			if !bytes.Equal(text, rendered(t, c.study)) {
				t.Error("the same study gave another page")
			}
		})
	}
}

// balanced checks that every element that is opened is closed, in order.
func balanced(t *testing.T, text []byte) {
	t.Helper()
	void := []string{"meta", "br", "input", "hr"}
	var open []string
	z := html.NewTokenizer(bytes.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || len(open) > 0 {
				t.Errorf("page ends with %v, open %v", z.Err(), open)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// Our scripts and style load nothing, evaluate nothing, and make elements from parts only.
func TestOwnAssetsAreTame(t *testing.T) {
	forbidden := regexp.MustCompile(`https?:|//[a-z]+\.|@import|url\(|\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|fetch\(|XMLHttpRequest|WebSocket|localStorage`)
	names, err := fs.Glob(assets, "assets/*.*")
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, name := range names {
		text, err := fs.ReadFile(assets, name)
		if err != nil {
			t.Fatal(err)
		}
		if m := forbidden.Find(text); m != nil {
			t.Errorf("%s has %q", name, m)
		}
		if strings.HasSuffix(name, ".js") {
			listed++
			if !slices.Contains(scripts, strings.TrimPrefix(name, "assets/")) {
				t.Errorf("%s is not among the page's scripts", name)
			}
		}
	}
	if listed != len(scripts) {
		t.Errorf("%d scripts are embedded, %d listed", listed, len(scripts))
	}
}

// The chart library is the official build that assets/README.md names.
func TestEChartsIsTheReleasedBuild(t *testing.T) {
	text, err := inflated("assets/echarts/echarts.min.js.gz")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if got := hex.EncodeToString(sum[:]); got != "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0" {
		t.Errorf("sha256 %s", got)
	}
	if bytes.Contains(bytes.ToLower(text), []byte("</script")) {
		t.Error("the library would end the element it is embedded in")
	}
}

// A reader that fails to take the page is reported.
func TestWriteFailureIsReported(t *testing.T) {
	err := render(t.Context(), plainStudy(t, plausible().rows()), full{})
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left") }
