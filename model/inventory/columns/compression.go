package columns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// zstdDecoders are costly to make and cheap to reuse. One thread each: columns are read in parallel by
// those who want that.
var zstdDecoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPageBytes), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return err
	}
	return d
}}

// decompress fills dst, whose length is what the page header promised, from src. Output of any
// other length is an error, found without going beyond that length.
func decompress(codec format.CompressionCodec, dst, src []byte) error {
	switch codec {
	case format.Snappy:
		n, err := snappy.DecodedLen(src)
		if err != nil || n != len(dst) {
			return fmt.Errorf("snappy data of %d bytes, the page header says %d: %w", n, len(dst), errDamaged)
		}
		_, err = snappy.Decode(dst, src)
		return err
	case format.Zstd:
		return decompressZstd(dst, src)
	case format.Gzip:
		r, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return err
		}
		return errors.Join(fill(dst, r), r.Close())
	case format.Brotli:
		return fill(dst, brotli.NewReader(bytes.NewReader(src)))
	case format.Lz4Raw:
		n, err := lz4.UncompressBlock(src, dst)
		if err == nil && n != len(dst) {
			err = errLength
		}
		return err
	}
	return fmt.Errorf("compression %v is not supported: write the file with snappy, zstd or gzip", codec)
}

func decompressZstd(dst, src []byte) error {
	pooled := zstdDecoders.Get()
	d, ok := pooled.(*zstd.Decoder)
	if !ok {
		return fmt.Errorf("zstd: %v", pooled)
	}
	defer zstdDecoders.Put(d)
	out, err := d.DecodeAll(src, dst[:0:len(dst)])
	if err == nil && len(out) != len(dst) {
		err = errLength
	}
	return err
}

// fill reads exactly len(dst) bytes and then the end.
func fill(dst []byte, r io.Reader) error {
	if _, err := io.ReadFull(r, dst); err != nil {
		return err
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return errLength
	}
	return nil
}
