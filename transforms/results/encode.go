package results

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/whatif-machine/whatif/model"
)

// newWriter states every parameter that decides the bytes, so that one row always gives the same ones.
//
// Writers are not reused: in parquet-go v0.32.0 Reset empties the columns' paths in the metadata, so
// the second file of a writer differs from the first and breaks the format.
func newWriter(out *bytes.Buffer) *parquet.GenericWriter[model.VariantResult] {
	return parquet.NewGenericWriter[model.VariantResult](out,
		parquet.CreatedBy("whatif", "1", "results"),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault, Concurrency: 1}),
		parquet.DataPageVersion(2),
		parquet.DataPageStatistics(false),
		parquet.PageBufferSize(64<<10),
		parquet.WriteBufferSize(0), // it writes to memory already
		parquet.ColumnIndexSizeLimit(func([]string) int { return 16 }),
	)
}

// Encode is the Parquet file of one row. Equal rows give equal bytes.
func Encode(row *model.VariantResult) ([]byte, error) {
	var out bytes.Buffer
	w := newWriter(&out)
	_, err := w.Write([]model.VariantResult{*row})
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("results: encode the row of variant %s, attempt %d: %w", row.VariantID, row.Attempt, err)
	}
	return out.Bytes(), nil
}
