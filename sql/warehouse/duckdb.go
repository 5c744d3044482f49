package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"github.com/whatif-machine/whatif/model"
	views "github.com/whatif-machine/whatif/sql"
)

// Defaults of the options.
const (
	DefaultMemory  = 1 << 30 // bytes
	DefaultThreads = 4       // at most, and never more than there are processors
)

// Warehouse answers SQL over a store of results. It is safe for concurrent use.
type Warehouse struct {
	db    *sql.DB
	files string // the glob of its result files
}

// options of OpenDuckDB.
type options struct {
	simulation string
	memory     int64
	threads    int
}

// Option changes how a warehouse is opened.
type Option func(*options)

// Simulation opens the files of one simulation only: it costs less, and no other can be read.
func Simulation(id string) Option { return func(o *options) { o.simulation = id } }

// Memory bounds what DuckDB may hold, in bytes; a query that needs more fails.
func Memory(bytes int64) Option { return func(o *options) { o.memory = bytes } }

// Threads bounds the threads that DuckDB runs.
func Threads(n int) Option { return func(o *options) { o.threads = n } }

// OpenDuckDB makes the views over the results folder in a DuckDB of this process, as the folder is now:
// variants that are committed later are in another opening. A folder without results has views without
// rows. A file that is no readable result is named in the error.
func OpenDuckDB(ctx context.Context, results string, with ...Option) (*Warehouse, error) {
	o := options{memory: DefaultMemory, threads: min(DefaultThreads, runtime.NumCPU())}
	for _, option := range with {
		option(&o)
	}
	root, glob, err := locate(results, o.simulation)
	if err != nil {
		return nil, err
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	w := &Warehouse{db: sql.OpenDB(connector), files: glob}
	if err := w.setUp(ctx, root, o); err != nil {
		return nil, errors.Join(readable(err), w.Close())
	}
	return w, nil
}

// Close gives back what the warehouse holds.
func (w *Warehouse) Close() error {
	if err := w.db.Close(); err != nil {
		return fmt.Errorf("close DuckDB: %w", err)
	}
	return nil
}

// locate finds the folder to read, which is all that will be readable, and the glob of the result
// files under it; the glob is empty where none is there yet.
func locate(results, simulation string) (root, glob string, err error) {
	if root, err = filepath.Abs(results); err != nil {
		return "", "", fmt.Errorf("find the results folder %s: %w", results, err)
	}
	// DuckDB compares real paths with what it may open.
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", "", notFound(fmt.Sprintf("open the results folder %s: %v; name the folder that `whatif run` wrote with --results", results, err), err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return "", "", fmt.Errorf("open the results folder %s: %w", results, err)
	}
	if !info.IsDir() {
		return "", "", fmt.Errorf("the results folder %s is a file; name the folder that `whatif run` wrote with --results", results)
	}
	pattern := views.RowsGlob
	if simulation != "" {
		if !model.ValidSimulationID(simulation) {
			return "", "", fmt.Errorf("%q is no simulation id: one is a date and ten letters or digits, like 20260701-abcdefghij", simulation)
		}
		folder, rest := "simulation_id="+simulation, strings.SplitN(pattern, "/", 2)[1]
		root, pattern = filepath.Join(root, folder), rest
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			return "", "", notFound(fmt.Sprintf("there is no simulation %s in the results folder %s; its folders simulation_id=.. are those there are", simulation, results), err)
		}
	}
	glob = filepath.Join(escapeGlob(root), filepath.FromSlash(pattern))
	found, err := filepath.Glob(glob)
	if err != nil {
		return "", "", fmt.Errorf("look for results with %s: %w", glob, err)
	}
	if len(found) == 0 {
		glob = ""
	}
	return root, glob, nil
}

// escapeGlob makes a folder's name match only itself.
func escapeGlob(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

// setUp makes the views and then shuts every door: configuration before, so that reading the files is
// bounded already, confinement after, because nothing of it can be changed any more.
func (w *Warehouse) setUp(ctx context.Context, root string, o options) error {
	if err := w.execute(ctx, configuration(o)); err != nil {
		return err
	}
	if err := w.create(ctx); err != nil {
		return w.blame(ctx, err)
	}
	return w.execute(ctx, confinement(root))
}

func (w *Warehouse) execute(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if _, err := w.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("set up DuckDB over the results: %w", canceled(ctx, err))
		}
	}
	return nil
}

// configuration bounds DuckDB, and keeps it from fetching extensions and from writing what doesn't
// fit into memory beside the results.
func configuration(o options) []string {
	return []string{
		fmt.Sprintf("SET memory_limit = '%dB'", o.memory),
		fmt.Sprintf("SET threads = %d", max(1, o.threads)),
		"SET temp_directory = ''",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		// Every query over files in place opens them again; their footers need to be read but once.
		"SET parquet_metadata_cache = true",
		// Pages are read once a query; keeping them took as much memory as the answers.
		"SET enable_external_file_cache = false",
	}
}

// create makes the views, then the table of attempts under them, and then reads the rows that count
// once and keeps them: all views but those of nested results open no file after that. The views are
// made over an empty table because making one opens all files it rests on, for nothing but their types.
func (w *Warehouse) create(ctx context.Context) error {
	empty, err := views.CreateTable(views.DuckDB, "")
	if err != nil {
		return err
	}
	full, err := views.CreateTable(views.DuckDB, w.files)
	if err != nil {
		return err
	}
	list, err := views.Views(views.DuckDB)
	if err != nil {
		return err
	}
	if err := w.execute(ctx, append([]string{empty}, creations(list)...)); err != nil {
		return err
	}
	known, err := w.tableTypes(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(v views.View) bool { return v.Name == views.Counted })
	if err := w.execute(ctx, []string{full, "DROP VIEW " + views.Counted, "CREATE TABLE " + views.Counted + " AS\n" + list[i].Query}); err != nil {
		return err
	}
	found, err := w.tableTypes(ctx)
	if err != nil || found == known {
		return err
	}
	// A later version added columns; a view remembers the types that it was made over.
	return w.execute(ctx, creations(slices.Delete(list, i, i+1)))
}

func creations(list []views.View) (statements []string) {
	for _, v := range list {
		statements = append(statements, v.Create())
	}
	return statements
}

// tableTypes are the columns of the table of attempts, as remembered from its making.
func (w *Warehouse) tableTypes(ctx context.Context) (types string, err error) {
	row := w.db.QueryRowContext(ctx, "SELECT STRING_AGG(column_name || ' ' || data_type, ', ' ORDER BY column_index) FROM DUCKDB_COLUMNS() WHERE table_name = ?", views.Table)
	if err := row.Scan(&types); err != nil {
		return "", fmt.Errorf("look at the columns of the results: %w", canceled(ctx, err))
	}
	return types, nil
}

// confinement leaves DuckDB one folder to read.
func confinement(root string) []string {
	return []string{
		"SET allowed_directories = [" + views.Quote(root+string(filepath.Separator)) + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	}
}
