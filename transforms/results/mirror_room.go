package results

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// A program that reads a mirror opens its files one by one, for as long as its questions take. That none goes
// under its hands is by locks of the kernel, not by a time that a question is hoped to take: a simulation goes
// only while nobody has its use, and nobody that of all. Who dies has none.

const (
	usesFolder = ".uses"
	usedAll    = "all" // no simulation has this id

	usualMirror = 20 << 30 // bytes of a mirror that nobody gave a bound
	spareDisk   = 64 << 20 // bytes that a mirror leaves of a disk to others
)

// mirrorBound is what the user says that a mirror may hold, in bytes; 0: 20 GiB, or half of what the disk could
// hold if that is less.
func mirrorBound() (int64, error) {
	text := os.Getenv("WHATIF_MIRROR_BYTES")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("results: WHATIF_MIRROR_BYTES is %q: it is a whole number of bytes, such as 21474836480; "+
			"0, or leaving it out, bounds the mirror by the usual 20 GiB and half of its disk", text)
	}
	return n, nil
}

// use is what keeps a simulation, or all, in the mirror. Its file tells by its content how many bytes the simulation
// has there, and by its time when it was last used.
type use struct {
	file, own string // no own: all
	release   func() error
}

// use holds a simulation, or all, until f is released.
func (f *Files) use(ctx context.Context, id string) error {
	u := &use{file: filepath.Join(f.Dir, usesFolder, id)}
	if id != usedAll {
		u.own = filepath.Join(f.Dir, filepath.FromSlash(model.SimulationPath(id)))
	}
	var err error
	if u.release, err = waitForLock(ctx, u.file, true); err != nil {
		return fmt.Errorf("results: hold the mirror of %s: %w", id, err)
	}
	f.uses = append(f.uses, u)
	return nil
}

// end gives it back. Rows have come in, and a reader may have put a compacted copy beside them. A mirror that was
// deleted meanwhile has nothing to be noted.
func (u *use) end() error {
	if u.own == "" {
		return u.release()
	}
	size, err := measure(u.own)
	if err == nil {
		err = ignoreMissing(noteSize(u.file, size))
	}
	if err != nil {
		err = fmt.Errorf("results: note the use of a mirror: %w", err)
	}
	return errors.Join(err, u.release())
}

// noteSize writes in place, always as many bytes: who reads it meanwhile reads the one number or the other.
func noteSize(file string, size int64) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%019d\n", size)
	return errors.Join(err, f.Close())
}

// resident is a simulation of the mirror.
type resident struct {
	id   string
	size int64
	used time.Time
}

// makeRoom removes simulations that are not in use, those first that were not used for longest, until so many
// more bytes of one have room within the bound and on the disk. That the bound can't be kept, because the rest is
// in use, is no error but noted: the disk decides.
func (m *mirror) makeRoom(f *Files, id string, more int64) error {
	others, total, err := m.others(f.Dir, id)
	if err != nil {
		return err
	}
	free, err := m.free(f.Dir)
	if err != nil {
		return fmt.Errorf("results: what is free in %s: %w", f.Dir, err)
	}
	own, err := foresee(f.Dir, id, more)
	if err != nil {
		return err
	}
	total += own
	most := m.most
	if most <= 0 {
		most = min(usualMirror, (free+total)/2)
	}
	for _, s := range others {
		if total+more <= most && free >= more+spareDisk {
			return nil
		}
		gone, err := m.evict(f.Dir, s.id)
		if err != nil {
			return err
		}
		if gone {
			total, free = total-s.size, free+s.size
		}
	}
	if total+more > most {
		f.Note = fmt.Sprintf("the mirror of the bucket is larger than it may be: %d bytes in %s, of %d (WHATIF_MIRROR_BYTES); what is being read is kept",
			total+more, f.Dir, most)
	}
	return nil
}

// foresee is how large a simulation is, and notes how large it will be: for others who make room meanwhile, and for
// the case that this process dies on the way there.
func foresee(dir, id string, more int64) (own int64, err error) {
	if id == "" {
		return 0, nil
	}
	own, err = measure(filepath.Join(dir, filepath.FromSlash(model.SimulationPath(id))))
	if err == nil {
		err = ignoreMissing(noteSize(filepath.Join(dir, usesFolder, id), own+more))
	}
	if err != nil {
		err = fmt.Errorf("results: make room in a mirror: %w", err)
	}
	return own, err
}

// others is what the mirror holds beside a simulation, the longest not used first. What was on its way out when its
// remover died goes.
func (m *mirror) others(dir, but string) (all []resident, total int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("results: look at a mirror: %w", err)
	}
	for _, e := range entries {
		name, leaving := strings.CutPrefix(e.Name(), removedPrefix)
		id, ok := strings.CutPrefix(name, "simulation_id=")
		if !ok || CheckSimulationID(id) != nil || id == but {
			continue
		}
		if leaving {
			_, err = ifFree(func() error { return os.RemoveAll(filepath.Join(dir, e.Name())) }, filepath.Join(dir, locksFolder, id))
		} else {
			var s resident
			s, err = look(dir, id)
			all, total = append(all, s), total+s.size
		}
		if err != nil {
			return nil, 0, fmt.Errorf("results: look at a mirror: %w", err)
		}
	}
	slices.SortFunc(all, func(a, b resident) int { return a.used.Compare(b.used) })
	return all, total, nil
}

// look is how large a simulation is and when it was used, as was noted. One that has no such note, of an earlier
// version of this program, is measured, and was used when its folder was made.
func look(dir, id string) (s resident, err error) {
	s.id = id
	file, own := filepath.Join(dir, usesFolder, id), filepath.Join(dir, filepath.FromSlash(model.SimulationPath(id)))
	text, err := os.ReadFile(file)
	if err == nil {
		s.size, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	}
	if err != nil || s.size < 0 {
		file = own
		if s.size, err = measure(own); err != nil {
			return s, err
		}
	}
	info, err := os.Stat(file)
	if err == nil {
		s.used = info.ModTime()
	}
	return s, ignoreMissing(err) // another process may just have removed it
}

// evict removes a simulation that nobody reads and nobody brings up to date.
func (m *mirror) evict(dir, id string) (gone bool, err error) {
	uses, own := filepath.Join(dir, usesFolder), filepath.Join(dir, filepath.FromSlash(model.SimulationPath(id)))
	return ifFree(func() error { return m.vanish(own) },
		filepath.Join(uses, usedAll), filepath.Join(dir, locksFolder, id), filepath.Join(uses, id))
}

// ifFree does something while it has these locks; done is false if one of them is another's.
func ifFree(do func() error, locks ...string) (done bool, err error) {
	for _, file := range locks {
		release, failure := flock(file, false)
		if errors.Is(failure, errLocked) {
			return false, nil
		}
		if failure != nil {
			return false, failure
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	return true, do()
}

// missing is how many bytes of objects a mirror does not have.
func missing(dir string, want []objects.Object) (bytes int64) {
	for _, o := range want {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(o.Name))); err != nil || info.Size() != o.Size {
			bytes += o.Size
		}
	}
	return bytes
}

// measure is how many bytes a simulation's folder has; none if it is not there. What goes meanwhile is not counted.
func measure(own string) (bytes int64, err error) {
	err = filepath.WalkDir(own, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return ignoreMissing(err)
	})
	return bytes, err
}

// diskAdvice is what to do about a mirror whose disk is full.
func diskAdvice(err error) string {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return "; free some, or let XDG_CACHE_HOME name a folder on a larger disk"
	}
	return ""
}
