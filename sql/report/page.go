package report

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
)

//go:embed assets/page.html.tmpl assets/page.css assets/*.js assets/echarts/echarts.min.js.gz assets/echarts/NOTICE
var assets embed.FS

// scripts are the page's own, in the order in which they are joined: later ones use earlier ones.
var scripts = []string{
	"problems.js", "numbers.js", "elements.js", "theme.js", "charts.js", "overview.js", "curves.js", "pareto.js", "effects.js", "parallel.js",
	"comparison.js", "variant.js", "campaigns.js", "failures.js", "main.js",
}

// shell is everything of the page that is the same for every study.
type shell struct {
	CSS     template.CSS
	ECharts template.JS
	Script  template.JS
	Policy  string
	Page    *template.Template
}

// loadShell is the page's shell, made once.
var loadShell = sync.OnceValues(func() (shell, error) { return newShell(nil) })

// newShell inflates and joins the embedded files; extra is a script that runs last (tests exercise the page with it).
func newShell(extra []byte) (shell, error) {
	echarts, err := inflated("assets/echarts/echarts.min.js.gz")
	if err != nil {
		return shell{}, err
	}
	css, err := assets.ReadFile("assets/page.css")
	if err != nil {
		return shell{}, fmt.Errorf("report: embedded style: %w", err)
	}
	var own bytes.Buffer
	own.WriteString("(() => {\n\"use strict\";\n")
	for _, name := range scripts {
		text, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return shell{}, fmt.Errorf("report: embedded script: %w", err)
		}
		own.Write(text)
	}
	own.Write(extra)
	own.WriteString("})();\n")
	page, err := template.ParseFS(assets, "assets/page.html.tmpl")
	if err != nil {
		return shell{}, fmt.Errorf("report: embedded template: %w", err)
	}
	return shell{
		CSS: template.CSS(css), ECharts: template.JS(echarts), Script: template.JS(own.Bytes()),
		Policy: policy(css, echarts, own.Bytes()), Page: page,
	}, nil
}

// inflated reads a gzip-compressed embedded file.
func inflated(name string) ([]byte, error) {
	packed, err := assets.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("report: embedded library: %w", err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("report: inflate %s: %w", name, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("report: inflate %s: %w", name, err)
	}
	return text, r.Close()
}

// policy is the content security policy: nothing is loaded or sent, only our own scripts and style
// (by their digests) run, no form leaves, no base is changed.
func policy(css []byte, scripts ...[]byte) string {
	digest := func(b []byte) string {
		sum := sha256.Sum256(b)
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	var allowed []string
	for _, s := range scripts {
		allowed = append(allowed, digest(s))
	}
	return "default-src 'none'; script-src " + strings.Join(allowed, " ") + "; style-src " + digest(css) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
}

// render writes the page of a study.
func render(ctx context.Context, s *study, out io.Writer) error {
	sh, err := loadShell()
	if err != nil {
		return err
	}
	return sh.render(ctx, s, out)
}

func (sh shell) render(ctx context.Context, s *study, out io.Writer) error {
	// json.Marshal writes <, > and & as escapes, so no text of a study can end the element it stands in.
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("report: encode the page's data: %w", err)
	}
	var page bytes.Buffer
	err = sh.Page.Execute(&page, map[string]any{"Shell": sh, "Study": s, "Data": template.JS(data)})
	if err != nil {
		return fmt.Errorf("report: fill in the page: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := page.WriteTo(out); err != nil {
		return fmt.Errorf("report: write the page: %w", err)
	}
	return nil
}
