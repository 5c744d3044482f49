package pipeline

import (
	"container/list"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// What this process has read lately. Many studies ask about the same book of campaigns, and reading a
// thousand of them takes longer than all the rest of a check; a configuration that was submitted is read
// again when it is planned. All of it is shared and must not be changed.
var (
	parsedCampaigns = &cache[campaignsKey, *book]{bound: 2 * model.MaxDocumentBytes}
	parsedConfigs   = &cache[configKey, *config]{bound: model.MaxDocumentBytes}
)

// campaignsKey is all that reading campaigns depends on: the name is in their positions.
type campaignsKey struct{ sha256, name, location string }

// book is a campaigns file that was read.
type book struct {
	*model.Book
	campaigns []model.Campaign
	problems  model.Problems
}

// readBook reads a campaigns file, or remembers it. Its Book is nil if there are mistakes.
func readBook(d model.Document, loc *time.Location) *book {
	key := campaignsKey{d.SHA256, d.Name, loc.String()}
	if b, ok := parsedCampaigns.find(key); ok {
		return b
	}
	// Several may read the same text at once, which wastes some work and no more.
	b := &book{}
	if b.campaigns, b.problems = model.ParseCampaigns(d.Name, []byte(d.Text), loc); b.problems.Err() != nil {
		return b
	}
	b.Book = model.NewBook(b.campaigns)
	if d.SHA256 != "" {
		parsedCampaigns.keep(key, b, len(d.Text))
	}
	return b
}

// configKey is all that reading a configuration depends on.
type configKey struct{ sha256, name string }

// config is a configuration that was read, as it was before it got the campaigns of a file.
type config struct {
	model.Config
	problems model.Problems
}

// readConfig reads a configuration, or remembers it. It is nil if the text is no document.
func readConfig(d model.Document) (*model.Config, model.Problems) {
	key := configKey{d.SHA256, d.Name}
	if c, ok := parsedConfigs.find(key); ok {
		own := c.Config
		return &own, c.problems
	}
	parsed, problems := model.ParseConfig(d.Name, []byte(d.Text))
	if parsed != nil && problems.Err() == nil && d.SHA256 != "" {
		parsedConfigs.keep(key, &config{*parsed, problems}, len(d.Text))
	}
	return parsed, problems
}

// cache keeps what was read from texts, of so many bytes together; those asked for last stay. What is read
// takes some ten times the memory of its text.
type cache[K comparable, V any] struct {
	bound int

	mu     sync.Mutex
	bytes  int
	recent list.List // of *entry
	byKey  map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
	bytes int
}

func (c *cache[K, V]) find(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.byKey[key]
	if !ok {
		return value, false
	}
	c.recent.MoveToFront(at)
	return at.Value.(*entry[K, V]).value, true
}

// keep adds an entry and lets go of the oldest ones beyond the bound.
func (c *cache[K, V]) keep(key K, value V, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[K]*list.Element{}
	}
	if _, known := c.byKey[key]; known {
		return
	}
	c.byKey[key] = c.recent.PushFront(&entry[K, V]{key, value, bytes})
	for c.bytes += bytes; c.bytes > c.bound; {
		old := c.recent.Remove(c.recent.Back()).(*entry[K, V])
		delete(c.byKey, old.key)
		c.bytes -= old.bytes
	}
}
