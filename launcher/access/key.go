package access

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// Lengths of a key's parts, in characters of base32 (5 bits each).
const (
	prefix         = "wif_"
	idLength       = 10
	randomLength   = 32 // of the secret: 160 bits
	checksumLength = 7  // of the secret: CRC-32
	secretLength   = randomLength + checksumLength
	keyLength      = len(prefix) + idLength + 1 + secretLength
)

// base32 in lower case without padding: no sign that a shell, a URL or a double click treats specially.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewKey makes an API key from random, which must be cryptographically secure. printed is shown to its
// user once; id and hash are what the store keeps.
func NewKey(random io.Reader) (printed, id, hash string, err error) {
	var raw [27]byte // 7 bytes give the id (10 of 12 characters), 20 the secret
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", "", "", fmt.Errorf("access: no randomness for a new key: %w", err)
	}
	id = encoding.EncodeToString(raw[:7])[:idLength]
	body := encoding.EncodeToString(raw[7:])
	secret := body + checksum(id, body)
	return prefix + id + "_" + secret, id, hashSecret(secret), nil
}

// checksum is over all that is typed. A CRC-32 finds every change within 32 bits in a row: any wrong
// letter and any two neighbours swapped.
func checksum(id, body string) string {
	sum := crc32.ChecksumIEEE([]byte(prefix + id + "_" + body))
	return encoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// hashSecret is what the store keeps of a key's secret: its SHA-256 in hex.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// parseKey takes a printed key apart. Its errors wrap ErrMalformed, say what is wrong with the key and
// never repeat it.
func parseKey(printed string) (id, secret string, err error) {
	if !strings.HasPrefix(printed, prefix) {
		return "", "", malformed("it does not begin with %q", prefix)
	}
	if len(printed) < keyLength {
		return "", "", malformed("it is cut off: %d of %d characters", len(printed), keyLength)
	}
	if len(printed) > keyLength {
		return "", "", malformed("it has %d characters too many", len(printed)-keyLength)
	}
	id, secret, _ = strings.Cut(printed[len(prefix):], "_")
	if len(id) != idLength {
		return "", "", malformed("its parts are not wif_<id>_<secret>")
	}
	body, sum := secret[:randomLength], secret[randomLength:]
	if checksum(id, body) != sum {
		return "", "", malformed("its checksum is wrong, so a character was mistyped")
	}
	if !isBase32(id) || !isBase32(body) {
		return "", "", malformed("only a-z and 2-7 occur in a key")
	}
	return id, secret, nil
}

func isBase32(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s; copy it again as `whatif keys create` printed it", ErrMalformed, fmt.Sprintf(format, args...))
}

// Why a request is not identified, to be asked for with errors.Is. Each is answered with 401 and the
// WWW-Authenticate field of Challenge. See also *Throttled.
var (
	ErrNoKey     = errors.New("no API key was sent: send it as `Authorization: Bearer wif_..`")
	ErrMalformed = errors.New("this is not an API key")
	ErrUnknown   = errors.New("this API key is not known here") // also: the id is known, the secret is wrong
	ErrRevoked   = errors.New("this API key was revoked")
)
