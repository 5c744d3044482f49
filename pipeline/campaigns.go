package pipeline

import (
	"container/list"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// parsedCampaigns are the campaigns files read lately by this process: many studies ask about the same
// book of campaigns, and reading a thousand of them takes longer than all the rest of a check.
var parsedCampaigns = &campaignsCache{bound: 2 * model.MaxDocumentBytes}

// campaignsCache keeps parsed campaigns by the digest of their text, those asked for last first. What it
// hands out is shared and never changed. Its bound is on the texts; what is parsed is some times as large.
type campaignsCache struct {
	bound int

	mu     sync.Mutex
	bytes  int
	recent list.List // of *campaignsEntry
	byKey  map[campaignsKey]*list.Element
}

// campaignsKey is all that reading campaigns depends on: the name is in their positions.
type campaignsKey struct{ sha256, name, location string }

type campaignsEntry struct {
	key       campaignsKey
	bytes     int
	campaigns []model.Campaign
	problems  model.Problems
}

// of reads campaigns, or remembers them.
func (c *campaignsCache) of(d model.Document, loc *time.Location) ([]model.Campaign, model.Problems) {
	key := campaignsKey{d.SHA256, d.Name, loc.String()}
	if e := c.find(key); e != nil {
		return e.campaigns, e.problems
	}
	// Several may read the same text at once, which wastes some work and no more.
	campaigns, problems := model.ParseCampaigns(d.Name, []byte(d.Text), loc)
	if d.SHA256 != "" && problems.Err() == nil {
		c.keep(&campaignsEntry{key, len(d.Text), campaigns, problems})
	}
	return campaigns, problems
}

func (c *campaignsCache) find(key campaignsKey) *campaignsEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(at)
	return at.Value.(*campaignsEntry)
}

// keep adds an entry and lets go of the oldest ones beyond the bound.
func (c *campaignsCache) keep(e *campaignsEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[campaignsKey]*list.Element{}
	}
	if _, known := c.byKey[e.key]; known {
		return
	}
	c.byKey[e.key] = c.recent.PushFront(e)
	for c.bytes += e.bytes; c.bytes > c.bound; {
		last := c.recent.Back()
		old := c.recent.Remove(last).(*campaignsEntry)
		delete(c.byKey, old.key)
		c.bytes -= old.bytes
	}
}
