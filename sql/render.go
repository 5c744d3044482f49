package sql

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"
)

// rendering writes the views of one dialect.
type rendering struct {
	dialect string
	words   words
	place   func(name string) string // writes the name of a table or view where it is read
}

func newRendering(dialect string, place func(name string) string) (rendering, error) {
	w, err := dialectNamed(dialect)
	return rendering{dialect, w, place}, err
}

// query is the SELECT of a view: its own file of the dialect, or else query.sql, which is one for all.
func (r rendering) query(v View) (string, error) {
	folder := "views/" + v.Name + "/"
	text, err := fs.ReadFile(files, folder+r.dialect+".sql")
	if errors.Is(err, fs.ErrNotExist) {
		text, err = fs.ReadFile(files, folder+"query.sql")
	}
	if err != nil {
		return "", fmt.Errorf("query of view %s: %w", v.Name, err)
	}
	return r.fill(v, string(text))
}

// fill replaces what a file says between {{ and }}.
func (r rendering) fill(v View, text string) (string, error) {
	parsed, err := template.New(v.Name).Funcs(r.functions(v)).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("query of view %s: %w", v.Name, err)
	}
	var b strings.Builder
	if err := parsed.Execute(&b, v); err != nil {
		return "", fmt.Errorf("query of view %s: %w", v.Name, err)
	}
	return strings.TrimRight(b.String(), "\n"), nil
}

// functions are the words between {{ and }}. Those of a dialect are in dialect.go; the others are
//
//	view NAME     a table or view of ours, to read from
//	name COLUMN   a column whose name is a word of the language
//	include NAME  the file NAME.<dialect>.sql beside the query
//	list A B ..   to say the same of several columns
//	deltas VIEW KEY ..
//	              a whole query: the rows of a view of entries, and what changed of each against the
//	              same entry (by its KEYs, which may be null) of the baseline of the same replicate
func (r rendering) functions(v View) template.FuncMap {
	w := r.words
	return template.FuncMap{
		"int": func() string { return w.int }, "text": func() string { return w.text },
		"except": func() string { return w.except },
		"float":  w.float, "day": w.day, "figure": w.figure, "unnest": w.unnest, "from": w.from, "average": w.average, "value": w.value,
		"view":    r.place,
		"name":    func(column string) string { return Name(r.dialect, column) },
		"list":    func(columns ...string) []string { return columns },
		"include": func(name string) (string, error) { return r.include(v, "views/"+v.Name+"/"+name) },
		"deltas":  func(of string, keys ...string) (string, error) { return r.deltas(v, of, keys) },
	}
}

// include fills a file of the dialect.
func (r rendering) include(v View, path string) (string, error) {
	text, err := fs.ReadFile(files, path+"."+r.dialect+".sql")
	if err != nil {
		return "", err
	}
	return r.fill(v, string(text))
}

// deltas is the query of a view of entries; which columns it has, columns.txt says.
func (r rendering) deltas(v View, of string, keys []string) (string, error) {
	text, err := fs.ReadFile(files, "views/deltas."+r.dialect+".sql")
	if err != nil {
		return "", err
	}
	parsed, err := template.New("deltas").Funcs(r.functions(v)).Parse(string(text))
	if err != nil {
		return "", err
	}
	entries := struct {
		Of            string
		Columns, Keys []string
		Deltas        []string // columns that have a difference
	}{Of: of, Keys: keys}
	for _, c := range v.Columns {
		if base, ok := strings.CutSuffix(c.Name, "_delta"); ok && slices.Contains(entries.Columns, base) {
			entries.Deltas = append(entries.Deltas, base)
			continue
		}
		entries.Columns = append(entries.Columns, c.Name)
	}
	var b strings.Builder
	err = parsed.Execute(&b, entries)
	return strings.TrimRight(b.String(), "\n"), err
}
