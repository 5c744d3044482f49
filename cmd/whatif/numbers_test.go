package main

import (
	"testing"
	"time"
)

func TestNumbersForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(1, "error"), "1 error"},
		{count(0, "error"), "0 errors"},
		{count(1234567, "slot"), "1,234,567 slots"},
		{grouped(-1000), "-1,000"},
		{grouped(999), "999"},
		{rounded(1234.5), "1,235"},
		{rounded(123.46), "123.5"},
		{rounded(2.345), "2.35"},
		{percent(0.8342), "83.4 %"},
		{signed(12.04, 1), "+12.0"},
		{signed(-4.06, 1), "-4.1"},
		{signed(-0.01, 1), "0.0"},
		{signed(0, 1), "0.0"},
		{duration(850 * time.Millisecond), "850ms"},
		{duration(2500 * time.Millisecond), "2.5s"},
		{duration(42 * time.Second), "42s"},
		{duration(3 * time.Minute), "3m"},
		{duration(200 * time.Second), "3m20s"},
		{duration(250 * time.Minute), "4h10m"},
		{bytes(512), "512 B"},
		{bytes(1536), "1.5 KiB"},
		{bytes(3 << 30), "3.0 GiB"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestAges(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "36h": 36 * time.Hour, "0d": 0} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("parseAge(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-3d", "-3h", "soon", "1e9d", "99999d"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("parseAge(%q) = %v; want an error", text, got)
		}
	}
}
