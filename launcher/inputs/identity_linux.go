package inputs

import (
	"io/fs"
	"syscall"
)

// identityOf tells a file's state from any other it had: its place on the disk, its size, when its bytes and when
// anything of it was changed last. The second time can't be set by who writes the file, so bytes
// changed behind a restored mtime show too.
func identityOf(info fs.FileInfo) identity {
	id := identity{size: info.Size(), modified: info.ModTime().UnixNano(), changed: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id.device, id.inode, id.changed = uint64(st.Dev), st.Ino, st.Ctim.Nano() //nolint:unconvert // Dev differs by architecture
	}
	return id
}
