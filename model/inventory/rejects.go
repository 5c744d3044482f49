package inventory

import (
	"errors"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/whatif-machine/whatif/model"
)

// maxRaw is how much of a rejected row's text is kept.
const maxRaw = 4096

// rejectedRow is a row of SNAPSHOT.rejected.parquet.
type rejectedRow struct {
	File   string `parquet:"file,dict"`
	Line   int64  `parquet:"line"` // from 1; of Parquet, the row
	Reason string `parquet:"reason,dict"`
	Raw    string `parquet:"raw"` // the record's text, cut; empty for Parquet
}

// excerpt is the beginning of a record's text, as UTF-8.
func excerpt(raw []byte) string {
	return strings.ToValidUTF8(string(raw[:min(len(raw), maxRaw)]), "\ufffd")
}

// rejects writes the rejected rows, once there is one.
type rejects struct {
	out    *atomicFile
	writer *parquet.GenericWriter[rejectedRow]
}

func (r *rejects) write(snapshot string, row rejectedRow) (err error) {
	if r.out == nil {
		if r.out, err = createAtomic(rejectedPath(snapshot)); err != nil {
			return err
		}
		r.writer = parquet.NewGenericWriter[rejectedRow](r.out.file, parquet.Compression(&parquet.Zstd),
			parquet.CreatedBy("whatif", model.EngineVersion, ""), parquet.MaxRowsPerRowGroup(10_000))
	}
	_, err = r.writer.Write([]rejectedRow{row})
	return err
}

// commit makes the file appear; without rejected rows it removes that of an earlier import.
func (r *rejects) commit(snapshot string) error {
	if r.out == nil {
		if err := os.Remove(rejectedPath(snapshot)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := r.writer.Close(); err != nil {
		return err
	}
	return r.out.commit()
}

// abort drops what has not been committed.
func (r *rejects) abort() error {
	if r.out == nil {
		return nil
	}
	return r.out.abort()
}
