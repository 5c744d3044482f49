package inventory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/whatif-machine/whatif/model"
)

// checkFiles refuses an import that would replace what it reads, or something that is no file. It looks before anything
// is read, since the snapshot takes the place of what is under its name.
func (o *ImportOptions) checkFiles() error {
	for _, out := range []string{o.Out, rejectedPath(o.Out)} {
		if err := checkDestination(out); err != nil {
			return err
		}
		for _, in := range append([]string{o.MapFile}, o.Files...) {
			if in != "" && o.isInput(in, out) {
				return model.Invalid("%s is read and would be replaced by %s: give -o another name", in, out)
			}
		}
	}
	for _, in := range o.Files {
		if info, err := os.Stat(in); in != "-" && err == nil && info.IsDir() {
			return model.Invalid("%s is a folder: name the files in it, such as %s", in, filepath.Join(in, "*"))
		} else if in != "-" && errors.Is(err, fs.ErrNotExist) {
			return model.Invalid("there is no file %s", in)
		}
	}
	return nil
}

// isInput reports whether an input is the file that out would replace, under whichever names.
func (o *ImportOptions) isInput(in, out string) bool {
	old, oldErr := os.Stat(out)
	if in == "-" {
		file, ok := o.Stdin.(interface{ Stat() (fs.FileInfo, error) })
		if !ok || oldErr != nil {
			return false
		}
		info, err := file.Stat()
		return err == nil && os.SameFile(info, old)
	}
	a, errA := filepath.Abs(in)
	b, errB := filepath.Abs(out)
	if errA == nil && errB == nil && a == b {
		return true
	}
	info, err := os.Stat(in)
	return err == nil && oldErr == nil && os.SameFile(info, old)
}

// checkDestination refuses to write where there is something that is no file, or no folder to write to.
func checkDestination(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return model.Invalid("can't write to %s: it is %s, not a file", path, kindOf(info.Mode()))
	}
	folder := filepath.Dir(path)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return model.Invalid("can't write %s: the folder %s doesn't exist; make it first", path, folder)
	case err == nil && !info.IsDir():
		return model.Invalid("can't write %s: %s is not a folder", path, folder)
	}
	return nil
}

// kindOf names what is no regular file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
