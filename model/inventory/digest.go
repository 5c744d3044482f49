package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// FileSHA256 is the SHA-256 of a file's bytes in hexadecimal.
func FileSHA256(path string) (digest string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// SnapshotSHA256 is the digest of a snapshot of several files: SHA-256 of the files' digests, sorted, a line
// each. It doesn't depend on the files' names or order; the same can be had with
// `sha256sum FILE... | cut -c1-64 | LC_ALL=C sort | sha256sum`.
func SnapshotSHA256(fileDigests []string) string {
	sorted := slices.Sorted(slices.Values(fileDigests))
	sum := sha256.Sum256([]byte(strings.Join(sorted, "\n") + "\n"))
	return hex.EncodeToString(sum[:])
}
