//go:build !linux

package inputs

import "io/fs"

// identityOf tells a file's state from any other it had, as far as every system can say.
func identityOf(info fs.FileInfo) identity {
	return identity{size: info.Size(), modified: info.ModTime().UnixNano(), changed: info.ModTime().UnixNano()}
}
