package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// preparedSQLite opens SQLite with connections that keep their statements prepared: parsing was a third of the cost of a
// submission (BenchmarkSubmit). Statements of ours are few (see inChunks), and none runs while it is
// still being read (see list), so that one of each is enough.
type preparedSQLite struct {
	driver.Connector
}

// maxPrepared bounds the statements of a connection, should there ever be more than we think.
const maxPrepared = 300

// openPrepared is sql.Open for SQLite with prepared statements.
func openPrepared(url string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(url)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparedSQLite{connector}), nil
}

// Connect opens a connection.
func (p preparedSQLite) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("store: this SQLite driver has not what is needed"), conn.Close())
	}
	return &preparedConn{sqliteConn: whole, kept: map[string]driver.Stmt{}}, nil
}

// sqliteConn is what the driver's connections can do of what we use.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparedConn is one connection; database/sql lets one goroutine at a time use it.
type preparedConn struct {
	sqliteConn
	kept map[string]driver.Stmt
}

func (c *preparedConn) statement(ctx context.Context, query string) (driver.Stmt, error) {
	if kept := c.kept[query]; kept != nil {
		return kept, nil
	}
	if len(c.kept) >= maxPrepared {
		if err := c.drop(); err != nil {
			return nil, err
		}
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.kept[query] = made
	return made, nil
}

// drop closes what is prepared.
func (c *preparedConn) drop() error {
	var errs []error
	for _, kept := range c.kept {
		errs = append(errs, kept.Close())
	}
	clear(c.kept)
	return errors.Join(errs...)
}

// ExecContext runs a statement.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	prepared, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	run, ok := prepared.(driver.StmtExecContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	return run.ExecContext(ctx, args)
}

// QueryContext runs a query.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	prepared, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	run, ok := prepared.(driver.StmtQueryContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	return run.QueryContext(ctx, args)
}

// Close closes the connection and what is prepared on it.
func (c *preparedConn) Close() error { return errors.Join(c.drop(), c.sqliteConn.Close()) }
