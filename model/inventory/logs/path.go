package logs

import (
	"fmt"
	"strconv"
	"strings"
)

// origin is where a path begins.
type origin byte

const (
	fromRoot    origin = 0
	fromLine    origin = '$'
	fromSlot    origin = '@' // the exploded element
	fromElement origin = '.' // the element of an each
)

// path is a way into a record.
type path struct {
	text  string
	from  origin
	steps []step
}

// step is one key, element or wildcard.
type step struct {
	key   string
	index int // of an array, if key is empty
	all   bool
	array bool // index or all
}

const maxSteps = 32

// parsePath parses the path language of the package comment.
func parsePath(text string) (*path, error) {
	p := &path{text: text}
	rest := text
	if rest != "" && strings.ContainsRune("$@.", rune(rest[0])) {
		p.from, rest = origin(rest[0]), rest[1:]
		if p.from != fromElement && rest != "" && rest[0] != '.' && rest[0] != '[' {
			return nil, fmt.Errorf("path %q: `.` or `[` must follow %q", text, p.from)
		}
		if p.from == fromElement && strings.HasPrefix(rest, "[") {
			return nil, fmt.Errorf("path %q: a key must follow `.`", text)
		}
		if p.from != fromElement {
			rest = strings.TrimPrefix(rest, ".")
		}
	} else if rest == "" {
		return nil, fmt.Errorf("a path is empty")
	}
	for rest != "" {
		var s step
		var err error
		if s, rest, err = parseStep(rest); err != nil {
			return nil, fmt.Errorf("path %q: %w", text, err)
		}
		if p.steps = append(p.steps, s); len(p.steps) > maxSteps {
			return nil, fmt.Errorf("path %.40q has more than %d steps", text, maxSteps)
		}
	}
	return p, nil
}

// parseStep takes one step, and the dot after it, off a path.
func parseStep(text string) (s step, rest string, err error) {
	if text[0] != '[' {
		end := strings.IndexAny(text, ".[")
		if end < 0 {
			return step{key: text}, "", nil
		}
		if end == 0 {
			return s, "", fmt.Errorf("a key is empty")
		}
		s.key, rest = text[:end], text[end:]
	} else if strings.HasPrefix(text, `["`) {
		end := strings.Index(text, `"]`)
		if end < 3 {
			return s, "", fmt.Errorf(`["..."] is not closed or empty`)
		}
		s.key, rest = text[2:end], text[end+2:]
	} else {
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return s, "", fmt.Errorf("[ is not closed")
		}
		s.array, rest = true, text[end+1:]
		if inner := text[1:end]; inner == "*" {
			s.all = true
		} else if s.index, err = strconv.Atoi(inner); err != nil || s.index < 0 {
			return s, "", fmt.Errorf("[%s] is neither a number, [*] nor [\"key\"]", inner)
		}
	}
	if rest != "" && rest[0] == '.' {
		if rest = rest[1:]; rest == "" {
			return s, "", fmt.Errorf("it ends with a dot")
		}
	} else if rest != "" && rest[0] != '[' {
		return s, "", fmt.Errorf("`.` or `[` must stand before %q", rest)
	}
	return s, rest, nil
}

// scope is what the paths of a column can begin at.
type scope struct {
	line, root, slot, element any
}

// visit calls do for everything at the path, and stops when it returns false.
func (p *path) visit(s *scope, do func(any) bool) {
	start := s.root
	switch p.from {
	case fromLine:
		start = s.line
	case fromSlot:
		start = s.slot
	case fromElement:
		start = s.element
	}
	walk(start, p.steps, do)
}

func walk(v any, steps []step, do func(any) bool) bool {
	for i, s := range steps {
		if !s.array {
			object, _ := v.(map[string]any)
			if v = object[s.key]; v == nil {
				return true
			}
			continue
		}
		list, _ := v.([]any)
		if s.all {
			for _, element := range list {
				if !walk(element, steps[i+1:], do) {
					return false
				}
			}
			return true
		}
		if s.index >= len(list) {
			return true
		}
		v = list[s.index]
	}
	return v == nil || do(v)
}

// first is the first thing at the path, nil if there is none.
func (p *path) first(s *scope) (found any) {
	p.visit(s, func(v any) bool { found = v; return false })
	return found
}
