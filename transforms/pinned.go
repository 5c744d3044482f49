package transforms

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// inputsAtOnce is how many files of a snapshot are looked at or downloaded at a time.
const inputsAtOnce = 8

// LoadPinned reads the snapshot of a plan and makes sure that it is the one of its submission. Objects are
// downloaded into this machine's cache first, unless they are there. The error's fault is input_changed if a
// file is another or gone, else storage or invalid_input.
func LoadPinned(ctx context.Context, plan *model.Plan, config *model.Config) (snap *inventory.Snapshot, err error) {
	for i := range plan.Inventory {
		if err := checkFile(&plan.Inventory[i], true); err != nil {
			return nil, err
		}
	}
	files, err := Localize(ctx, objects.UserCache(), plan.Inventory)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, files.Release()) }()
	snap, err = inventory.Load(ctx, files.Paths, inventory.Options{Location: config.Location, ShiftDays: config.ShiftDays})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err = files.Rename(err)
		return nil, fmt.Errorf("%w; it passed validation at submission: %w", err, model.NewFault(model.InvalidInput, err.Error()))
	}
	return snap, nil
}

// Local are the files of a snapshot on this machine.
type Local struct {
	Paths []string // in the order of the pins
	pins  []model.PinnedInput
	held  []*objects.Cached // nil of what is a file of this machine in any case
}

// Localize brings the files of pins to this machine: objects are fetched into a cache, with the bytes of their
// pins, and stay there until they are released; those of its own disks are taken as they are. The error's
// fault is as LoadPinned's.
func Localize(ctx context.Context, cache *objects.Cache, pins []model.PinnedInput) (*Local, error) {
	l := &Local{Paths: make([]string, len(pins)), pins: pins, held: make([]*objects.Cached, len(pins))}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(inputsAtOnce)
	for i := range pins {
		group.Go(func() error { return l.localize(within, cache, i) })
	}
	err := group.Wait()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, l.Release())
	}
	return l, nil
}

func (l *Local) localize(ctx context.Context, cache *objects.Cache, i int) (err error) {
	pin := &l.pins[i]
	if !objects.IsURI(pin.URI) {
		l.Paths[i], err = localPath(pin.URI)
		return err
	}
	if l.held[i], err = cache.Fetch(ctx, *pin); err != nil {
		return inputFault(ctx, pin, err)
	}
	l.Paths[i] = l.held[i].Path
	return nil
}

// Release lets go of the files that were fetched.
func (l *Local) Release() error {
	var errs []error
	for _, held := range l.held {
		if held != nil {
			errs = append(errs, held.Release())
		}
	}
	return errors.Join(errs...)
}

// Rename is an error in which objects have the names that people know, not those of their copies here.
func (l *Local) Rename(err error) error {
	if err == nil {
		return nil
	}
	message := err.Error()
	for i, held := range l.held {
		if held != nil {
			message = strings.ReplaceAll(message, l.Paths[i], l.pins[i].URI)
		}
	}
	if message == err.Error() {
		return err
	}
	return &renamed{message, err}
}

// renamed is an error in other words.
type renamed struct {
	message string
	cause   error
}

func (r *renamed) Error() string { return r.message }
func (r *renamed) Unwrap() error { return r.cause }

// Pins are those of the files on this machine. When a copy was made says nothing, so that is left out.
func (l *Local) Pins() []model.PinnedInput {
	pins := slices.Clone(l.pins)
	for i, held := range l.held {
		if held != nil {
			pins[i] = model.PinnedInput{URI: l.Paths[i], Size: l.pins[i].Size, SHA256: l.pins[i].SHA256}
		}
	}
	return pins
}

// CheckInputs makes sure, as cheaply as it can, that the inputs of a plan are those of its
// submission: a file of the same size and time is taken to be the same, and an object's generation is looked
// at, which can't change its bytes.
func CheckInputs(ctx context.Context, plan *model.Plan) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(inputsAtOnce)
	for i := range plan.Inventory {
		group.Go(func() error { return checkInput(within, &plan.Inventory[i]) })
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func checkInput(ctx context.Context, pin *model.PinnedInput) error {
	if objects.IsURI(pin.URI) {
		return inputFault(ctx, pin, checkObject(ctx, pin))
	}
	return checkFile(pin, false)
}

// checkObject is nil if the generation of a pin is still there.
func checkObject(ctx context.Context, pin *model.PinnedInput) error {
	bucket, name, err := objects.Split(pin.URI)
	if err != nil {
		return err
	}
	generation, err := strconv.ParseInt(pin.Generation, 10, 64)
	if err != nil {
		return err
	}
	b, err := objects.Open(ctx, "gs://"+bucket)
	if err != nil {
		return err
	}
	_, err = b.StatAt(ctx, objects.Object{Name: name, Generation: generation})
	return err
}

// inputFault is what trouble with an object means for whoever needs it.
func inputFault(ctx context.Context, pin *model.PinnedInput, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return model.NewFault(model.InputChanged, fmt.Sprintf("inventory %s is not what it was when the simulation was submitted: generation %s is gone; "+
			"bring that version back, if the bucket keeps old ones, or submit the simulation again", pin.URI, pin.Generation))
	case errors.Is(err, objects.ErrChanged):
		return model.NewFault(model.InputChanged, fmt.Sprintf("inventory: %v; submit the simulation again", err))
	}
	return model.NewFault(model.Storage, fmt.Sprintf("inventory %s: %v", pin.URI, err))
}

// localPath is the path of an input on this machine.
func localPath(uri string) (string, error) {
	u, err := url.Parse(uri)
	switch {
	case err != nil || len(u.Scheme) <= 1:
		return uri, nil //nolint:nilerr // a path may hold what no URI may
	case u.Scheme == "file":
		return u.Path, nil
	}
	return "", model.NewFault(model.InvalidInput, fmt.Sprintf("inventory %s: this version reads local files and gs:// only", uri))
}

// checkFile compares a file of this machine with its pin: by size and time, and by digest if those differ or
// the caller wants it surely. Of objects it says nothing.
func checkFile(pin *model.PinnedInput, surely bool) error {
	if objects.IsURI(pin.URI) {
		return nil
	}
	file, err := localPath(pin.URI)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if os.IsNotExist(err) {
		return changed(file, "is gone")
	}
	if err != nil {
		return model.NewFault(model.Storage, fmt.Sprintf("inventory %s: %v", file, err))
	}
	if info.Size() != pin.Size {
		return changed(file, fmt.Sprintf("has %d bytes, had %d", info.Size(), pin.Size))
	}
	if !surely && info.ModTime().UnixMicro() == int64(pin.Modified) {
		return nil
	}
	digest, err := inventory.FileSHA256(file)
	if err != nil {
		return model.NewFault(model.Storage, fmt.Sprintf("inventory %s: %v", file, err))
	}
	if digest != pin.SHA256 {
		return changed(file, fmt.Sprintf("has sha256 %.12s.., had %.12s..", digest, pin.SHA256))
	}
	return nil
}

func changed(file, how string) error {
	return model.NewFault(model.InputChanged, fmt.Sprintf(
		"inventory %s is not what it was when the simulation was submitted: it %s; put that file back, or submit the simulation again", file, how))
}
