package logs

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// zeros is an endless stream, as a bomb unpacks to.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestBombIsNotUnpacked: a megabyte of input that goes on for ever is left after 1 GiB, a tenth of that is not.
func TestBombIsNotUnpacked(t *testing.T) {
	b := &bounded{r: zeros{}, packed: &counter{n: 1 << 20}}
	n, err := io.Copy(io.Discard, io.LimitReader(b, 2<<30))
	if err == nil || !strings.Contains(err.Error(), "bomb") || n < freeBytes-(1<<20) || n > freeBytes+(1<<20) {
		t.Errorf("%d bytes, %v", n, err)
	}
	b = &bounded{r: zeros{}, packed: &counter{n: 1 << 21}}
	if n, err := io.Copy(io.Discard, io.LimitReader(b, freeBytes+(100<<20))); err != nil || n != freeBytes+(100<<20) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestBoundedRecovers: a panic of a decompressor is an error of the file.
func TestBoundedRecovers(t *testing.T) {
	b := &bounded{r: panics{}, packed: &counter{}}
	if _, err := b.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("index out of range") }

func TestOpenAbsent(t *testing.T) {
	if _, err := Open(t.TempDir()+"/absent", nil); err == nil {
		t.Error("an absent file opens")
	}
	in, err := Open("-", strings.NewReader("ab"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err = errors.Join(err, in.Close()); err != nil || string(text) != "ab" || in.BytesRead() != 2 {
		t.Errorf("%q, %d read, %v", text, in.BytesRead(), err)
	}
}
