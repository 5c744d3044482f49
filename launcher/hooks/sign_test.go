package hooks

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// The vector that the Standard Webhooks libraries test themselves with.
func TestSignPublishedVector(t *testing.T) {
	got, err := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestSignRefuses(t *testing.T) {
	good := Secret("0123456789abcdef", "t")
	for name, sign := range map[string][2]string{
		"no prefix": {strings.TrimPrefix(good, "whsec_"), "msg_1"}, "no base64": {"whsec_%", "msg_1"}, "dot in the id": {good, "msg.1"},
	} {
		if _, err := Sign(sign[0], sign[1], time.Unix(0, 0), nil); err == nil {
			t.Error(name)
		}
	}
}

// Secrets computed with Python's hmac by the formulas of RFC 5869.
func TestSecret(t *testing.T) {
	for tenant, want := range map[string]string{
		"default": "whsec_YdjaFSa45XbQxuUvrE7CsRXbXiqfdcvrKPY8yXmuroc=",
		"acme":    "whsec_L2djMa4M2kDfS0buBxc9HX7RG940vnjLIEugol8xung=",
	} {
		got := Secret("0123456789abcdef0123456789abcdef", tenant)
		if got != want {
			t.Errorf("%s: %s", tenant, got)
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got, "whsec_"))
		if err != nil || len(key) < 24 || len(key) > 64 { // the bounds of the specification
			t.Errorf("%s: %d bytes, %v", tenant, len(key), err)
		}
	}
}
