package results

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// mirror is a folder of this machine with what a bucket holds of some simulations, for programs that read
// files: their rows and plans, under the same names.
//
//	$XDG_CACHE_HOME/whatif/mirror/<digest of the address>/simulation_id=<id>/..
//	                                                     .locks/<id>    held by who brings it up to date
//	                                                     .uses/<id>     held shared by who reads it
//	                                                     .uses/all      held shared by who reads all
//
// It holds what the bucket held when it was last brought up to date, file by file of the same CRC32C, and may
// be deleted at any time. All processes of a user share it. What was not used for longest goes first when there
// is no room for more (mirror_room.go).
type mirror struct {
	mu     sync.Mutex
	known  map[string]sum // by full path: what need not be read again to know its sum
	parent string         // of all mirrors; empty: the user's cache folder
	most   int64          // bytes that it holds; 0: by what is free
	free   func(dir string) (int64, error)
}

// sum is the CRC32C of a file as it was when it had this size and time.
type sum struct {
	size     int64
	modified time.Time
	crc      uint32
}

// IsLocal tells whether the store is a folder of this machine, so that Local costs nothing.
func (s *Store) IsLocal() bool { _, is := s.place.(*folder); return is }

// Files is a folder of this machine with rows and plans. Those that were asked for stay, also on a disk that is
// full of others, until they are released or this process ends.
type Files struct {
	Dir  string
	Note string // what there is to say to who asked, if anything

	uses []*use // none in a folder, from which nothing goes
}

// Release lets go of the files, which may be removed then. It may be called twice.
func (f *Files) Release() error {
	var errs []error
	for _, u := range f.uses {
		errs = append(errs, u.end())
	}
	f.uses = nil
	return errors.Join(errs...)
}

// Local is a folder of this machine with the rows, of every attempt, and the plans of these simulations, or of
// all if none is named: the store's own, or a mirror of the bucket that is brought up to date. A simulation
// that the bucket does not hold, or no more, is not in it. What it holds of others may be old, or go.
func (s *Store) Local(ctx context.Context, simulations ...string) (*Files, error) {
	b, is := s.place.(*bucket)
	if !is {
		return &Files{Dir: s.uri}, nil
	}
	for _, id := range simulations {
		if err := CheckSimulationID(id); err != nil {
			return nil, err
		}
	}
	dir, err := s.mirror.folder(s.uri)
	if err != nil {
		return nil, err
	}
	f := &Files{Dir: dir}
	if err := s.bring(ctx, b, f, simulations); err != nil {
		return nil, errors.Join(err, f.Release())
	}
	return f, nil
}

// bring holds the simulations, then brings them up to date. While all are held nothing can go, so room is not
// looked for at each of them.
func (s *Store) bring(ctx context.Context, b *bucket, f *Files, simulations []string) (err error) {
	all := len(simulations) == 0
	held := simulations
	if all {
		held = []string{usedAll}
		if simulations, err = s.allOf(ctx, f.Dir); err != nil {
			return err
		}
	}
	for _, id := range held {
		if err := f.use(ctx, id); err != nil {
			return err
		}
	}
	for _, id := range simulations {
		if err := s.mirror.update(ctx, b, f, id, !all); err != nil {
			return err
		}
	}
	if all {
		return s.mirror.makeRoom(f, "", 0)
	}
	return nil
}

// allOf is the simulations that the bucket or the mirror has: the latter may have to go.
func (s *Store) allOf(ctx context.Context, dir string) ([]string, error) {
	ids, err := s.folders(ctx)
	if err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, id := range ids {
		set[id] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("results: look at the mirror of %s: %w", s.uri, err)
	}
	for _, e := range entries {
		if id, ok := strings.CutPrefix(e.Name(), "simulation_id="); ok && CheckSimulationID(id) == nil && !set[id] {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// drop takes a simulation that was removed out of the mirror, if there is one.
func (m *mirror) drop(ctx context.Context, uri, id string) (err error) {
	dir, err := m.path(uri)
	if err != nil {
		return nil //nolint:nilerr // where there is no folder for mirrors there is none
	}
	own := filepath.Join(dir, filepath.FromSlash(model.SimulationPath(id)))
	if _, err := os.Stat(own); err != nil {
		return ignoreMissing(err)
	}
	release, err := waitForLock(ctx, filepath.Join(dir, locksFolder, id), false)
	if err != nil {
		return fmt.Errorf("results: take a removed simulation out of the mirror: %w", err)
	}
	return errors.Join(m.vanish(own), release())
}

// path is the mirror of an address.
func (m *mirror) path(uri string) (string, error) {
	parent := m.parent
	if parent == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("results: no folder for a mirror of %s: %w; set XDG_CACHE_HOME", uri, err)
		}
		parent = filepath.Join(home, "whatif", "mirror")
	}
	return filepath.Join(parent, fmt.Sprintf("%x", sha256.Sum256([]byte(uri)))[:24]), nil
}

// folder is the mirror of an address, made if it is not there.
func (m *mirror) folder(uri string) (string, error) {
	dir, err := m.path(uri)
	if err != nil {
		return "", err
	}
	err = errors.Join(os.MkdirAll(filepath.Join(dir, locksFolder), 0o700), os.MkdirAll(filepath.Join(dir, usesFolder), 0o700))
	if err != nil {
		return "", fmt.Errorf("results: make a mirror of %s: %w; XDG_CACHE_HOME names another folder for it", uri, err)
	}
	return dir, nil
}

const locksFolder = ".locks"

// update brings one simulation's mirror up to date, in the room that is made for it. What is listed while the lock
// is held is newer than all that others have put there, so that nobody removes what another has just seen appear.
func (m *mirror) update(ctx context.Context, b *bucket, f *Files, id string, makeRoom bool) (err error) {
	release, err := waitForLock(ctx, filepath.Join(f.Dir, locksFolder, id), false)
	if err != nil {
		return fmt.Errorf("results: bring the mirror of %s up to date: %w", id, err)
	}
	defer func() { err = errors.Join(err, release()) }()
	own := filepath.Join(f.Dir, filepath.FromSlash(model.SimulationPath(id)))
	for {
		want, err := b.content(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			return m.vanish(own)
		}
		if err != nil {
			return failed("list", b.at(model.SimulationPath(id)), err)
		}
		if bytes := missing(f.Dir, want); bytes > 0 && makeRoom {
			err = m.makeRoom(f, id, bytes)
		}
		if err == nil {
			err = m.fetch(ctx, b, f.Dir, want)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is being removed, or a row was moved away
		}
		if err != nil {
			return fmt.Errorf("results: bring the mirror of %s up to date: %w%s", id, err, diskAdvice(err))
		}
		return m.prune(own, f.Dir, want)
	}
}

// content is the plan and the rows of a simulation as they are together: the plan, which goes before any row,
// is still there after the rows were listed. An error wraps fs.ErrNotExist if there is none.
func (b *bucket) content(ctx context.Context, id string) (found []objects.Object, err error) {
	for o, err := range b.objects.List(ctx, prefixOf(model.SimulationPath(id))+variantFolder) {
		if err != nil {
			return nil, err
		}
		if _, _, _, ok := model.ParseResultPath(o.Name); ok {
			found = append(found, o)
		}
	}
	plan, err := b.objects.Stat(ctx, model.PlanPath(id))
	return append(found, plan), err
}

// fetch downloads what the mirror does not have.
func (m *mirror) fetch(ctx context.Context, b *bucket, dir string, want []objects.Object) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for _, o := range want {
		group.Go(func() error {
			file := filepath.Join(dir, filepath.FromSlash(o.Name))
			if same, err := m.holds(file, o); same || err != nil {
				return err
			}
			data, err := b.objects.ReadAt(ctx, o, maxFileBytes)
			if err != nil {
				return err
			}
			return writeFile(file, data)
		})
	}
	return group.Wait()
}

// holds tells whether a file is the object. It is read once, and again if it has changed.
func (m *mirror) holds(file string, o objects.Object) (bool, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() != o.Size {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	m.mu.Lock()
	known, ok := m.known[file]
	m.mu.Unlock()
	if ok && known.size == info.Size() && known.modified.Equal(info.ModTime()) {
		return known.crc == o.CRC32C, nil
	}
	data, err := osDisk{}.ReadFile(file, maxFileBytes)
	if err != nil {
		return false, err
	}
	crc := objects.Checksum(data)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) > maxOutcomes {
		m.known = map[string]sum{}
	}
	m.known[file] = sum{info.Size(), info.ModTime(), crc}
	return crc == o.CRC32C, nil
}

// writeFile makes a file whole under its name. What a power cut leaves of it is seen by its size and sum.
func writeFile(file string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*"+temporarySuffix)
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// prune removes the rows that are no more in the bucket, and what died while it was written.
func (m *mirror) prune(own, dir string, want []objects.Object) error {
	keep := map[string]bool{}
	for _, o := range want {
		keep[filepath.Join(dir, filepath.FromSlash(o.Name))] = true
	}
	files, err := filepath.Glob(filepath.Join(own, variantFolder+"*", "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if !keep[file] {
			if err := ignoreMissing(os.Remove(file)); err != nil {
				return fmt.Errorf("results: bring a mirror up to date: %w", err)
			}
		}
	}
	return nil
}

// vanish takes a simulation's folder away in one step, then what was in it.
func (m *mirror) vanish(own string) error {
	gone := filepath.Join(filepath.Dir(own), removedPrefix+filepath.Base(own))
	err := os.RemoveAll(gone)
	if err == nil {
		err = ignoreMissing(os.Rename(own, gone))
	}
	if err == nil {
		err = os.RemoveAll(gone)
	}
	if err != nil {
		return fmt.Errorf("results: take a removed simulation out of the mirror: %w", err)
	}
	return nil
}

// lockPause is how long is waited before a lock is tried again.
const lockPause = 20 * time.Millisecond

// waitForLock takes a lock of this machine as soon as it can be had.
func waitForLock(ctx context.Context, file string, shared bool) (release func() error, err error) {
	for {
		release, err := flock(file, shared)
		if !errors.Is(err, errLocked) {
			return release, err
		}
		timer := time.NewTimer(lockPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("another process is at it: %w", ctx.Err())
		case <-timer.C:
		}
	}
}
