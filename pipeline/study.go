package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/engine"
	"github.com/whatif-machine/whatif/transforms/results"
)

// Study is a configuration that has been checked whole and can be submitted.
type Study struct {
	Config   *model.Config
	Variants []model.Variant     // the baseline first
	Warnings model.Problems      // what is worth a look; the study runs all the same
	Pinned   []model.PinnedInput // the snapshot's files as they are now, by name
	Catalog  model.Catalog       // what the snapshot holds
	Estimate Estimate

	configuration model.Document
	campaigns     *model.Document // nil: inline
	snapshot      string          // sha256
}

// Prepare reads and checks the configuration at a path and all it refers to, and pins its inputs.
// Paths in it are relative to its folder. If anything is wrong the error is model.Problems, with
// every mistake that can be found in one go.
//
// The snapshot is loaded for checking and let go of again.
func Prepare(ctx context.Context, configPath string, with ...Option) (*Study, error) {
	p := &preparation{folder: filepath.Dir(configPath), study: &Study{}, measure: slices.Contains(with, Measure)}
	err := p.prepare(ctx, configPath)
	if _, ok := errors.AsType[model.Problems](err); ok {
		err = p.inOrder().Err()
	}
	// The job's process will need the memory. The engine's pool outlives one collection and holds on to
	// the engine and its snapshot; FreeOSMemory makes the second.
	runtime.GC()
	debug.FreeOSMemory()
	if err != nil {
		return nil, err
	}
	p.study.Warnings = p.problems.Warnings()
	return p.study, nil
}

// Option asks Prepare for more than checking.
type Option string

// Measure has Prepare estimate what running takes, for which it simulates the baseline for a moment.
const Measure Option = "measure"

// preparation collects the mistakes of a configuration on the way through its parts.
type preparation struct {
	folder   string
	study    *Study
	problems model.Problems
	measure  bool
}

func (p *preparation) prepare(ctx context.Context, path string) error {
	text, err := readDocument(path)
	if err != nil {
		p.complain(model.Position{File: path}, err.Error())
		return p.problems.Err()
	}
	p.study.configuration = document(path, text)
	config, problems := model.ParseConfig(path, text)
	p.problems = problems
	if config == nil {
		return p.problems.Err()
	}
	p.study.Config = config
	p.readCampaigns()
	files := p.findInventory()
	if p.problems.Err() == nil {
		variants, problems := config.Expand()
		p.study.Variants = variants
		p.problems = append(p.problems, problems...)
	}
	// A configuration with mistakes is held against the snapshot too: its mistyped dimensions are told with the rest.
	return p.checkInventory(ctx, files)
}

// readCampaigns reads the campaigns a configuration names by path.
func (p *preparation) readCampaigns() {
	config := p.study.Config
	if config.CampaignsURI == "" {
		return
	}
	path, err := p.local(config.CampaignsURI)
	var text []byte
	if err == nil {
		text, err = readDocument(path)
	}
	if err != nil {
		p.complain(p.study.Config.CampaignsPos, err.Error())
		return
	}
	d := document(path, text)
	p.study.campaigns = &d
	campaigns, problems := model.ParseCampaigns(path, text, config.Location)
	p.problems = append(p.problems, problems...)
	if problems.Err() != nil {
		config.Campaigns = campaigns // what could be read, for the snapshot's checks
		return
	}
	p.problems = append(p.problems, config.WithCampaigns(campaigns)...)
}

// maxInventoryFiles bounds what a glob may find.
const maxInventoryFiles = 10_000

// findInventory resolves the inventory's path or glob to files, by name.
func (p *preparation) findInventory() []string {
	if p.study.Config.Inventory == "" {
		return nil // that it is missing has been said
	}
	pattern, err := p.local(p.study.Config.Inventory)
	if err != nil {
		p.complain(p.study.Config.InventoryPos, err.Error())
		return nil
	}
	var files []string
	if _, err = os.Stat(pattern); err == nil {
		files = []string{pattern} // there is a file of that very name
	} else {
		files, err = filepath.Glob(p.glob(pattern))
	}
	// What an import rejected lies beside the snapshot that it made, where `*.parquet` finds it too.
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, inventory.RejectedSuffix) && f != pattern })
	switch {
	case err != nil:
		p.complain(p.study.Config.InventoryPos, fmt.Sprintf("%s is not a pattern: %v", pattern, err))
	case len(files) == 0:
		p.complain(p.study.Config.InventoryPos, fmt.Sprintf("there is no file %s; `whatif import` makes snapshots from logs, `whatif generate` synthetic ones", pattern))
	case len(files) > maxInventoryFiles:
		p.complain(p.study.Config.InventoryPos, fmt.Sprintf("%s are %d files, more than %d", pattern, len(files), maxInventoryFiles))
	}
	slices.Sort(files)
	return files
}

// glob is a pattern in which the configuration's own folder means itself, whatever it is called.
func (p *preparation) glob(pattern string) string {
	folder, err := filepath.Abs(p.folder)
	rest, within := strings.CutPrefix(pattern, folder)
	if err != nil || !within {
		return pattern
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder) + rest
}

// local is the absolute path of a path or URI of the configuration.
func (p *preparation) local(uri string) (string, error) {
	scheme, rest, found := strings.Cut(uri, ":")
	if found && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\`) {
		if scheme != "file" {
			return "", fmt.Errorf("%s: this version reads local files only, not %s: addresses", uri, scheme)
		}
		uri = strings.TrimPrefix(rest, "//")
	}
	if !filepath.IsAbs(uri) {
		uri = filepath.Join(p.folder, uri)
	}
	return filepath.Abs(uri)
}

// checkInventory pins the files, then checks the study against what they hold.
func (p *preparation) checkInventory(ctx context.Context, files []string) error {
	s := p.study
	var digests []string
	for _, file := range files {
		pin, err := pinned(file)
		if err != nil {
			p.complain(p.study.Config.InventoryPos, err.Error())
			continue
		}
		s.Pinned, digests = append(s.Pinned, pin), append(digests, pin.SHA256)
	}
	if len(digests) == 0 || len(digests) < len(files) {
		return p.problems.Err()
	}
	s.snapshot = inventory.SnapshotSHA256(digests)
	snap, err := inventory.Load(ctx, files, inventory.Options{Location: s.Config.Location, ShiftDays: s.Config.ShiftDays})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		p.complain(p.study.Config.InventoryPos, err.Error())
		return p.problems.Err()
	}
	s.Catalog = snap.Catalog()
	p.problems = append(p.problems, s.Config.CheckAgainst(s.Catalog, s.Variants)...)
	if err := p.problems.Err(); err != nil {
		return err
	}
	s.Estimate = sizeOf(s.Config, s.Variants, snap)
	if !p.measure {
		return nil
	}
	return s.Estimate.foretell(ctx, s.Config, s.Variants, engine.New(snap), snap.Bytes(), freeMemory())
}

// pinned is a file as it is now. One that changes while it is read is refused.
func pinned(file string) (model.PinnedInput, error) {
	before, err := os.Stat(file)
	if err != nil {
		return model.PinnedInput{}, err
	}
	digest, err := inventory.FileSHA256(file)
	if err != nil {
		return model.PinnedInput{}, err
	}
	after, err := os.Stat(file)
	if err != nil {
		return model.PinnedInput{}, err
	}
	if before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		return model.PinnedInput{}, fmt.Errorf("%s is being written; wait until it is finished", file)
	}
	return model.PinnedInput{URI: file, Size: after.Size(), Modified: model.Instant(after.ModTime().UnixMicro()), SHA256: digest}, nil
}

// inOrder is what is wrong in the order of the documents, the configuration first, whatever found it.
func (p *preparation) inOrder() model.Problems {
	first := p.study.configuration.Name
	slices.SortStableFunc(p.problems, func(a, b model.Problem) int {
		if a.File != b.File && (a.File == first || b.File == first) {
			if a.File == first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p.problems
}

// complain adds a mistake that only what the configuration refers to can show.
func (p *preparation) complain(at model.Position, message string) {
	p.problems = append(p.problems, model.Problem{Position: at, Message: message})
}

// readDocument reads a text of bounded size.
func readDocument(path string) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.LimitReader(f, model.MaxDocumentBytes+1))
	if err == nil && len(text) > model.MaxDocumentBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, model.MaxDocumentBytes)
	}
	return text, err
}

// Submit makes a study a simulation: its plan is durable in the store, under the id, when it returns.
// The study's inputs are those that Prepare pinned.
func Submit(ctx context.Context, store *results.Store, s *Study, submittedAt time.Time, id string) (*model.Plan, error) {
	plan := &model.Plan{
		SimulationID:  id,
		SubmittedAt:   model.Instant(submittedAt.UnixMicro()),
		EngineVersion: model.EngineVersion,
		Config:        s.configuration,
		Campaigns:     s.campaigns,
		Inventory:     s.Pinned,

		ConfigSHA256:    s.configuration.SHA256,
		CampaignsSHA256: s.configuration.SHA256, // inline: a part of the configuration
		SnapshotSHA256:  s.snapshot,
		Variants:        s.Variants,
	}
	if s.campaigns != nil {
		plan.CampaignsSHA256 = s.campaigns.SHA256
	}
	if err := store.WritePlan(ctx, plan); err != nil {
		return nil, err
	}
	return plan, nil
}
