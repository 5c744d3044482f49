package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/columns"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// Bounds of a process that reads a catalog.
const (
	maxCatalogBytes  = 32 << 20  // of its answer
	minCatalogMemory = 256 << 20 // that it may have, however little is free
)

// CatalogBounds are what the reading of a catalog may take at most; zero values are those of any snapshot.
type CatalogBounds struct {
	MemoryBytes int64 // of the process; default: half of what is free
	Rows        int64 // of all files together, by what their footers say; default: as many as a snapshot can have
}

// catalogRequest is what a process that reads a catalog finds on its standard input.
type catalogRequest struct {
	Files       []model.PinnedInput `json:"files"`
	TimeZone    string              `json:"time_zone"`
	ShiftDays   int64               `json:"shift_days"`
	MemoryBytes int64               `json:"memory_bytes"`
	Rows        int64               `json:"rows,omitempty"`
}

// catalogAnswer is what it writes to its standard output: a catalog, or what is wrong.
type catalogAnswer struct {
	Catalog *model.Catalog `json:"catalog,omitempty"`
	Error   string         `json:"error,omitempty"`
}

// ReadCatalog tells what a snapshot holds, as inventory.Load in this process would, in the same words
// where something is wrong, but in a process of its own: a file that is hostile, or larger than memory,
// brings down nobody else. The process ends when ctx does. Files that are no longer those that were
// pinned, by size and time, are refused; objects are fetched into this machine's cache first.
//
// The command's default is this program and read-catalog.
func ReadCatalog(ctx context.Context, command []string, files []model.PinnedInput, o inventory.Options, most CatalogBounds) (model.Catalog, error) {
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return model.Catalog{}, fmt.Errorf("pipeline: which program to read snapshots with: %w", err)
		}
		command = []string{self, "read-catalog"}
	}
	local, err := transforms.Localize(ctx, objects.UserCache(), files)
	if err != nil {
		return model.Catalog{}, err
	}
	c, err := readCatalog(ctx, command, local.Pins(), o, most)
	return c, errors.Join(local.Rename(err), local.Release())
}

// readCatalog is ReadCatalog of files of this machine.
func readCatalog(ctx context.Context, command []string, files []model.PinnedInput, o inventory.Options, most CatalogBounds) (model.Catalog, error) {
	request := catalogRequest{Files: files, ShiftDays: o.ShiftDays, MemoryBytes: max(freeMemory()/2, minCatalogMemory), Rows: most.Rows}
	if most.MemoryBytes > 0 {
		request.MemoryBytes = min(request.MemoryBytes, most.MemoryBytes)
	}
	if o.Location != nil {
		request.TimeZone = o.Location.String()
	}
	answer, err := askCatalog(ctx, command, request)
	switch {
	case ctx.Err() != nil:
		return model.Catalog{}, ctx.Err()
	case err != nil:
		return model.Catalog{}, err
	case answer.Catalog == nil:
		return model.Catalog{}, errors.New(answer.Error)
	}
	return *answer.Catalog, nil
}

// askCatalog starts the process and reads its answer.
func askCatalog(ctx context.Context, command []string, request catalogRequest) (answer catalogAnswer, err error) {
	in, err := json.Marshal(request)
	if err != nil {
		return answer, fmt.Errorf("pipeline: read a catalog: %w", err)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	// Something that holds its output open after its death is not waited for.
	cmd.WaitDelay = time.Second
	out, errs := &bounded{limit: maxCatalogBytes}, &tail{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), out, errs
	if err := setAttributes(cmd, false); err != nil {
		return answer, err
	}
	died := runOnOneThread(cmd)
	switch {
	case out.over:
		return answer, fmt.Errorf("the snapshot's dimensions have too many different values: the list is longer than %d MiB; leave out columns that nobody targets or reports by", maxCatalogBytes>>20)
	case died != nil && cmd.Process == nil:
		return answer, fmt.Errorf("pipeline: the process that reads snapshots could not be started: %w", withoutPath(died))
	case died != nil:
		return answer, fmt.Errorf("the snapshot can't be read with %d MiB of memory, or reading it failed: its process died: %w (%s)", request.MemoryBytes>>20, died, firstLine(errs.String()))
	}
	if err := json.Unmarshal(out.data, &answer); err != nil {
		return answer, fmt.Errorf("pipeline: the answer of a process that reads a catalog: %w", err)
	}
	return answer, nil
}

// withoutPath is why a program could not be started. Where it is, is nobody's business who sent a snapshot.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return err
}

// firstLine is where a crashing program says why; below it are its stacks, which are nobody's business.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return cmp.Or(line, "it said nothing")
}

// runOnOneThread runs a command that is to die with this process: the kernel takes the death of the
// thread that started it for that.
func runOnOneThread(cmd *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		ended <- cmd.Run()
	}()
	return <-ended
}

// bounded keeps what is written to it, up to a limit.
type bounded struct {
	limit int
	data  []byte
	over  bool
}

var errOver = errors.New("longer than it may be")

func (b *bounded) Write(data []byte) (int, error) {
	if b.over = b.over || len(b.data)+len(data) > b.limit; b.over {
		return 0, errOver
	}
	b.data = append(b.data, data...)
	return len(data), nil
}

// TellCatalog is the life of the process that ReadCatalog starts: it reads a request from in and writes
// the answer to out. It is not for people.
func TellCatalog(ctx context.Context, in io.Reader, out io.Writer) error {
	var request catalogRequest
	if err := json.NewDecoder(io.LimitReader(in, maxCatalogBytes)).Decode(&request); err != nil {
		return fmt.Errorf("pipeline: read-catalog reads its request from standard input; `whatif serve` starts it: %w", err)
	}
	if err := boundMemory(request.MemoryBytes); err != nil {
		return err
	}
	var answer catalogAnswer
	catalog, err := catalogOf(ctx, request)
	if err != nil {
		answer.Error = err.Error()
	} else {
		answer.Catalog = &catalog
	}
	if err := json.NewEncoder(out).Encode(answer); err != nil {
		return fmt.Errorf("pipeline: tell the catalog: %w", err)
	}
	return nil
}

// boundMemory has the collector work harder before the bound, and the process die beyond it.
func boundMemory(bytes int64) error {
	if bytes <= 0 {
		return errors.New("pipeline: read-catalog needs a bound of its memory")
	}
	debug.SetMemoryLimit(bytes / 4 * 3)
	return limitData(bytes)
}

func catalogOf(ctx context.Context, request catalogRequest) (model.Catalog, error) {
	loc, err := time.LoadLocation(request.TimeZone)
	if err != nil {
		return model.Catalog{}, fmt.Errorf("pipeline: time zone of a catalog: %w", err)
	}
	paths := make([]string, len(request.Files))
	for i, file := range request.Files {
		paths[i] = file.URI
	}
	if err := unchanged(request.Files); err != nil {
		return model.Catalog{}, err
	}
	if err := fewRows(paths, request.Rows); err != nil {
		return model.Catalog{}, err
	}
	snap, err := inventory.Load(ctx, paths, inventory.Options{Location: loc, ShiftDays: request.ShiftDays})
	if err != nil {
		return model.Catalog{}, err
	}
	return snap.Catalog(), unchanged(request.Files)
}

// fewRows is nil if the footers of files claim no more rows than there may be; 0: any number. Nothing else of
// them has been read then. What cannot be opened is left to the loader, which says more.
func fewRows(paths []string, most int64) error {
	rows := int64(0)
	for _, path := range paths {
		if most == 0 {
			return nil
		}
		f, err := columns.Open(path)
		if err != nil {
			return nil //nolint:nilerr // the loader opens it again
		}
		rows += f.Rows() // bounded by the footer's reader, as are the files
		if err := f.Close(); err != nil {
			return fmt.Errorf("pipeline: read a catalog: %w", err)
		}
	}
	if rows > most {
		return fmt.Errorf("the snapshot has %d rows, more than the %d it may have here", rows, most)
	}
	return nil
}

// unchanged is nil if files are those that were pinned, by size and time.
func unchanged(files []model.PinnedInput) error {
	for _, file := range files {
		info, err := os.Stat(file.URI)
		if err != nil {
			return err
		}
		if info.Size() != file.Size || file.Modified != 0 && info.ModTime().UnixMicro() != int64(file.Modified) {
			return beingWritten(file.URI)
		}
	}
	return nil
}
