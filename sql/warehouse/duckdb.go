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
	copy  string // the compacted copy that it reads instead; empty: none
	count int    // of its result files
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
//
// One simulation is read from its compacted copy (Compact) where there is one of just its files.
func OpenDuckDB(ctx context.Context, results string, with ...Option) (*Warehouse, error) {
	o := options{memory: DefaultMemory, threads: min(DefaultThreads, runtime.NumCPU())}
	for _, option := range with {
		option(&o)
	}
	root, err := locate(results, o.simulation)
	if err != nil {
		return nil, err
	}
	if w, err := openCopy(ctx, root, o); w != nil || err != nil {
		return w, err
	}
	pattern := views.RowsGlob
	if o.simulation != "" {
		pattern = strings.SplitN(pattern, "/", 2)[1]
	}
	glob := filepath.Join(escapeGlob(root), filepath.FromSlash(pattern))
	found, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("look for results with %s: %w", glob, err)
	}
	if len(found) == 0 {
		glob = ""
	}
	w, err := openFiles(ctx, root, glob, "", o)
	if err != nil {
		return nil, err
	}
	w.count = len(found)
	return w, nil
}

// Files is how many result files there were at the opening, also where their compacted copy is read.
func (w *Warehouse) Files() int { return w.count }

// Copied reports whether the compacted copy is read.
func (w *Warehouse) Copied() bool { return w.copy != "" }

// openFiles makes the views over the files that a glob matches, none with an empty one, or over the one
// that is a compacted copy.
func openFiles(ctx context.Context, root, glob, copied string, o options) (*Warehouse, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	w := &Warehouse{db: sql.OpenDB(connector), files: glob, copy: copied}
	if err := w.setUp(ctx, root, o); err != nil {
		return nil, errors.Join(readable(err), w.Close())
	}
	return w, nil
}

// openCopy makes the views over the compacted copy of a simulation, if there is one of its result files
// as they are now; nil: read those.
func openCopy(ctx context.Context, root string, o options) (*Warehouse, error) {
	if o.simulation == "" {
		return nil, nil
	}
	files, err := resultFiles(root)
	if err != nil {
		return nil, err
	}
	path := findCopy(root, digestOf(o.simulation, files))
	if path == "" {
		return nil, nil
	}
	w, err := openFiles(ctx, root, escapeGlob(path), path, o)
	if err != nil {
		return nil, ctx.Err() // whatever is wrong with the copy, the files tell
	}
	if whole, err := w.holds(ctx, o.simulation, len(files)); err != nil || !whole {
		return nil, errors.Join(ctx.Err(), w.Close())
	}
	w.count = len(files)
	return w, nil
}

// holds reports whether the rows are of one simulation, and so many: a copy that another simulation's
// took the place of is none.
func (w *Warehouse) holds(ctx context.Context, simulation string, rows int) (whole bool, err error) {
	row := w.db.QueryRowContext(ctx, "SELECT COUNT(*) = ? AND COUNT(DISTINCT (variant_id, attempt)) = ? AND BOOL_AND(simulation_id = ?) FROM "+views.Table, rows, rows, simulation)
	return whole, row.Scan(&whole)
}

// Close gives back what the warehouse holds.
func (w *Warehouse) Close() error {
	if err := w.db.Close(); err != nil {
		return fmt.Errorf("close DuckDB: %w", err)
	}
	return nil
}

// locate finds the folder to read, which is all that will be readable.
func locate(results, simulation string) (root string, err error) {
	if root, err = filepath.Abs(results); err != nil {
		return "", fmt.Errorf("find the results folder %s: %w", results, err)
	}
	// DuckDB compares real paths with what it may open.
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", notFound(fmt.Sprintf("open the results folder %s: %v; name the folder that `whatif run` wrote with --results", results, err), err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return "", fmt.Errorf("open the results folder %s: %w", results, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("the results folder %s is a file; name the folder that `whatif run` wrote with --results", results)
	}
	if simulation == "" {
		return root, nil
	}
	if !model.ValidSimulationID(simulation) {
		return "", fmt.Errorf("%q is no simulation id: one is a date and ten letters or digits, like 20260701-abcdefghij", simulation)
	}
	root = filepath.Join(root, "simulation_id="+simulation)
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return "", notFound(fmt.Sprintf("there is no simulation %s in the results folder %s; its folders simulation_id=.. are those there are", simulation, results), err)
	}
	return root, nil
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
		// Pages are read once a query; keeping them took as much memory as the answers.
		"SET enable_external_file_cache = false",
	}
}

// create makes the views, then the table of attempts under them, and then reads the rows that count
// once and keeps them: all views but those of nested results open no file after that. The views are
// made over an empty table because making one opens all files it rests on, for nothing but their types.
func (w *Warehouse) create(ctx context.Context) error {
	list, err := views.Views(views.DuckDB)
	if err != nil {
		return err
	}
	if err := w.execute(ctx, append([]string{views.CreateTable("")}, creations(list)...)); err != nil {
		return err
	}
	known, err := w.tableTypes(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(v views.View) bool { return v.Name == views.Counted })
	if err := w.readCounted(ctx, list[i]); err != nil {
		return err
	}
	found, err := w.tableTypes(ctx)
	if err != nil || found == known {
		return err
	}
	// A later version added columns; a view remembers the types that it was made over.
	return w.execute(ctx, creations(slices.Delete(list, i, i+1)))
}

// readCounted makes the table of attempts over the files and reads the rows that count. As a rule the files
// are of one version, and told apart only when that turns out to be wrong: to know the columns of all,
// DuckDB opens all, again for every query, and holds what it learned of them (333 MB for 1,001 files of
// 1,000 campaigns, where the other way took 100).
func (w *Warehouse) readCounted(ctx context.Context, counted views.View) error {
	keep := []string{"DROP VIEW IF EXISTS " + views.Counted, "CREATE TABLE " + views.Counted + " AS\n" + counted.Query}
	alike, err := w.known(ctx)
	if err != nil {
		return err
	}
	if alike {
		err = w.execute(ctx, append(metadataCache(w.copy != ""), append([]string{views.CreateAlikeTable(w.files)}, keep...)...))
		if d, ok := errors.AsType[*duckdb.Error](err); err == nil || !ok || d.Type != duckdb.ErrorTypeInvalidInput {
			return err
		}
		// There is a file of another version, or a damaged one.
	}
	return w.execute(ctx, append(metadataCache(true), append([]string{views.CreateTable(w.files)}, keep...)...))
}

// metadataCache keeps what the files' footers say for the next query. It is worth its memory where every
// query would need all of them, and for a single file.
func metadataCache(on bool) []string {
	return []string{fmt.Sprintf("SET parquet_metadata_cache = %t", on)}
}

// known reports whether the first file has the columns that this version writes, no more and no fewer.
func (w *Warehouse) known(ctx context.Context) (bool, error) {
	found, err := filepath.Glob(w.files)
	if err != nil || len(found) == 0 {
		return false, err
	}
	of := make([]string, 2)
	for i, query := range []string{views.EmptyTable(), "SELECT * FROM READ_PARQUET(" + views.Quote(escapeGlob(found[0])) + ", hive_partitioning = false)"} {
		row := w.db.QueryRowContext(ctx, "SELECT STRING_AGG(column_name || ' ' || column_type, ', ') FROM (DESCRIBE "+query+")")
		if err := row.Scan(&of[i]); err != nil {
			return false, fmt.Errorf("look at the columns of %s: %w", found[0], canceled(ctx, err))
		}
	}
	return of[0] == of[1], nil
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
