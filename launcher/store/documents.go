package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/whatif-machine/whatif/model"
)

// documents remembers which texts the database has, so that a campaigns file submitted again and again
// is neither compressed nor sent again. It may be wrong about one that was removed: the
// database then refuses the reference and the transaction runs again with the texts (see write).
type documents struct {
	mu    sync.Mutex
	known map[string]bool
}

const (
	maxKnown      = 20_000  // documents remembered; about 2 MB
	compressAbove = 2 << 10 // bytes
)

// maxStored bounds what is unpacked: a list of pinned files may be longer than a document may.
const maxStored = 4 * model.MaxDocumentBytes

func (d *documents) has(sha string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[sha]
}

func (d *documents) learn(all texts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) > maxKnown {
		d.known = map[string]bool{}
	}
	for sha := range all {
		d.known[sha] = true
	}
}

func (d *documents) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.known)
}

var (
	packer = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	})
	unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxStored))
	})
)

// digest is the SHA-256 of a text, in hex.
func digest(text string) string {
	h := sha256.New()
	_, _ = io.WriteString(h, text) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil))
}

// text is a document on its way into the database.
type text struct {
	name, text string // the name is for messages
	encoding   string // empty: not packed yet
	body       []byte
}

// pack checks that the text is what its digest says, or it would take the place of another, and compresses it.
func (x *text) pack(sha string) error {
	if x.encoding != "" {
		return nil
	}
	if got := digest(x.text); got != sha {
		return fmt.Errorf("%w: document %s has the digest %s, not %s as it says", ErrInvalid, x.name, got, sha)
	}
	if len(x.text) <= compressAbove {
		x.encoding, x.body = "plain", []byte(x.text)
		return nil
	}
	encoder, err := packer()
	if err != nil {
		return fmt.Errorf("zstd: %w", err)
	}
	x.encoding, x.body = "zstd", encoder.EncodeAll([]byte(x.text), nil)
	return nil
}

// texts are documents by their digests.
type texts map[string]*text

// packNew packs those that the database is not known to have, outside of any transaction.
func (d *documents) packNew(all texts) error {
	for sha, x := range all {
		if d.has(sha) {
			continue
		}
		if err := x.pack(sha); err != nil {
			return err
		}
	}
	return nil
}

// keep writes the texts that the database has not got. All transactions insert in the order of digests, so no two wait
// for each other in a circle.
func (t *tx) keep(ctx context.Context, all texts) error {
	var rows []any
	for _, sha := range slices.Sorted(maps.Keys(all)) {
		if t.store.documents.has(sha) {
			continue
		}
		x := all[sha]
		if err := x.pack(sha); err != nil {
			return err
		}
		rows = append(rows, sha, len(x.text), x.encoding, x.body)
	}
	return t.insert(ctx, "INSERT INTO documents (sha256, size, encoding, body) VALUES ", 4, " ON CONFLICT DO NOTHING", rows)
}

// document reads a text and checks that it is still what its digest says.
func (c session) document(ctx context.Context, sha string) (string, error) {
	var encoding string
	var body []byte
	if err := c.row(ctx, "SELECT encoding, body FROM documents WHERE sha256 = ?", sha).Scan(&encoding, &body); err != nil {
		return "", fmt.Errorf("document %s: %w", sha, err)
	}
	if encoding == "zstd" {
		decoder, err := unpacker()
		if err != nil {
			return "", fmt.Errorf("zstd: %w", err)
		}
		if body, err = decoder.DecodeAll(body, nil); err != nil {
			return "", fmt.Errorf("document %s is damaged in the store: %w", sha, err)
		}
	}
	text := string(body)
	if got := digest(text); got != sha {
		return "", fmt.Errorf("document %s is damaged in the store: its digest is now %s", sha, got)
	}
	return text, nil
}

// inputsRow is how a simulation refers to its inputs.
type inputsRow struct {
	engine, snapshot, configName, config string
	campaignsName, campaigns             any // text, or nil: inline
	inventory                            string
}

// split takes inputs apart into a row and its texts.
func split(in model.Inputs) (row inputsRow, all texts, err error) {
	files := in.Inventory
	if files == nil {
		files = []model.PinnedInput{}
	}
	inventory, err := json.Marshal(files)
	if err != nil {
		return row, nil, fmt.Errorf("pinned files: %w", err)
	}
	row = inputsRow{engine: in.EngineVersion, snapshot: in.SnapshotSHA256, configName: in.Config.Name}
	all = texts{}
	row.inventory = all.add("the list of pinned files", string(inventory), "")
	if len(inventory) > maxStored {
		return row, nil, fmt.Errorf("%w: the list of pinned files has %d bytes, the limit is %d", ErrInvalid, len(inventory), maxStored)
	}
	if row.config, err = all.addDocument(in.Config); err != nil {
		return row, nil, err
	}
	if in.Campaigns != nil {
		row.campaignsName = in.Campaigns.Name
		row.campaigns, err = all.addDocument(*in.Campaigns)
	}
	return row, all, err
}

func (all texts) add(name, content, sha string) string {
	if sha == "" {
		sha = digest(content)
	}
	all[sha] = &text{name: name, text: content}
	return sha
}

func (all texts) addDocument(d model.Document) (string, error) {
	if len(d.Text) > model.MaxDocumentBytes {
		return "", fmt.Errorf("%w: document %s has %d bytes, the limit is %d", ErrInvalid, d.Name, len(d.Text), model.MaxDocumentBytes)
	}
	return all.add(d.Name, d.Text, d.SHA256), nil
}

// inputs puts together what split took apart.
func (c session) inputs(ctx context.Context, id string) (in model.Inputs, err error) {
	var row inputsRow
	var campaignsName, campaigns *string
	err = c.row(ctx, "SELECT engine, snapshot, config_name, config, campaigns_name, campaigns_doc, inventory FROM simulations WHERE id = ?", id).
		Scan(&row.engine, &row.snapshot, &row.configName, &row.config, &campaignsName, &campaigns, &row.inventory)
	if err != nil {
		return in, err
	}
	in = model.Inputs{EngineVersion: row.engine, SnapshotSHA256: row.snapshot}
	if in.Config, err = c.named(ctx, row.configName, row.config); err != nil {
		return in, err
	}
	if campaigns != nil && campaignsName != nil {
		doc, err := c.named(ctx, *campaignsName, *campaigns)
		if err != nil {
			return in, err
		}
		in.Campaigns = &doc
	}
	files, err := c.document(ctx, row.inventory)
	if err != nil {
		return in, err
	}
	if err := json.Unmarshal([]byte(files), &in.Inventory); err != nil {
		return in, fmt.Errorf("pinned files of simulation %s: %w", id, err)
	}
	return in, nil
}

func (c session) named(ctx context.Context, name, sha string) (model.Document, error) {
	text, err := c.document(ctx, sha)
	return model.Document{Name: name, Text: text, SHA256: sha}, err
}

// dropDocuments removes those of the texts that nothing refers to any more.
func (t *tx) dropDocuments(ctx context.Context, shas ...any) error {
	_, err := t.exec(ctx, "DELETE FROM documents WHERE sha256 IN "+placeholders(1, len(shas))+`
 AND NOT EXISTS (SELECT 1 FROM simulations s WHERE s.config = documents.sha256)
 AND NOT EXISTS (SELECT 1 FROM simulations s WHERE s.campaigns_doc = documents.sha256)
 AND NOT EXISTS (SELECT 1 FROM simulations s WHERE s.inventory = documents.sha256)
 AND NOT EXISTS (SELECT 1 FROM schedules s WHERE s.config = documents.sha256)`, shas...)
	if err == nil {
		t.store.documents.forget()
	}
	return err
}
