package results

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/whatif-machine/whatif/model"
)

// writers are reused: making one costs more than writing a row with it.
var writers = sync.Pool{New: func() any { return newWriter() }}

// newWriter states every parameter that decides the bytes, so that one row always gives the same
// ones. One row needs neither page indexes nor dictionaries.
func newWriter() *parquet.GenericWriter[model.VariantResult] {
	return parquet.NewGenericWriter[model.VariantResult](nil,
		parquet.CreatedBy("whatif", "1", "results"),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault, Concurrency: 1}),
		parquet.DataPageVersion(2),
		parquet.DataPageStatistics(false),
		parquet.PageBufferSize(1<<20),
		parquet.WriteBufferSize(0),
		parquet.ColumnIndexSizeLimit(func([]string) int { return 16 }),
	)
}

// Encode is the Parquet file of one row. Equal rows give equal bytes.
func Encode(row *model.VariantResult) ([]byte, error) {
	w := writers.Get().(*parquet.GenericWriter[model.VariantResult])
	var out bytes.Buffer
	w.Reset(&out)
	if err := write(w, row); err != nil {
		// The writer may hold a part of the row: it is not put back.
		return nil, fmt.Errorf("results: encode the row of variant %s, attempt %d: %w", row.VariantID, row.Attempt, err)
	}
	writers.Put(w)
	return out.Bytes(), nil
}

func write(w *parquet.GenericWriter[model.VariantResult], row *model.VariantResult) error {
	if _, err := w.Write([]model.VariantResult{*row}); err != nil {
		return err
	}
	return w.Close()
}
