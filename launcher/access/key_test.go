package access

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"
)

// A key of the bytes 0, 1, .. 26, computed with Python's base64, zlib and hashlib.
const (
	knownKey  = "wif_aaaqeayeau_a4eascqlbqgq4dyqcejbgfavcylrqgi2go4bh4i"
	knownID   = "aaaqeayeau"
	knownHash = "86e5634a367e555827af473882b40e9157501609d6c2a2b0d92081c74dc4b518"
)

// shape is what the package comment gives to scanners for leaked credentials.
var shape = regexp.MustCompile(`^wif_[a-z2-7]{10}_[a-z2-7]{39}$`)

func TestNewKeyIsMadeOfItsRandomBytes(t *testing.T) {
	raw := make([]byte, 27)
	for i := range raw {
		raw[i] = byte(i)
	}
	printed, id, hash, err := NewKey(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if printed != knownKey || id != knownID || hash != knownHash {
		t.Errorf("made %s, %s, %s", printed, id, hash)
	}
}

func TestNewKeysAreDifferentAndReadBack(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		printed, id, hash, err := NewKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !shape.MatchString(printed) || seen[id] {
			t.Fatalf("%s is misshapen, or its id was there before", printed)
		}
		seen[id] = true
		gotID, secret, err := parseKey(printed)
		sum := sha256.Sum256([]byte(printed[len("wif_")+10+1:]))
		if err != nil || gotID != id || hash != hex.EncodeToString(sum[:]) || hashSecret(secret) != hash {
			t.Fatalf("%s reads back as %s, %s, %v", printed, gotID, secret, err)
		}
	}
}

func TestNewKeyNeedsAllItsRandomness(t *testing.T) {
	if _, _, _, err := NewKey(bytes.NewReader(make([]byte, 26))); err == nil {
		t.Error("a key was made of 26 bytes")
	}
}

// Every wrong letter, every two neighbours swapped, every cut and every addition is told apart from a
// key that nobody has.
func TestTyposAreNoticed(t *testing.T) {
	refused := func(typed string) {
		t.Helper()
		if _, _, err := parseKey(typed); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", typed, err)
		}
	}
	for i := range len(knownKey) {
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567AZ01_ -" {
			if rune(knownKey[i]) != c {
				refused(knownKey[:i] + string(c) + knownKey[i+1:])
			}
		}
		if i > 0 && knownKey[i] != knownKey[i-1] {
			refused(knownKey[:i-1] + knownKey[i:i+1] + knownKey[i-1:i] + knownKey[i+1:])
		}
		refused(knownKey[:i])
		refused(knownKey[:i] + knownKey[i+1:])
	}
	refused(knownKey + "a")
	refused(" " + knownKey)
	refused(strings.ToUpper(knownKey))
}

// An error says what is wrong but never what was typed: errors are logged.
func TestErrorsDoNotRepeatTheKey(t *testing.T) {
	for _, typed := range []string{knownKey[:30], knownKey + "x", strings.Replace(knownKey, "4", "5", 1), "Basic " + knownKey} {
		_, _, err := parseKey(typed)
		if err == nil || strings.Contains(err.Error(), "a4eascql") || strings.Contains(err.Error(), "aaaq") {
			t.Errorf("%s: %v", typed, err)
		}
	}
}

// FuzzParseKey: whatever is accepted is the one spelling of its id and secret, with its own checksum.
func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"", "wif_", knownKey, knownKey[:53], "wif__" + strings.Repeat("a", 49), "wif_" + strings.Repeat("é", 25)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		id, secret, err := parseKey(typed)
		if err != nil {
			if id != "" || secret != "" || !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: %q, %q, %v", typed, id, secret, err)
			}
			return
		}
		if !shape.MatchString(typed) || typed != "wif_"+id+"_"+secret || checksum(id, secret[:32]) != secret[32:] {
			t.Errorf("%q was accepted as %q, %q", typed, id, secret)
		}
	})
}
