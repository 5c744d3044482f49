package logs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Bounds of decompression: what a file may ask for in memory, and how much may come out of it.
const (
	maxWindow  = 256 << 20 // of Zstandard and xz
	freeBytes  = 1 << 30   // a file may unpack to this whatever its size
	maxRatio   = 1000      // unpacked to packed beyond that
	peekBytes  = 64
	readBuffer = 256 << 10
)

// Input is an open log: its bytes, unpacked.
type Input struct {
	io.Reader
	packed  *counter
	closers []func() error
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// Open opens a log by path, "-" being standard input, and unpacks what begins like gzip, xz or Zstandard.
func Open(path string, stdin io.Reader) (*Input, error) {
	if path == "-" {
		return unpack(stdin, nil)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in, err := unpack(file, file.Close)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return in, nil
}

// BytesRead is how much of the file, packed as it is, has been read.
func (in *Input) BytesRead() int64 { return in.packed.n }

// Close closes the file.
func (in *Input) Close() error {
	var errs []error
	for i := len(in.closers) - 1; i >= 0; i-- {
		errs = append(errs, in.closers[i]())
	}
	return errors.Join(errs...)
}

func unpack(r io.Reader, closer func() error) (*Input, error) {
	in := &Input{packed: &counter{r: r}}
	if closer != nil {
		in.closers = append(in.closers, closer)
	}
	buffered := bufio.NewReaderSize(in.packed, readBuffer)
	head, err := buffered.Peek(peekBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		in.Reader = z
		in.closers = append(in.closers, z.Close)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		in.Reader = z
		in.closers = append(in.closers, func() error { z.Close(); return nil })
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		if err := checkXZ(head); err != nil {
			return nil, err
		}
		z, err := xz.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("xz: %w", err)
		}
		in.Reader = z
	default:
		in.Reader = buffered
		return in, nil
	}
	in.Reader = &bounded{r: in.Reader, packed: in.packed}
	return in, nil
}

// checkXZ refuses an xz file whose first block asks for a larger dictionary than allowed. The block header
// (https://tukaani.org/xz/xz-file-format.txt, 3.1) lists its filters; the last is LZMA2: id 0x21, one byte of
// properties, the coded dictionary size (5.3.1).
func checkXZ(head []byte) error {
	at := bytes.Index(head[min(12, len(head)):], []byte{0x21, 0x01})
	if at < 0 || 12+at+2 >= len(head) {
		return nil // an empty file, or more filters than fit: the library decides
	}
	bits := head[12+at+2]
	if bits > 40 {
		return errors.New("xz: the file is damaged: its dictionary has no valid size")
	}
	if size := (2 | uint64(bits)&1) << (bits/2 + 11); size > maxWindow {
		return fmt.Errorf("xz: the file asks for a dictionary of %d MB, %d are allowed: pack it anew with `xz -9` or less", size>>20, maxWindow>>20)
	}
	return nil
}

// bounded ends a stream that unpacks to far more than it holds.
type bounded struct {
	r      io.Reader
	packed *counter
	n      int64
}

func (b *bounded) Read(p []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	n, err = b.r.Read(p)
	if b.n += int64(n); b.n > freeBytes && b.n > b.packed.n*maxRatio {
		return 0, fmt.Errorf("%d bytes unpack to more than %d times as much: refused as a bomb", b.packed.n, maxRatio)
	}
	return n, err
}
