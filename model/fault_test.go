package model

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestAFaultsMessageIsBoundedText: 8 KiB are 2,730 characters of three bytes and two bytes over.
func TestAFaultsMessageIsBoundedText(t *testing.T) {
	for message, want := range map[string]string{
		"out of slots":                 "out of slots",
		"\xac half a euro":             "\ufffd half a euro",
		"half a euro \xe2\x82":         "half a euro \ufffd",
		strings.Repeat("x", 8192):      strings.Repeat("x", 8192),
		strings.Repeat("x", 8193):      strings.Repeat("x", 8192),
		strings.Repeat("\u20ac", 9000): strings.Repeat("\u20ac", 2730),
	} {
		if got := NewFault(Crashed, message).Message; got != want || !utf8.ValidString(got) {
			t.Errorf("%d bytes became %d: %.40q", len(message), len(got), got)
		}
	}
}

// The caller's mistake reads as what was said, and is known by its fault.
func TestInvalid(t *testing.T) {
	err := fmt.Errorf("a.csv: %w", Invalid("no column %q: %w", "id", io.EOF))
	if got := err.Error(); got != `a.csv: no column "id": EOF` {
		t.Error(got)
	}
	if f := FaultOf(err); f.Reason != string(InvalidInput) || f.Retryable || !errors.Is(err, io.EOF) {
		t.Errorf("%+v", f)
	}
}
