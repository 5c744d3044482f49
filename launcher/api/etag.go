package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
)

// etag tells answers of a view apart: by the simulation's state, the question, its form, and the version
// of what computes.
func etag(sim store.Simulation, view string, in *viewInput) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%s\x00%v", sim.ID, revision(sim), view, in.query.Encode(), model.EngineVersion, in.csv()))
	return hex.EncodeToString(digest[:12])
}

// matches reports whether an If-None-Match field names a tag, by weak comparison (RFC 9110, 8.8.3.2).
func matches(ifNoneMatch, tag string) bool {
	opaque := strings.TrimPrefix(tag, "W/")
	for item := range strings.SplitSeq(ifNoneMatch, ",") {
		item = strings.TrimSpace(item)
		if item == "*" || strings.TrimPrefix(item, "W/") == opaque {
			return true
		}
	}
	return false
}
