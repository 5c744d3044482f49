package engine

import (
	"fmt"
	"slices"
	"sort"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// node is a targeting expression bound to the snapshot's dimensions.
type node struct {
	op     model.ExprOp
	args   []*node
	dim    *inventory.Dimension // of in
	values []uint32             // of in: ascending indices into the dimension's values; absent ones left out
	bits   []uint64             // the same as a set, where the dimension has few values; else nil
}

// bitsMost is the most values that a dimension may have for lists of them to be kept as sets of bits.
const bitsMost = 1 << 14

// bind binds an expression; nil stays nil and matches everything.
func bind(e *model.Expr, snap *inventory.Snapshot) (*node, error) {
	if e == nil {
		return nil, nil
	}
	n := &node{op: e.Op}
	if e.Op == model.OpIn {
		if n.dim = snap.Dimension(e.Dimension); n.dim == nil {
			return nil, fmt.Errorf("the snapshot has no dimension %q", e.Dimension)
		}
		n.values = valueIndices(n.dim.Values(), e.Values)
		if count := len(n.dim.Values()); count <= bitsMost {
			n.bits = make([]uint64, count/64+1)
			for _, v := range n.values {
				n.bits[v>>6] |= 1 << (v & 63)
			}
		}
		return n, nil
	}
	for _, a := range e.Args {
		arg, err := bind(a, snap)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
	}
	return n, nil
}

// valueIndices finds the listed values among all, which ascend.
func valueIndices(all, listed []string) []uint32 {
	out := make([]uint32, 0, len(listed))
	for _, v := range listed {
		if at := sort.SearchStrings(all, v); at < len(all) && all[at] == v {
			out = append(out, uint32(at))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// holds evaluates the expression at slot i.
func (n *node) holds(i uint32) bool {
	if n == nil {
		return true
	}
	switch n.op {
	case model.OpAll:
		for _, a := range n.args {
			if !a.holds(i) {
				return false
			}
		}
		return true
	case model.OpAny:
		for _, a := range n.args {
			if a.holds(i) {
				return true
			}
		}
		return false
	case model.OpNot:
		return !n.args[0].holds(i)
	}
	return n.has(n.dim.Code(int(i)))
}

// holdsCode evaluates an expression over one dimension at a code of that dimension.
func (n *node) holdsCode(code uint32) bool {
	switch n.op {
	case model.OpAll:
		for _, a := range n.args {
			if !a.holdsCode(code) {
				return false
			}
		}
		return true
	case model.OpAny:
		for _, a := range n.args {
			if a.holdsCode(code) {
				return true
			}
		}
		return false
	case model.OpNot:
		return !n.args[0].holdsCode(code)
	}
	return n.has(code)
}

// has reports whether a code of the dimension has one of the values. A missing value is in no list.
func (n *node) has(code uint32) bool {
	if code == 0 {
		return false
	}
	if !n.dim.Multi() {
		return n.lists(code - 1)
	}
	for _, v := range n.dim.Sets()[code-1] {
		if n.lists(v) {
			return true
		}
	}
	return false
}

func (n *node) lists(value uint32) bool {
	if n.bits != nil {
		return n.bits[value>>6]>>(value&63)&1 == 1
	}
	_, ok := slices.BinarySearch(n.values, value)
	return ok
}

// dimensions adds the expression's distinct dimensions to dims.
func (n *node) dimensions(dims []*inventory.Dimension) []*inventory.Dimension {
	if n.op == model.OpIn && !slices.Contains(dims, n.dim) {
		dims = append(dims, n.dim)
	}
	for _, a := range n.args {
		dims = a.dimensions(dims)
	}
	return dims
}

// conjuncts splits an expression at its outermost ANDs.
func (n *node) conjuncts(out []*node) []*node {
	if n == nil {
		return out
	}
	if n.op != model.OpAll {
		return append(out, n)
	}
	for _, a := range n.args {
		out = a.conjuncts(out)
	}
	return out
}

// size is a bound of the memory that the bound expression takes.
func (n *node) size() int64 {
	if n == nil {
		return 0
	}
	s := int64(144 + 4*cap(n.values) + 8*cap(n.args) + 8*cap(n.bits))
	for _, a := range n.args {
		s += a.size()
	}
	return s
}

// appendKey appends a text that two expressions share only if they mean the same on every snapshot.
func appendKey(b []byte, e *model.Expr) []byte {
	if e == nil {
		return append(b, '-')
	}
	b = append(b, e.Op...)
	b = append(b, '(')
	if e.Op == model.OpIn {
		b = appendText(b, e.Dimension)
		for _, v := range e.Values {
			b = appendText(b, v)
		}
	}
	for _, a := range e.Args {
		b = appendKey(b, a)
	}
	return append(b, ')')
}

// appendText appends a text with its length, so that no two lists of texts run together alike.
func appendText(b []byte, s string) []byte {
	return append(append(appendInt(b, int64(len(s))), ':'), s...)
}
