package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// What is made for gs:// is made in a folder of this machine first and then sent, in an order in which the last
// name is there only when all are: studyFiles.
var studyFiles = []string{synthetic.SnapshotName, synthetic.CampaignsName, synthetic.BigGridName, synthetic.ConfigName}

// takeBackWithin bounds the removal of what was sent of a set that did not come whole.
const takeBackWithin = time.Minute

// generateAt makes the study and sends it to a prefix of a bucket.
func (c *console) generateAt(cmd *cobra.Command, o synthetic.Options) (files synthetic.Files, err error) {
	ctx := cmd.Context()
	bucket, err := objects.Open(ctx, o.Dir)
	if err != nil {
		return files, usage("%w", err)
	}
	taken, err := takenNames(ctx, bucket, studyFiles)
	if err != nil {
		return files, err
	}
	if len(taken) > 0 && !o.Overwrite {
		return files, usage("generate: %s: already in %s; name another place, or replace them with --force", strings.Join(names(taken), ", "), bucket.URI(""))
	}
	folder, err := os.MkdirTemp("", "whatif-generate-")
	if err != nil {
		return files, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	o.Dir = filepath.Join(folder, "study")
	if _, err = c.generate(cmd, o); err != nil {
		return files, err
	}
	slices.Reverse(taken) // the study first, so that none stands without its files
	for _, old := range taken {
		if err := bucket.Delete(ctx, old.Name, old.Generation); err != nil {
			return files, err
		}
	}
	if err := c.send(ctx, bucket, o.Dir, studyFiles); err != nil {
		return files, err
	}
	return synthetic.Files{Snapshot: bucket.URI(synthetic.SnapshotName), Campaigns: bucket.URI(synthetic.CampaignsName), Config: bucket.URI(synthetic.ConfigName)}, nil
}

// importAt makes a snapshot and sends it to a name in a bucket, which must be free, after the rejected rows.
func (c *console) importAt(cmd *cobra.Command, o inventory.ImportOptions) (err error) {
	ctx, at := cmd.Context(), o.Out
	prefix, base := path.Split(strings.TrimPrefix(at, "gs://"))
	if base == "" || prefix == "" {
		return usage("-o %s names no object; write gs://bucket/slots.parquet", at)
	}
	bucket, err := objects.Open(ctx, "gs://"+strings.TrimSuffix(prefix, "/"))
	if err != nil {
		return usage("%w", err)
	}
	if taken, err := takenNames(ctx, bucket, []string{base}); err != nil || len(taken) > 0 {
		if err == nil {
			err = usage("import: %s is there already; name another object, or remove that one", at)
		}
		return err
	}
	folder, err := os.MkdirTemp("", "whatif-import-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	o.Out = filepath.Join(folder, base)
	summary, failed := c.importWith(ctx, o)
	if summary.RejectedFile != "" {
		rejected := filepath.Base(summary.RejectedFile)
		if err := bucket.Delete(ctx, rejected, 0); err != nil { // of an import that failed
			return errors.Join(failed, err)
		}
		if err := c.send(ctx, bucket, folder, []string{rejected}); err != nil {
			return errors.Join(failed, err)
		}
		summary.RejectedFile = bucket.URI(rejected)
	}
	if failed == nil {
		failed = c.send(ctx, bucket, folder, []string{base})
	}
	o.Out = at
	return c.sayImport(o, summary, failed)
}

// takenNames are the objects that are there under names.
func takenNames(ctx context.Context, bucket *objects.Bucket, names []string) (taken []objects.Object, err error) {
	for _, name := range names {
		o, err := bucket.Stat(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		taken = append(taken, o)
	}
	return taken, nil
}

func names(list []objects.Object) (out []string) {
	for _, o := range list {
		out = append(out, o.Name)
	}
	return out
}

// send makes files of a folder objects under names that must be free, all or none: what was sent before one
// failed is taken back. Only a kill in between leaves some, without the last; and a file whose answer was cut off by
// an interruption may be there after all.
func (c *console) send(ctx context.Context, bucket *objects.Bucket, folder string, names []string) error {
	var sent []objects.Object
	for _, name := range names {
		o, err := sendFile(ctx, bucket, name, filepath.Join(folder, name))
		if err != nil {
			return errors.Join(err, takeBack(ctx, bucket, sent))
		}
		sent = append(sent, o)
		c.say("sent %s (%s)", bucket.URI(name), bytes(o.Size))
	}
	return nil
}

func sendFile(ctx context.Context, bucket *objects.Bucket, name, file string) (o objects.Object, err error) {
	f, err := os.Open(file)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return o, err
	}
	return bucket.Upload(ctx, name, f, info.Size())
}

// takeBack removes what was sent, also when the command is being interrupted.
func takeBack(ctx context.Context, bucket *objects.Bucket, sent []objects.Object) error {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), takeBackWithin)
	defer end()
	var errs []error
	for _, o := range slices.Backward(sent) {
		if err := bucket.Delete(ctx, o.Name, o.Generation); err != nil {
			errs = append(errs, fmt.Errorf("%s stays there: %w", bucket.URI(o.Name), err))
		}
	}
	return errors.Join(errs...)
}
