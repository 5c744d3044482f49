package objects

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/whatif-machine/whatif/model"
)

// knownFolder holds what is known of objects whose bytes may be gone from here.
const knownFolder = "known"

// knownDigest is a file of it.
type knownDigest struct {
	SHA256 string `json:"sha256"`
}

const maxKnown = 1 << 10 // bytes of such a file

// knownKey names an object at a generation. Its size and CRC32C are part of the name, so that a server that
// began to count anew, as one for tests may, is not taken for the old one.
func knownKey(pin model.PinnedInput, crc uint32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%08x\n", pin.URI, pin.Generation, pin.Size, crc))
	return hex.EncodeToString(sum[:])
}

// known is the digest of an object by its key, empty if it is not known. A file that can't be read as one
// says nothing.
func (c *Cache) known(key string) (digest string, err error) {
	file, err := os.Open(c.knownFile(key))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("objects: the cache: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err := io.ReadAll(io.LimitReader(file, maxKnown))
	if err != nil {
		return "", fmt.Errorf("objects: the cache: %w", err)
	}
	var k knownDigest
	if json.Unmarshal(text, &k) != nil || !isDigest(k.SHA256) {
		return "", nil
	}
	return k.SHA256, nil
}

// remember keeps the digest of an object, whole or not at all.
func (c *Cache) remember(key, digest string) (err error) {
	text, err := json.Marshal(knownDigest{digest})
	if err != nil {
		return fmt.Errorf("objects: the cache: %w", err)
	}
	file := c.knownFile(key)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return fmt.Errorf("objects: the cache: %w", err)
	}
	// Whoever remembers a key holds its lock, so that nobody else writes this file.
	if err := os.WriteFile(file+newSuffix, text, 0o666); err != nil {
		return diskFull(fmt.Errorf("objects: the cache: %w", err), c.dir)
	}
	if err := os.Rename(file+newSuffix, file); err != nil {
		return fmt.Errorf("objects: the cache: %w", err)
	}
	return nil
}

func (c *Cache) knownFile(key string) string { return filepath.Join(c.dir, knownFolder, key+".json") }
