package reading

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// mostReport bounds a page on its way; the largest have about five megabytes.
const mostReport = 32 << 20

// spool keeps a text on disk that is made faster than its receiver takes it. In memory, the pages of many who
// take their time would be more than there is.
type spool struct {
	file *os.File
	size int64
	most int64
}

// newSpool makes an empty one. Its file has no name any more where that can be had, so that it goes with the
// process at the latest.
func newSpool(most int64) (*spool, error) {
	file, err := os.CreateTemp("", "whatif-report-*")
	if err != nil {
		return nil, fmt.Errorf("reading: a report is kept in a temporary file while it is sent; free some space, or set TMPDIR: %w", err)
	}
	s := &spool{file: file, most: most}
	if err := s.unlink(); err != nil {
		return s, nil //nolint:nilerr // an open file can't be removed here; close does
	}
	return s, nil
}

// unlink removes the file's name, if it still has one.
func (s *spool) unlink() error {
	if err := os.Remove(s.file.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *spool) Write(p []byte) (int, error) {
	if int64(len(p)) > s.most-s.size {
		return 0, fmt.Errorf("%w: a report has no more than %d MiB", ErrTooLarge, s.most>>20)
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// restart forgets what was written.
func (s *spool) restart() error {
	s.size = 0
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}

// send writes what was kept to its receiver.
func (s *spool) send(out io.Writer) error {
	if _, err := io.Copy(out, io.NewSectionReader(s.file, 0, s.size)); err != nil {
		return fmt.Errorf("reading: send a report: %w", err)
	}
	return nil
}

func (s *spool) close() error { return errors.Join(s.file.Close(), s.unlink()) }
