package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/whatif-machine/whatif/model"
)

// exists is nil if the tenant has the simulation.
func (c session) exists(ctx context.Context, tenant, id string) error {
	var one int
	err := c.row(ctx, "SELECT 1 FROM simulations WHERE id = ? AND tenant = ?", id, tenant).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return c.missing(ctx, tenant, id)
	}
	return err
}

// Simulation is where one stands.
func (s *Store) Simulation(ctx context.Context, tenant, id string) (Simulation, error) {
	c := s.reading()
	sim, err := readSimulation(c.row(ctx, "SELECT "+recordColumns+" FROM simulations WHERE id = ? AND tenant = ?", id, tenant))
	if errors.Is(err, sql.ErrNoRows) {
		err = c.missing(ctx, tenant, id)
	}
	return sim, explain("read a simulation", err)
}

// Inputs are the texts and pinned files of a submission, as they were sent.
func (s *Store) Inputs(ctx context.Context, tenant, id string) (model.Inputs, error) {
	c := s.reading()
	if err := c.exists(ctx, tenant, id); err != nil {
		return model.Inputs{}, explain("read inputs", err)
	}
	in, err := c.inputs(ctx, id)
	return in, explain("read inputs", err)
}

// numberedRecord is a record and its place in the order of submissions.
type numberedRecord struct {
	*record
	number int64
}

// Simulations lists a tenant's simulations, newest first.
func (s *Store) Simulations(ctx context.Context, f Filter, p Page) ([]Simulation, string, error) {
	filter := []string{"simulations", f.Tenant, string(f.State), f.Owner}
	query, args := "SELECT number, "+recordColumns+" FROM simulations WHERE tenant = ?", []any{f.Tenant}
	if f.State != "" {
		query, args = query+" AND state = ?", append(args, string(f.State))
	}
	if f.Owner != "" {
		query, args = query+" AND owner = ?", append(args, f.Owner)
	}
	for _, key := range slices.Sorted(maps.Keys(f.Labels)) {
		filter = append(filter, key, f.Labels[key])
		query += " AND EXISTS (SELECT 1 FROM label_index l WHERE l.simulation_id = simulations.id AND l.key = ? AND l.value = ?)"
		args = append(args, key, f.Labels[key])
	}
	cursor, err := p.open(filter...)
	if err != nil {
		return nil, "", err
	}
	if !cursor.first() {
		query, args = query+" AND number < ?", append(args, cursor.number(0))
	}
	read := func(row scanner) (n numberedRecord, err error) {
		n.record, err = readRecord(after{row, &n.number})
		return n, err
	}
	records, err := list(ctx, s.reading(), read, query+" ORDER BY number DESC LIMIT ?", append(args, p.size()+1)...)
	if err != nil {
		return nil, "", explain("list simulations", err)
	}
	records, next, err := paged(p, cursor, records, func(n numberedRecord) []string { return []string{strconv.FormatInt(n.number, 10)} })
	sims := make([]Simulation, len(records))
	for i := range records {
		sims[i] = records[i].Simulation
	}
	return sims, next, err
}

// after scans a row whose first column goes elsewhere.
type after struct {
	row   scanner
	first any
}

// Scan reads the first column and then the others.
func (a after) Scan(into ...any) error { return a.row.Scan(append([]any{a.first}, into...)...) }
