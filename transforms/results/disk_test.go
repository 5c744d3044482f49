package results

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// brokenDisk is the machine's file system until its n-th writing operation, which fails with err, as
// does every later one while it stays broken.
type brokenDisk struct {
	osDisk
	n     int
	err   error
	stays bool
	done  []string // operations so far
}

func (b *brokenDisk) fails(op string) error {
	b.done = append(b.done, op)
	if len(b.done) == b.n || b.stays && len(b.done) > b.n {
		return &fs.PathError{Op: op, Path: "there", Err: b.err}
	}
	return nil
}

func (b *brokenDisk) Mkdir(p string) error {
	return first(b.fails("mkdir"), func() error { return b.osDisk.Mkdir(p) })
}
func (b *brokenDisk) Link(from, to string) error {
	return first(b.fails("link"), func() error { return b.osDisk.Link(from, to) })
}
func (b *brokenDisk) RenameNew(from, to string) error {
	return first(b.fails("rename"), func() error { return b.osDisk.RenameNew(from, to) })
}
func (b *brokenDisk) Remove(p string) error {
	return first(b.fails("remove"), func() error { return b.osDisk.Remove(p) })
}
func (b *brokenDisk) SyncDir(p string) error {
	return first(b.fails("fsync folder"), func() error { return b.osDisk.SyncDir(p) })
}

func (b *brokenDisk) Create(p string) (file, error) {
	if err := b.fails("create"); err != nil {
		return nil, err
	}
	f, err := b.osDisk.Create(p)
	return &brokenFile{f, b}, err
}

func first(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

type brokenFile struct {
	file
	disk *brokenDisk
}

// Write writes a half before it fails, as a full disk does.
func (f *brokenFile) Write(data []byte) (int, error) {
	if err := f.disk.fails("write"); err != nil {
		n, _ := f.file.Write(data[:len(data)/2])
		return n, err
	}
	return f.file.Write(data)
}

func (f *brokenFile) Sync() error { return first(f.disk.fails("fsync"), f.file.Sync) }
func (f *brokenFile) Close() error {
	return errors.Join(f.disk.fails("close"), f.file.Close())
}

// TestWhateverFailsNoPartIsLeftUnderAFinalName lets each operation of a commit fail in turn, with
// each error a disk has, once and for good.
func TestWhateverFailsNoPartIsLeftUnderAFinalName(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		for _, stays := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/stays=%v", errno, stays), func(t *testing.T) {
				failures := 0
				for n := 1; commitOnBroken(t, &brokenDisk{n: n, err: errno, stays: stays}, &failures); n++ {
				}
				// fsync of the store for the simulation's folder, mkdir, fsync of its folder, create, write, fsync, close, link, remove, fsync of the folder;
				// that the first name can't be removed is no failure by itself.
				want := 9
				if stays {
					want = 10
				}
				if failures != want {
					t.Errorf("%d of the operations failed the commit, want %d", failures, want)
				}
			})
		}
	}
}

// commitOnBroken commits a row on a breaking disk that holds another row, checks what is there then,
// and that the disk once mended takes the row. It reports whether the disk broke at all.
func commitOnBroken(t *testing.T, disk *brokenDisk, failures *int) bool {
	t.Helper()
	root := t.TempDir()
	whole := open(root, osDisk{})
	must[string](t)(whole.Commit(t.Context(), sampleRow("baseline", 1)))
	row := sampleRow("v0001", 1)
	_, err := open(root, disk).Commit(t.Context(), row)
	if err != nil {
		*failures++
		if fault := model.FaultOf(err); fault.Reason != string(model.Storage) || !errors.Is(err, disk.err) {
			t.Errorf("operation %d, %s: %v: want the cause and a storage fault", disk.n, disk.done[disk.n-1], err)
		}
	}
	checkWhole(t, root)
	if _, err := whole.Read(t.Context(), simulation, "baseline", 1); err != nil {
		t.Errorf("what was committed before: %v", err)
	}
	must[string](t)(whole.Commit(t.Context(), row))
	if err := whole.Sweep(t.Context(), simulation, time.Time{}); err != nil {
		t.Error(err)
	}
	if left := names(t, filepath.Dir(whole.Path(model.ResultPath(simulation, "v0001", 1)))); len(left) != 1 {
		t.Errorf("files left after the sweep: %v", left)
	}
	return len(disk.done) >= disk.n
}

// checkWhole checks that every file with the name of a row is a whole one.
func checkWhole(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			_, err = Decode(data)
		}
		return err
	})
	if err != nil {
		t.Errorf("a part is under a final name: %v", err)
	}
}

// noLinks is a file system without hard links.
type noLinks struct {
	osDisk
	errno syscall.Errno
}

func (d noLinks) Link(from, to string) error {
	return &os.LinkError{Op: "link", Old: from, New: to, Err: d.errno}
}

func TestFileSystemsWithoutHardLinks(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EXDEV, syscall.ENOTSUP} {
		s := open(t.TempDir(), noLinks{errno: errno})
		path := must[string](t)(s.Commit(t.Context(), sampleRow("v0001", 1)))
		if _, err := s.Commit(t.Context(), sampleRow("v0001", 1)); err != nil {
			t.Errorf("the same row again: %v", err)
		}
		if _, err := s.Commit(t.Context(), failedRow("v0001", 1, model.Crashed)); !errors.Is(err, ErrTaken) {
			t.Errorf("another row of the same name: %v", err)
		}
		if left := names(t, filepath.Dir(s.Path(path))); len(left) != 1 {
			t.Errorf("files left: %v", left)
		}
	}
}

// memoryDisk is a disk that forgets what was not made durable: what a power cut leaves of it.
type memoryDisk struct {
	disk                        // operations that these tests don't use panic
	files     map[string]*inode // by path, as programs see them
	durable   map[string]*inode // names that survive
	cutBefore int               // operations until the power goes
	ops       int
}

type inode struct {
	folder       bool
	data, synced []byte
}

var errPowerCut = errors.New("the power is off")

func (m *memoryDisk) power() error {
	m.ops++
	if m.ops > m.cutBefore {
		return errPowerCut
	}
	return nil
}

func (m *memoryDisk) add(path string, n *inode) error {
	if err := m.power(); err != nil {
		return err
	}
	if m.files[path] != nil {
		return fs.ErrExist
	}
	m.files[path] = n
	return nil
}

func (m *memoryDisk) Mkdir(path string) error { return m.add(path, &inode{folder: true}) }
func (m *memoryDisk) Create(path string) (file, error) {
	n := &inode{}
	return &memoryFile{n, m}, m.add(path, n)
}
func (m *memoryDisk) Link(from, to string) error { return m.add(to, m.files[from]) }
func (m *memoryDisk) Remove(path string) error {
	return first(m.power(), func() error { delete(m.files, path); return nil })
}
func (m *memoryDisk) Stat(path string) (fs.FileInfo, error) {
	if m.files[path] == nil {
		return nil, fs.ErrNotExist
	}
	return nil, nil
}

// SyncDir makes the names in one folder durable, and nothing else.
func (m *memoryDisk) SyncDir(dir string) error {
	if err := m.power(); err != nil {
		return err
	}
	in := func(path string, _ *inode) bool { return filepath.Dir(path) == dir }
	maps.DeleteFunc(m.durable, in)
	for path, n := range m.files {
		if in(path, n) {
			m.durable[path] = n
		}
	}
	return nil
}

// afterCut is the content that a path has once the power is back: nil, if it or a folder on the way
// to it is gone.
func (m *memoryDisk) afterCut(path string) []byte {
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		if m.durable[dir] == nil {
			return nil
		}
	}
	if n := m.durable[path]; n != nil {
		return n.synced
	}
	return nil
}

type memoryFile struct {
	inode *inode
	disk  *memoryDisk
}

func (f *memoryFile) Write(data []byte) (int, error) {
	if err := f.disk.power(); err != nil {
		return 0, err
	}
	f.inode.data = append(f.inode.data, data...)
	return len(data), nil
}
func (f *memoryFile) Sync() error {
	return first(f.disk.power(), func() error { f.inode.synced = bytes.Clone(f.inode.data); return nil })
}
func (f *memoryFile) Close() error { return f.disk.power() }

// TestAPowerCutLeavesAWholeFileOrNone cuts the power before each operation of a commit: a file under
// its final name is whole, and one whose commit had succeeded is there.
func TestAPowerCutLeavesAWholeFileOrNone(t *testing.T) {
	row := sampleRow("v0001", 1)
	want := must[[]byte](t)(Encode(row))
	path := "/results/" + model.ResultPath(simulation, "v0001", 1)
	for cut := 0; ; cut++ {
		root := &inode{folder: true}
		m := &memoryDisk{files: map[string]*inode{"/": root}, durable: map[string]*inode{"/": root}, cutBefore: cut}
		_, err := open("/results", m).Commit(t.Context(), row)
		there := m.afterCut(path)
		switch {
		case err == nil && !bytes.Equal(there, want):
			t.Fatalf("committed, but after a power cut %d of %d bytes are there", len(there), len(want))
		case there != nil && !bytes.Equal(there, want):
			t.Fatalf("power cut before operation %d: %d of %d bytes under the final name", cut+1, len(there), len(want))
		case err == nil:
			if cut < 12 {
				t.Errorf("a commit took only %d operations", cut)
			}
			return
		case !errors.Is(err, errPowerCut):
			t.Fatal(err)
		}
	}
}

// TestAFolderAnotherProcessMadeIsMadeDurable: it died after mkdir, before fsync.
func TestAFolderAnotherProcessMadeIsMadeDurable(t *testing.T) {
	root, made := &inode{folder: true}, &inode{folder: true}
	path := "/results/" + model.ResultPath(simulation, "v0001", 1)
	variant := filepath.Dir(path)
	m := &memoryDisk{
		files:     map[string]*inode{"/": root, "/results": root, filepath.Dir(variant): made, variant: made},
		durable:   map[string]*inode{"/": root, "/results": root},
		cutBefore: 100,
	}
	must[string](t)(open("/results", m).Commit(t.Context(), sampleRow("v0001", 1)))
	if want := must[[]byte](t)(Encode(sampleRow("v0001", 1))); !bytes.Equal(m.afterCut(path), want) {
		t.Errorf("committed, but after a power cut %d of %d bytes are there", len(m.afterCut(path)), len(want))
	}
}

// limited is the argument that makes this test binary a process whose files can't grow.
const limited = "commit-with-a-limit"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == limited {
		os.Exit(commitLimited(os.Args[2]))
	}
	if len(os.Args) == 4 && os.Args[1] == holding {
		os.Exit(hold(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

// commitLimited commits a row where the kernel lets no file grow beyond 4 KiB, as a full disk would.
func commitLimited(root string) int {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4 << 10, Max: 4 << 10}); err != nil {
		fmt.Println("setrlimit:", err)
		return 2
	}
	_, err := open(root, osDisk{}).Commit(context.Background(), sampleRow("v0001", 1))
	if errors.Is(err, syscall.EFBIG) && model.FaultOf(err).Reason == string(model.Storage) {
		return 0
	}
	fmt.Println("commit:", err)
	return 1
}

// TestARealLimitOfTheKernel has the true file system refuse to write on in the middle of a row.
func TestARealLimitOfTheKernel(t *testing.T) {
	root := t.TempDir()
	whole := open(root, osDisk{})
	must[string](t)(whole.Commit(t.Context(), sampleRow("baseline", 1)))
	if out, err := exec.Command(os.Args[0], limited, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	checkWhole(t, root)
	counted := must[map[string]Row](t)(whole.Counted(t.Context(), simulation))
	if len(counted) != 1 || counted["baseline"].Status != model.StatusSucceeded {
		t.Errorf("counted %+v", counted)
	}
}
