package inputs

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on a name; what a file system takes ends soon after.
const (
	maxURI     = 1024
	maxElement = 255
)

// reference is what a path or URI of a configuration refers to, as far as its text tells.
type reference struct {
	text     string // as written, for messages
	upload   string // SHA-256, if it is an upload
	path     string // cleaned, with slashes: relative to a root, or absolute
	absolute bool   // it begins with a slash or with gs://
}

// parse reads a path or URI. What it refuses could be meant as something else than a plain name below a
// folder, by us or by whatever reads the name after us; there is no decoding that could bring it back.
func parse(uri string) (reference, error) {
	if err := checkText(uri); err != nil {
		return reference{}, err
	}
	r := reference{text: uri, path: uri}
	scheme, rest, colon := strings.Cut(uri, ":")
	if colon && !strings.Contains(scheme, "/") {
		switch {
		case scheme == "upload":
			r.upload, r.path = rest, ""
			if !isDigest(rest) {
				return r, fmt.Errorf("%s: an upload is named by the SHA-256 that its answer tells, upload: and 64 digits of 0-9 a-f", shown(uri))
			}
			return r, nil
		case scheme == "gs":
			return r.object(rest)
		case scheme == "file":
			var err error
			if r.path, err = filePath(uri, rest); err != nil {
				return r, err
			}
		default:
			return r, otherScheme(uri, scheme)
		}
	}
	return r.clean()
}

// checkText refuses what has no place in a name.
func checkText(uri string) error {
	switch {
	case uri == "":
		return errors.New("it names no file")
	case len(uri) > maxURI:
		return fmt.Errorf("%s has %d bytes, more than %d", shown(uri), len(uri), maxURI)
	case !utf8.ValidString(uri):
		return fmt.Errorf("%s is not UTF-8 text", shown(uri))
	}
	// Not printable: control characters, and what is not seen or turns the direction of writing.
	if strings.ContainsFunc(uri, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%s has characters that don't print", shown(uri))
	}
	if strings.TrimSpace(uri) != uri {
		return fmt.Errorf("%s begins or ends with a space", shown(uri))
	}
	if i := strings.IndexAny(uri, `\%#`); i >= 0 {
		return fmt.Errorf("%s: a name here has no %c; percent signs are not decoded, fragments not cut off, folders are separated by /", shown(uri), uri[i])
	}
	return nil
}

// filePath is the path of a file: URI, file:///absolute or file:relative.
func filePath(uri, rest string) (string, error) {
	switch {
	case strings.Contains(rest, "?"):
		return "", fmt.Errorf("%s: a file has no query; write a pattern with ? as a path, without the scheme", shown(uri))
	case strings.HasPrefix(rest, "///"):
		return rest[2:], nil
	case strings.HasPrefix(rest, "//"):
		return "", fmt.Errorf("%s names a host; write file:/// and an absolute path", shown(uri))
	case rest == "":
		return "", fmt.Errorf("%s names no file", shown(uri))
	}
	return rest, nil
}

// object reads the rest of gs://bucket/name, which is cleaned as a path is.
func (r reference) object(rest string) (reference, error) {
	name, ok := strings.CutPrefix(rest, "//")
	if !ok || name == "" || strings.HasPrefix(name, "/") {
		return r, fmt.Errorf("%s: an object's address is gs://bucket/name", shown(r.text))
	}
	r.path = name
	r, err := r.clean()
	r.path, r.absolute = "gs://"+r.path, true
	return r, err
}

func otherScheme(uri, scheme string) error {
	if len(scheme) == 1 {
		return fmt.Errorf("%s looks like a drive of Windows; write a path with /", shown(uri))
	}
	return fmt.Errorf("%s: this version reads local files, gs:// and uploads only, not %s: addresses", shown(uri), strings.TrimSuffix(shown(scheme)[1:], `"`))
}

// clean brings the path into its shortest form, in which two paths to a name are equal. `..` is refused
// rather than resolved: after a symbolic link it would not mean what it says.
func (r reference) clean() (reference, error) {
	for element := range strings.SplitSeq(r.path, "/") {
		switch {
		case element == "..":
			return r, fmt.Errorf("%s: a path here may not go up by `..`; it is relative to the input roots, or absolute below one", shown(r.text))
		case len(element) > maxElement:
			return r, fmt.Errorf("%s: a name in it has %d bytes, more than %d", shown(r.text), len(element), maxElement)
		}
	}
	r.path = path.Clean(r.path)
	r.absolute = path.IsAbs(r.path)
	return r, nil
}

// isDigest reports whether a text is a SHA-256 as this program writes it.
func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// isTenant reports whether a tenant's name can be that of its folder.
func isTenant(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
	return s != "" && len(s) <= 128 && strings.Trim(s, letters) == "" && s[0] != '.'
}

// shown is a text of the user in a message: in one line, without what a terminal obeys, not too long.
func shown(text string) string {
	const most = 200
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + ".."
	}
	return strconv.Quote(text)
}
