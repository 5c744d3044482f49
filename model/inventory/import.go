package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory/logs"
)

// DefaultMaxRejected is the share of rejected slots that an import takes unless told otherwise.
const DefaultMaxRejected = 0.01

// RejectedSuffix ends the name of the file of rejected rows, which begins with the snapshot's.
const RejectedSuffix = ".rejected.parquet"

// ImportOptions say what to import, and how to read it.
type ImportOptions struct {
	Format      string                     // openrtb, ipinyou, jsonl, csv, parquet
	MapFile     string                     // a map (package logs); empty: the format's own
	Files       []string                   // logs; "-" is Stdin
	Stdin       io.Reader                  // of "-"
	Out         string                     // the snapshot to write; rejected rows go to Out + ".rejected.parquet"
	MaxRejected float64                    // highest share of rejected slots, in [0, 1]; 0: none may be
	Location    *time.Location             // of times without offset; nil: UTC
	Currency    string                     // of the study; empty: USD
	Rates       map[string]decimal.Decimal // units of Currency for one unit of the currency named

	// Progress, if not nil, is told now and then how many bytes of the files, packed as they are, have been read,
	// of how many; of standard input the size is not known and counts as 0.
	Progress func(done, total int64)
}

// ImportSummary is what became of the slots that were read: Read = Kept + Duplicates + Rejected.
type ImportSummary struct {
	Read       int64 // slots found; a line from which none could be made counts as one
	Kept       int64
	Duplicates int64 // dropped: the same slot_id and the same in everything else
	Rejected   int64 // not kept: could not be read, or another slot has the same slot_id

	RejectedFile string         // where they are, with file, line and reason; empty if there are none
	Reasons      []RejectReason // the most frequent reasons, at most ten, most frequent first
	Dimensions   []Column       // of the snapshot, by name
	Start, End   model.Instant  // time of the first slot, time of the last + 1 us
}

// RejectReason is a kind of reason for rejecting: the first that occurred, where, and how many slots there are of its kind.
type RejectReason struct {
	Reason string // as it was said of the first
	File   string
	Line   int64 // of the file, from 1; of Parquet, the row
	Slots  int64
}

// String is the reason and where it occurred first.
func (r RejectReason) String() string { return fmt.Sprintf("%s (%s:%d)", r.Reason, r.File, r.Line) }

// ErrTooManyRejected is the error of an import that rejected more than it was allowed to.
var ErrTooManyRejected = errors.New("too many slots were rejected")

// Import makes a snapshot of logs. It holds the slots dictionary-coded in memory until all have been read
// (about 100 bytes and 4 per dimension for each; texts once per value), because a repeated slot_id can
// come at any time and the snapshot is written in the order of time; raw text is not held. Nothing appears under the
// final name unless the import succeeds.
func Import(ctx context.Context, o ImportOptions) (summary ImportSummary, err error) {
	if o.Out == "" || len(o.Files) == 0 {
		return summary, model.Invalid("an import needs at least one file to read and the name of a snapshot to write")
	}
	if !(o.MaxRejected >= 0 && o.MaxRejected <= 1) {
		return summary, model.Invalid("the highest share of rejected slots is %v; it must be from 0 to 1, such as 0.01", o.MaxRejected)
	}
	if err := o.checkFiles(); err != nil {
		return summary, err
	}
	im := importer{options: o, reasons: map[string]*RejectReason{}}
	if im.mapping, err = o.readMap(); err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, im.rejects.abort()) }()
	for i, path := range o.Files {
		if err := im.file(ctx, path, o.total(i)); err != nil {
			return im.summary, err
		}
	}
	return im.finish()
}

// readMap reads the map file, if there is one, and makes the map.
func (o *ImportOptions) readMap() (*logs.Map, error) {
	options := logs.Options{Location: o.Location, Currency: o.Currency, Rates: o.Rates}
	if o.MapFile == "" {
		return makeMap(o.Format, "", nil, options)
	}
	text, err := readSmallFile(o.MapFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, model.Invalid("there is no map %s", o.MapFile)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the map: %w", err)
	}
	return makeMap(o.Format, o.MapFile, text, options)
}

// makeMap is logs.NewMap, whose errors are all mistakes of the caller.
func makeMap(format, name string, text []byte, options logs.Options) (*logs.Map, error) {
	m, err := logs.NewMap(format, name, text, options)
	if err != nil {
		return nil, model.Invalid("%w", err)
	}
	return m, nil
}

// readSmallFile reads at most a megabyte: more is no map.
func readSmallFile(path string) (text []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, 1<<20))
}

// total is the size of the files before i and of all.
func (o *ImportOptions) total(i int) (sizes [2]int64) {
	for j, path := range o.Files {
		if info, err := os.Stat(path); err == nil && path != "-" {
			if j < i {
				sizes[0] += info.Size()
			}
			sizes[1] += info.Size()
		}
	}
	return sizes
}

// importer is an import in progress.
type importer struct {
	options ImportOptions
	mapping *logs.Map
	builder builder
	rejects rejects
	reasons map[string]*RejectReason // by what reasons of the same kind have in common
	summary ImportSummary
}

// file reads one file.
func (im *importer) file(ctx context.Context, path string, sizes [2]int64) (err error) {
	records := int64(0)
	var in *logs.Input
	take := func(r *logs.Record) error {
		if records++; records%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("importing %s: %w", path, context.Cause(ctx))
			}
			if im.options.Progress != nil && in != nil {
				im.options.Progress(sizes[0]+in.BytesRead(), sizes[1])
			}
		}
		return im.record(path, r)
	}
	if im.options.Format == "parquet" {
		return parquetRecords(path, im.mapping, take)
	}
	if in, err = logs.Open(path, im.options.Stdin); err != nil {
		return err
	}
	defer func() {
		if closing := in.Close(); err == nil { // of a file that breaks off, closing says the same again
			err = closing
		}
	}()
	if im.options.Format == "csv" || im.options.Format == "ipinyou" {
		err = im.mapping.CSV(in, take)
	} else {
		err = logs.JSONLines(in, take)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if im.options.Progress != nil {
		im.options.Progress(sizes[0]+in.BytesRead(), sizes[1])
	}
	return nil
}

// record takes the slots of one record.
func (im *importer) record(path string, r *logs.Record) error {
	if r.Err != nil {
		im.summary.Read++
		return im.reject(path, r, r.Err)
	}
	var failed error
	im.mapping.Slots(r.Value, func(s model.Slot, err error) bool {
		im.summary.Read++
		if err == nil {
			err = im.take(&s)
		}
		if err != nil {
			failed = im.reject(path, r, err)
		}
		return failed == nil
	})
	return failed
}

// take adds a slot, or drops it as a duplicate; an error is the reason to reject it.
func (im *importer) take(s *model.Slot) error {
	b := &im.builder
	if err := b.prepare(s); err != nil {
		return err
	}
	if row, known := b.ids.find([]byte(s.ID)); known {
		if first := b.slot(row); !sameSlot(&first, s) {
			return fmt.Errorf("slot_id %.80q is that of another slot, which differs from this one", s.ID)
		}
		im.summary.Duplicates++
		return nil
	}
	if len(b.times) >= maxSlots {
		return fmt.Errorf("more than the %d slots a snapshot can hold", maxSlots)
	}
	if err := b.add(s); err != nil {
		return err
	}
	im.summary.Kept++
	return nil
}

// reject notes a row that is not kept.
func (im *importer) reject(path string, r *logs.Record, reason error) error {
	im.summary.Rejected++
	text := reason.Error()
	key := general(text)
	if im.reasons[key] == nil && len(im.reasons) < 1000 {
		im.reasons[key] = &RejectReason{Reason: text, File: path, Line: r.Line}
	}
	if kind := im.reasons[key]; kind != nil {
		kind.Slots++
	}
	if err := im.rejects.write(im.options.Out, rejectedRow{File: path, Line: r.Line, Reason: text, Raw: excerpt(r.Raw)}); err != nil {
		return fmt.Errorf("writing the rejected rows: %w", err)
	}
	return nil
}

// general is a reason without the particulars of the row: quoted texts and numbers are cut out.
func general(reason string) string {
	var out strings.Builder
	quoted, digits := false, false
	for _, c := range reason {
		switch {
		case c == '"':
			if quoted = !quoted; quoted {
				out.WriteString("\u2026")
			}
		case quoted:
		case c >= '0' && c <= '9':
			if !digits {
				out.WriteByte('#')
			}
		default:
			out.WriteRune(c)
		}
		digits = c >= '0' && c <= '9'
	}
	return out.String()
}

// finish decides whether the import succeeds and writes the snapshot.
func (im *importer) finish() (ImportSummary, error) {
	im.summarise()
	s := &im.summary
	if err := im.rejects.commit(im.options.Out); err != nil {
		return *s, fmt.Errorf("writing the rejected rows: %w", err)
	}
	if s.Rejected > 0 {
		s.RejectedFile = rejectedPath(im.options.Out)
	}
	if float64(s.Rejected) > im.options.MaxRejected*float64(s.Read) {
		return *s, fmt.Errorf("%w: %d of %d, where at most %.4g %% may be; most often: %s. See %s, then mend the map, or allow more with --max-rejected",
			ErrTooManyRejected, s.Rejected, s.Read, 100*im.options.MaxRejected, s.Reasons[0], s.RejectedFile)
	}
	if s.Kept == 0 {
		return *s, fmt.Errorf("%s: %w", nameFiles(im.options.Files), ErrEmpty)
	}
	return *s, im.write()
}

// summarise fills in what is known once all has been read.
func (im *importer) summarise() {
	s := &im.summary
	for _, r := range im.reasons {
		s.Reasons = append(s.Reasons, *r)
	}
	slices.SortFunc(s.Reasons, func(a, b RejectReason) int {
		if a.Slots != b.Slots {
			return int(b.Slots - a.Slots)
		}
		return strings.Compare(a.Reason, b.Reason)
	})
	s.Reasons = s.Reasons[:min(10, len(s.Reasons))]
	for name, d := range im.builder.dims {
		s.Dimensions = append(s.Dimensions, Column{Name: name, Multi: d.multi})
	}
	slices.SortFunc(s.Dimensions, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	if times := im.builder.times; len(times) > 0 {
		s.Start, s.End = slices.Min(times), slices.Max(times)+1
	}
}

// write writes the snapshot in the order of (time, slot_id).
func (im *importer) write() error {
	w, err := NewWriter(im.options.Out, im.summary.Dimensions)
	if err != nil {
		return err
	}
	order := im.builder.order()
	for i := range uint32(len(im.builder.times)) {
		row := i
		if order != nil {
			row = order[i]
		}
		if err := w.Write(im.builder.slot(row)); err != nil {
			return errors.Join(err, w.Abort())
		}
	}
	return w.Close()
}

// rejectedPath is where the rejected rows of a snapshot are.
func rejectedPath(out string) string { return filepath.Clean(out) + RejectedSuffix }
