package reading

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
)

// mostTokenBytes bounds a page token, which stands in an address.
const mostTokenBytes = 2000

// position is where a page begins: after the row of these keys, when so many rows were given already.
// Without keys, because they would not fit, so many rows are skipped, which is slower far from the
// beginning. The digest binds it to the request and to the rows there were.
type position struct {
	Of    []byte `json:"of"`
	After []any  `json:"after,omitempty"`
	Given int    `json:"given"`
}

// skips reports whether the position is known by its number alone.
func (p position) skips() bool { return p.After == nil && p.Given > 0 }

// bindingBytes is enough to tell requests apart; nobody gains by forging a token.
const bindingBytes = 12

// binding is a digest of a request, but for the size of its pages, and of a revision of the results.
func binding(req Request, revision string) ([]byte, error) {
	req.PageSize, req.PageToken, req.Finished, req.Revision = 0, "", false, revision
	text, err := json.Marshal(req) // maps by sorted keys
	if err != nil {
		return nil, fmt.Errorf("reading: bind a page token: %w", err)
	}
	digest := sha256.Sum256(text)
	return digest[:bindingBytes], nil
}

// token is a position as a request carries it.
func (p position) token() (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("reading: write a page token: %w", err)
	}
	if base64.RawURLEncoding.EncodedLen(len(text)) > mostTokenBytes && p.After != nil {
		return position{Of: p.Of, Given: p.Given}.token()
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// parseToken reads a token for a selection; an empty one is the beginning.
func (s *selection) parseToken(token string, of []byte) (position, error) {
	if token == "" {
		return position{Of: of}, nil
	}
	if len(token) > mostTokenBytes {
		return position{}, badToken("it is longer than any")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return position{}, badToken("it is not one of ours")
	}
	var p position
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&p); err != nil || p.Given < 0 {
		return position{}, badToken("it is not one of ours")
	}
	if !bytes.Equal(p.Of, of) {
		return position{}, badToken("it belongs to another request, or rows have been added since")
	}
	return p, s.checkKeys(&p)
}

func badToken(why string) error {
	return bad("page_token", "the page token can't be used: %s; start over without a page token", why)
}

// checkKeys gives the keys of a position the types of their columns.
func (s *selection) checkKeys(p *position) error {
	if p.After == nil && p.Given > 0 {
		return nil
	}
	if len(p.After) != len(s.order) {
		return badToken("it is not one of ours")
	}
	for i, k := range s.order {
		value, ok := k.typed(p.After[i])
		if !ok {
			return badToken("it is not one of ours")
		}
		p.After[i] = value
	}
	return nil
}

// typed reads a key's value from JSON; false: it can't be one.
func (k key) typed(v any) (any, bool) {
	kind := k.column.Type
	if k.baseline {
		kind = typeInt
	}
	switch v := v.(type) {
	case nil:
		return nil, !k.baseline
	case bool:
		return v, kind == typeBool
	case string:
		if kind == typeString {
			return v, true
		}
		return typedTime(kind, v)
	case json.Number:
		return typedNumber(kind, v.String())
	}
	return nil, false
}

func typedTime(kind, text string) (any, bool) {
	form := map[string]string{typeDate: dayForm, typeTimestamp: timeForm}[kind]
	if form == "" {
		return nil, false
	}
	again, err := parseTime(form, form, text)
	return again, err == nil
}

func typedNumber(kind, text string) (any, bool) {
	var v any
	var err error
	switch kind {
	case typeInt:
		v, err = strconv.ParseInt(text, 10, 64)
	case typeFloat:
		v, err = parseFinite(text)
	default:
		return nil, false
	}
	return v, err == nil
}
