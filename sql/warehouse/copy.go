package warehouse

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A simulation's compacted copy is one file that has the rows of all its result files:
//
//	<results>/simulation_id=<id>/_compacted/<files>-<content>.parquet
//
// Both parts of the name are digests: of the simulation and the names and sizes of its result files,
// so that a copy is not used any more once a row has been added; and of the copy's own bytes, so that
// one that was damaged is not used either. It can be removed at any time.
const copiesFolder = "_compacted"

// digestBytes of SHA-256 stand in a copy's name for each digest.
const digestBytes = 16

// resultFile is one result file of a simulation.
type resultFile struct {
	path string // under the simulation's folder
	size int64
}

// resultFiles lists what a simulation's rows are in, by path.
func resultFiles(root string) (files []resultFile, err error) {
	variants, err := os.ReadDir(root)
	if err != nil {
		return nil, notFound(fmt.Sprintf("list the results in %s: %v", root, err), err)
	}
	for _, variant := range variants {
		if !strings.HasPrefix(variant.Name(), "variant_id=") {
			continue
		}
		attempts, err := os.ReadDir(filepath.Join(root, variant.Name()))
		if err != nil {
			return nil, notFound(fmt.Sprintf("list the results in %s: %v", root, err), err)
		}
		for _, attempt := range attempts {
			if name := attempt.Name(); !strings.HasPrefix(name, "attempt=") || !strings.HasSuffix(name, ".parquet") {
				continue
			}
			info, err := attempt.Info()
			if err != nil {
				return nil, notFound(fmt.Sprintf("list the results in %s: %v", root, err), err)
			}
			files = append(files, resultFile{filepath.Join(variant.Name(), attempt.Name()), info.Size()})
		}
	}
	slices.SortFunc(files, func(a, b resultFile) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

// digestOf is the first part of the name of a copy of these files.
func digestOf(simulation string, files []resultFile) string {
	digest := sha256.New()
	fmt.Fprintf(digest, "%s\n", simulation)
	for _, f := range files {
		fmt.Fprintf(digest, "%s %d\n", filepath.ToSlash(f.path), f.size)
	}
	return hex.EncodeToString(digest.Sum(nil)[:digestBytes])
}

// Revision tells the rows of a simulation apart from those it had before: it changes when one has been
// added. Results that are not there are ErrNotFound.
func Revision(results, simulation string) (string, error) {
	root, err := locate(results, simulation)
	if err != nil {
		return "", err
	}
	files, err := resultFiles(root)
	return digestOf(simulation, files), err
}

// findCopy is the path of the copy of these files that is as it was written; empty: there is none. What
// else lies in the folder, torn, damaged or of other files, is passed over: the result files are the truth.
func findCopy(root, ofFiles string) string {
	entries, err := os.ReadDir(filepath.Join(root, copiesFolder))
	if err != nil {
		return ""
	}
	for _, e := range entries {
		content, ok := strings.CutPrefix(e.Name(), ofFiles+"-")
		if !ok || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(root, copiesFolder, e.Name())
		if found, err := contentDigest(path); err == nil && found+".parquet" == content {
			return path
		}
	}
	return ""
}

func contentDigest(path string) (digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)[:digestBytes]), nil
}

// removeOtherCopies leaves one copy, and what another process may be writing right now.
func removeOtherCopies(folder, keep string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("list the compacted copies in %s: %w", folder, err)
	}
	var faults []error
	for _, e := range entries {
		if e.Name() == keep || !strings.HasSuffix(e.Name(), ".parquet") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, fmt.Errorf("remove an older compacted copy: %w", err))
		}
	}
	return errors.Join(faults...)
}
