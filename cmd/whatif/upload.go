package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/whatif-machine/whatif/launcher/client"
	"github.com/whatif-machine/whatif/model"
)

// edit replaced a piece of one line of a text.
type edit struct {
	line, column   int // where it begins, in characters from 1, of the text before
	length, longer int // of the piece before; by how much the new one is longer
}

// upload sends the files that a configuration names, and names the uploads in their place. A
// configuration with mistakes is not worth sending a snapshot for: they are told at once.
func (c *console) upload(ctx context.Context, cl *client.Client, s *sentStudy) error {
	config, problems := model.ParseConfig(s.path, []byte(s.text))
	if err := problems.Err(); err != nil {
		return err
	}
	s.names = map[string]string{}
	type reference struct {
		uri string
		at  model.Position
	}
	references := []reference{{config.CampaignsURI, config.CampaignsPos}, {config.Inventory, config.InventoryPos}}
	// From the text's end to its beginning, so that places before an edit stay where they are.
	slices.SortFunc(references, func(a, b reference) int {
		return cmp.Or(cmp.Compare(b.at.Line, a.at.Line), cmp.Compare(b.at.Column, a.at.Column))
	})
	for _, ref := range references {
		if ref.uri == "" || elsewhere(ref.uri) {
			continue // inline, or not a file of this machine
		}
		file, err := oneFile(s.path, ref.uri)
		if err != nil {
			return model.Problems{{Position: ref.at, Message: err.Error()}}
		}
		uri, err := c.uploadFile(ctx, cl, file)
		if err != nil {
			return (&sentStudy{path: file, called: "upload"}).located(err)
		}
		s.names[uri] = file
		if err := s.replace(ref.at, ref.uri, uri); err != nil {
			return model.Problems{{Position: ref.at, Message: err.Error(), Suggestion: "write it on one line, as text"}}
		}
	}
	return s.same(config)
}

// elsewhere reports whether a reference has a scheme: gs://.., upload:..
func elsewhere(uri string) bool {
	scheme, _, found := strings.Cut(uri, ":")
	return found && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\`) && scheme != "file"
}

// oneFile is the one file that a reference names, relative to the configuration's folder.
func oneFile(config, uri string) (string, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(uri, "file:"), "//")
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(config), path)
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	files, err := filepath.Glob(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is not a pattern: %w", path, err)
	case len(files) == 0:
		return "", fmt.Errorf("there is no file %s", path)
	case len(files) > 1:
		return "", fmt.Errorf("%s are %d files; --upload takes a snapshot of one file, larger ones belong into an input root of the launcher", path, len(files))
	}
	return files[0], nil
}

// uploadFile sends one file and returns what it is called at the launcher.
func (c *console) uploadFile(ctx context.Context, cl *client.Client, path string) (uri string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	up, err := cl.Upload(ctx, f, info.Size())
	if _, ok := errors.AsType[*client.Error](err); ok {
		return "", fmt.Errorf("upload of %s: %w", path, err)
	}
	if err != nil {
		return "", err
	}
	c.say("uploaded %s (%s)", path, bytes(info.Size()))
	return up.URI, nil
}

// replace puts a quoted text in the place of the scalar that stands at a position.
func (s *sentStudy) replace(at model.Position, old, text string) error {
	from, ok := offset(s.text, at.Line, at.Column)
	if !ok {
		return fmt.Errorf("%q can't be found there", old)
	}
	length, ok := scalarLength(s.text[from:], old)
	if !ok {
		return fmt.Errorf("--upload can't replace %q as it is written", old)
	}
	quoted := `"` + text + `"`
	piece := s.text[from : from+length]
	s.edits = append([]edit{{at.Line, at.Column, utf8.RuneCountInString(piece), utf8.RuneCountInString(quoted) - utf8.RuneCountInString(piece)}}, s.edits...)
	s.text = s.text[:from] + quoted + s.text[from+length:]
	return nil
}

// same makes sure that the text that is sent differs from the file in its references only.
func (s *sentStudy) same(before *model.Config) error {
	after, problems := model.ParseConfig(s.path, []byte(s.text))
	if err := problems.Err(); err != nil {
		return fmt.Errorf("with its references replaced the configuration can't be read: %w", err)
	}
	isUpload := func(uri, was string) bool { _, ok := s.names[uri]; return ok || uri == was }
	if !isUpload(after.Inventory, before.Inventory) || !isUpload(after.CampaignsURI, before.CampaignsURI) {
		return fmt.Errorf("the references of %s could not be replaced; write `inventory` and `campaigns` as plain text on one line each", s.path)
	}
	return nil
}

// offset is where a line's character stands in a text; both count from 1.
func offset(text string, line, column int) (at int, ok bool) {
	for ; line > 1; line-- {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			return 0, false
		}
		at += end + 1
	}
	for ; column > 1; column-- {
		if at >= len(text) || text[at] == '\n' {
			return 0, false
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at, true
}

// scalarLength is how long a scalar of a known value is that begins a text: plain, or in quotes; false:
// it is written in another way (an alias, a tag, over several lines).
func scalarLength(text string, value string) (int, bool) {
	if len(text) == 0 {
		return 0, false
	}
	quote := text[0]
	if quote != '"' && quote != '\'' {
		return len(value), strings.HasPrefix(text, value)
	}
	for i := 1; i < len(text) && text[i] != '\n'; i++ {
		switch {
		case quote == '"' && strings.HasPrefix(text[i:], "\\") && !strings.HasPrefix(text[i:], "\\\n"):
			i++
		case quote == '\'' && text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == quote:
			return i + 1, true
		}
	}
	return 0, false
}

// original is the column that a character of an edited line had before.
func original(edits []edit, line, column int) int {
	moved := 0
	for _, e := range edits {
		begin := e.column + moved
		if e.line != line || column <= begin {
			continue
		}
		if column < begin+e.length+e.longer {
			return e.column // within the new piece
		}
		moved += e.longer
	}
	return column - moved
}
