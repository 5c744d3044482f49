package googlesql

import (
	"maps"
	"slices"

	gsql "github.com/goccy/go-googlesql"
)

// reads tells which columns of tables a statement needs: those that its answer is computed from, and
// those that decide which rows there are. The analyser's own pruning stops at windows.
//
//	output columns, filters, lists unnested, groups --> computed columns, windows --> columns of tables
type reads struct {
	needs  map[int32][]int32   // what a column is computed from
	roots  []int32             // what is needed in any case
	tables map[int32][2]string // table and name of the columns that are read
}

// readBy collects the columns that a statement needs, by table.
func readBy(statement gsql.ResolvedNode, outputs []*gsql.ResolvedOutputColumn) (map[string][]string, error) {
	r := &reads{needs: map[int32][]int32{}, tables: map[int32][2]string{}}
	for _, o := range outputs {
		id, err := idOf(o)
		if err != nil {
			return nil, err
		}
		r.roots = append(r.roots, id)
	}
	if err := r.walk(statement); err != nil {
		return nil, err
	}
	return r.close(), nil
}

// close follows the columns down to the tables.
func (r *reads) close() map[string][]string {
	found, seen := map[string]map[string]bool{}, map[int32]bool{}
	for todo := r.roots; len(todo) > 0; {
		id := todo[0]
		todo = todo[1:]
		if seen[id] {
			continue
		}
		seen[id] = true
		if of, ok := r.tables[id]; ok {
			if found[of[0]] == nil {
				found[of[0]] = map[string]bool{}
			}
			found[of[0]][of[1]] = true
		}
		todo = append(todo, r.needs[id]...)
	}
	columns := map[string][]string{}
	for table, names := range found {
		columns[table] = slices.Sorted(maps.Keys(names))
	}
	return columns
}

// walk goes through the scans of a statement. What stands in them and is neither a scan nor computed for
// a column decides which rows there are.
func (r *reads) walk(node gsql.ResolvedNode) error {
	children, err := node.GetChildNodes()
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := r.child(node, child); err != nil {
			return err
		}
	}
	return r.unnested(node)
}

func (r *reads) child(parent, child gsql.ResolvedNode) error {
	switch c := child.(type) {
	case *gsql.ResolvedOutputColumn:
		return nil
	case *gsql.ResolvedTableScan:
		return r.table(c)
	case *gsql.ResolvedAnalyticFunctionGroup:
		return r.window(c)
	case *gsql.ResolvedComputedColumn:
		return r.computed(parent, c)
	}
	if scan, err := child.IsScan(); err != nil || scan {
		if err != nil {
			return err
		}
		return r.walk(child)
	}
	ids, err := references(child)
	r.roots = append(r.roots, ids...)
	return err
}

func (r *reads) table(scan *gsql.ResolvedTableScan) error {
	table, err := scan.Table()
	if err != nil {
		return err
	}
	name, err := table.Name()
	if err != nil {
		return err
	}
	columns, err := scan.ColumnList()
	if err != nil {
		return err
	}
	for _, c := range columns {
		id, err := c.ColumnId()
		if err != nil {
			return err
		}
		column, err := c.Name()
		if err != nil {
			return err
		}
		r.tables[id] = [2]string{name, column}
	}
	return nil
}

// computed notes what a column is computed from. One that is grouped by decides about rows.
func (r *reads) computed(parent gsql.ResolvedNode, c *gsql.ResolvedComputedColumn) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	ids, err := references(c)
	r.needs[id] = append(r.needs[id], ids...)
	if _, ok := parent.(*gsql.ResolvedAggregateScan); ok {
		r.roots = append(r.roots, id)
	}
	return err
}

// window notes that each function of a window needs what it is partitioned and ordered by.
func (r *reads) window(group *gsql.ResolvedAnalyticFunctionGroup) error {
	functions, err := group.AnalyticFunctionList()
	if err != nil {
		return err
	}
	all, err := references(group)
	if err != nil {
		return err
	}
	var ofFunctions []int32
	for _, f := range functions {
		ids, err := references(f)
		if err != nil {
			return err
		}
		ofFunctions = append(ofFunctions, ids...)
	}
	var shared []int32
	for _, id := range all {
		if i := slices.Index(ofFunctions, id); i >= 0 {
			ofFunctions = slices.Delete(ofFunctions, i, i+1)
			continue
		}
		shared = append(shared, id)
	}
	for _, f := range functions {
		column, err := f.Column()
		if err != nil {
			return err
		}
		id, err := column.ColumnId()
		if err != nil {
			return err
		}
		ids, err := references(f)
		if err != nil {
			return err
		}
		r.needs[id] = append(append(r.needs[id], ids...), shared...)
	}
	return nil
}

// unnested notes that the entries of a list come from it.
func (r *reads) unnested(node gsql.ResolvedNode) error {
	scan, ok := node.(*gsql.ResolvedArrayScan)
	if !ok {
		return nil
	}
	lists, err := scan.ArrayExprList()
	if err != nil {
		return err
	}
	elements, err := scan.ElementColumnList()
	if err != nil {
		return err
	}
	for i, e := range elements {
		id, err := e.ColumnId()
		if err != nil {
			return err
		}
		ids, err := references(lists[i])
		if err != nil {
			return err
		}
		r.needs[id] = append(r.needs[id], ids...)
	}
	return nil
}

// references are the columns that stand anywhere in a node.
func references(node gsql.ResolvedNode) (ids []int32, err error) {
	list, err := node.GetDescendantsWithKinds([]gsql.ResolvedNodeKind{gsql.ResolvedNodeKindResolvedColumnRef})
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		id, err := idOf(n.(*gsql.ResolvedColumnRef))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func idOf(node interface {
	Column() (*gsql.ResolvedColumn, error)
}) (int32, error) {
	column, err := node.Column()
	if err != nil {
		return 0, err
	}
	return column.ColumnId()
}
