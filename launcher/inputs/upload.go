package inputs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

const (
	defaultUploadBytes = 64 << 20
	defaultTenantBytes = 2 << 30
	maxUploadsAtOnce   = 16 // bounds what temporary files take beside the tenants' bounds
)

// Errors of Upload, to be asked for with errors.Is. model.Problems are those of campaigns that are wrong.
var (
	ErrTooLarge   = errors.New("the upload is too large")
	ErrTenantFull = errors.New("the tenant's uploads take all the space they may")
	ErrNotAnInput = errors.New("the upload is neither a snapshot nor campaigns")
)

// The kinds of upload.
const (
	KindSnapshot  = "snapshot"  // one Parquet file
	KindCampaigns = "campaigns" // YAML or JSON
)

// Upload is a stored file that `upload:<SHA256>` refers to.
type Upload struct {
	SHA256 string
	Size   int64
	Kind   string // KindSnapshot or KindCampaigns
}

// Upload stores a campaigns file or small snapshot of a tenant, durably, once it has been found to be one. The
// same bytes again are no second file. Whatever goes wrong leaves nothing behind.
func (in *Inputs) Upload(ctx context.Context, tenant string, body io.Reader) (up Upload, err error) {
	if !isTenant(tenant) {
		return up, fmt.Errorf("tenant %s can have no uploads: its name is not one of a folder", shown(tenant))
	}
	select {
	case in.uploads.places <- struct{}{}:
		defer func() { <-in.uploads.places }()
	case <-ctx.Done():
		return up, ctx.Err()
	}
	folder := in.uploads.receiving(tenant)
	if err := makeFolder(folder); err != nil {
		return up, fmt.Errorf("storing an upload: %w", err)
	}
	if err := in.uploads.room(ctx, tenant, nil); err != nil {
		return up, err // before anything is sent
	}
	temp, err := os.CreateTemp(folder, temporary+"*")
	if err != nil {
		return up, fmt.Errorf("storing an upload: %w", err)
	}
	defer func() { err = errors.Join(err, reason(temp.Close()), reason(removeFile(temp.Name()))) }()
	if _, err := tryLock(temp); err != nil {
		return up, fmt.Errorf("storing an upload: %w", err)
	}
	if up, err = in.receive(ctx, temp, body); err != nil {
		return up, err
	}
	if up.Kind, err = in.kindOf(ctx, tenant, temp, up); err != nil {
		return up, err
	}
	if err := temp.Sync(); err != nil {
		return up, fmt.Errorf("storing an upload: %w", err)
	}
	return up, in.uploads.keep(ctx, tenant, temp.Name(), up)
}

// receive writes the body to the file, no more than an upload may have, and takes its digest.
func (in *Inputs) receive(ctx context.Context, temp *os.File, body io.Reader) (Upload, error) {
	digest := sha256.New()
	n, err := io.Copy(io.MultiWriter(temp, digest), io.LimitReader(stoppable{ctx, body}, in.uploads.maxUpload+1))
	switch {
	case err != nil:
		return Upload{}, fmt.Errorf("receiving an upload: %w", err)
	case n > in.uploads.maxUpload:
		return Upload{}, fmt.Errorf("%w: it has more than %d bytes; put larger files below an input root of the launcher", ErrTooLarge, in.uploads.maxUpload)
	case n == 0:
		return Upload{}, fmt.Errorf("%w: it is empty", ErrNotAnInput)
	}
	return Upload{SHA256: hex.EncodeToString(digest.Sum(nil)), Size: n}, nil
}

// kindOf tells what a file is, and that it can be read as that.
func (in *Inputs) kindOf(ctx context.Context, tenant string, file *os.File, up Upload) (string, error) {
	magic := make([]byte, 4)
	if _, err := file.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if bytes.Equal(magic, []byte("PAR1")) {
		return KindSnapshot, in.checkSnapshot(ctx, tenant, file, up)
	}
	if up.Size > model.MaxDocumentBytes {
		return "", fmt.Errorf("%w: it is no Parquet file, and with %d bytes too large for campaigns (%d)", ErrNotAnInput, up.Size, model.MaxDocumentBytes)
	}
	return KindCampaigns, in.checkCampaigns(ctx, file, up)
}

// checkCampaigns reads one document at a time: while it is read it takes many times its size.
func (in *Inputs) checkCampaigns(ctx context.Context, file *os.File, up Upload) error {
	select {
	case in.parsing <- struct{}{}:
		defer func() { <-in.parsing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	text := make([]byte, up.Size)
	if _, err := file.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, problems := model.ParseCampaigns("upload", text, nil)
	return problems.Err()
}

func (in *Inputs) checkSnapshot(ctx context.Context, tenant string, file *os.File, up Upload) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	pin := model.PinnedInput{URI: file.Name(), Size: up.Size, Modified: model.Instant(info.ModTime().UnixMicro()), SHA256: up.SHA256}
	pins := []model.PinnedInput{pin}
	_, err = in.catalogOf(ctx, tenant, pins, inventory.Options{})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errBusy):
		return err
	case err != nil:
		// The file had a name of its own for the moment, which says nothing to who sent it.
		return fmt.Errorf("%w: as a snapshot, %s", ErrNotAnInput, in.withoutPaths(err.Error(), pins))
	}
	return nil
}

// temporary begins the names of files that are being received. Nothing refers to one.
const temporary = ".receiving-"

// sweep removes what uploads left whose process is gone. One under way, of another launcher on the same folder,
// is locked by it.
func (u uploads) sweep() error {
	pattern := filepath.Join(escapeGlob(u.path), "*", temporary+"*")
	if u.bucket != nil {
		pattern = filepath.Join(escapeGlob(u.temps), temporary+"*")
	}
	left, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	var failures error
	for _, path := range left {
		failures = errors.Join(failures, removeAbandoned(path))
	}
	return failures
}

func removeAbandoned(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	abandoned, err := tryLock(f)
	if abandoned {
		err = removeFile(path)
	}
	return errors.Join(err, f.Close())
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// makeFolder makes a folder and those above it durable.
func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}
