package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// defaultPage is the size of a page that names none; maxPage the largest.
const (
	defaultPage = 50
	maxPage     = 200
)

func (p Page) size() int {
	if p.Size <= 0 {
		return defaultPage
	}
	return min(p.Size, maxPage)
}

// cursor is where a listing goes on: after the row with these values of its order's columns. Rows that come or go
// meanwhile neither repeat a row nor hide one.
type cursor struct {
	Listing string   `json:"l"` // digest of the listing's name and filter
	After   []string `json:"a"`
}

// open reads the page's token, which must be of this listing and filter.
func (p Page) open(listing ...string) (cursor, error) {
	named, err := json.Marshal(listing)
	if err != nil {
		return cursor{}, err
	}
	sum := sha256.Sum256(named)
	c := cursor{Listing: hex.EncodeToString(sum[:8])}
	if p.Token == "" {
		return c, nil
	}
	var given cursor
	text, err := base64.RawURLEncoding.DecodeString(p.Token)
	if err == nil {
		err = json.Unmarshal(text, &given)
	}
	if err != nil || given.Listing != c.Listing || len(given.After) == 0 || len(given.After) > 3 {
		return c, fmt.Errorf("%w: ask for the first page again, with the same filter as the pages after it", ErrPageToken)
	}
	return given, nil
}

func (c cursor) first() bool { return len(c.After) == 0 }

// number is a value of the order's columns, 0 for the first page or a token that somebody made up.
func (c cursor) number(i int) int64 {
	n, err := strconv.ParseInt(c.text(i), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c cursor) text(i int) string {
	if i >= len(c.After) {
		return ""
	}
	// PostgreSQL has no texts with a zero byte.
	return strings.ReplaceAll(c.After[i], "\x00", "")
}

// paged cuts the row off that was asked for beyond the page and makes the next page's token if there was one.
func paged[T any](p Page, c cursor, rows []T, order func(T) []string) ([]T, string, error) {
	if len(rows) <= p.size() {
		return rows, "", nil
	}
	rows = rows[:p.size()]
	text, err := json.Marshal(cursor{Listing: c.Listing, After: order(rows[len(rows)-1])})
	return rows, base64.RawURLEncoding.EncodeToString(text), err
}
