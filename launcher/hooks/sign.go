package hooks

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretPrefix marks a signing secret of the Standard Webhooks specification, secretBytes is its length
// (24 to 64 are allowed).
const (
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// Secret is the signing secret of a tenant: HKDF-SHA256 (RFC 5869) of the root without salt, so that
// every launcher with the same root signs alike and no tenant learns another's. A receiver's library
// takes it as it is printed, whsec_<base64>.
func Secret(root, tenant string) string {
	key, err := hkdf.Key(sha256.New, []byte(root), nil, "whatif webhook signing secret of tenant "+tenant, secretBytes)
	if err != nil {
		panic("hooks: HKDF refuses 32 bytes: " + err.Error()) // only a length over 8,160 is refused
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// Sign returns the webhook-signature of a request, `v1,<base64>`. secret is whsec_<base64>.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return "", errors.New("hooks: a signing secret begins with " + secretPrefix)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("hooks: the signing secret is not base64: %w", err)
	}
	if strings.Contains(id, ".") { // it would make the signed text ambiguous
		return "", fmt.Errorf("hooks: the id %q of a webhook must not have a dot", id)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
