package columns

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Types of the compact Thrift protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
const (
	thriftStop = iota
	thriftTrue
	thriftFalse
	thriftI8
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

const (
	maxThriftDepth   = 16
	maxThriftStructs = 1 << 20 // list elements that are structs: columns times row groups, a few times over
)

var errThriftShort = errors.New("metadata ends in the middle of a value")

// thriftWalk steps over an encoded struct without decoding it, to show that decoding allocates no
// more than a small multiple of its length.
type thriftWalk struct {
	data    []byte
	at      int
	structs int
}

// thriftLength is the number of bytes of the struct that data begins with.
func thriftLength(data []byte) (int, error) {
	w := thriftWalk{data: data}
	err := w.structure(0)
	return w.at, err
}

func (w *thriftWalk) structure(depth int) error {
	if depth > maxThriftDepth {
		return fmt.Errorf("metadata is nested more than %d levels deep", maxThriftDepth)
	}
	for {
		head, err := w.byte()
		if err != nil {
			return err
		}
		kind := head & 0x0f
		if kind == thriftStop {
			return nil
		}
		if head>>4 == 0 { // long form: the field's number follows
			if _, err := w.varint(); err != nil {
				return err
			}
		}
		if kind == thriftTrue || kind == thriftFalse {
			continue // the value is in the type
		}
		if err := w.value(kind, depth); err != nil {
			return err
		}
	}
}

func (w *thriftWalk) value(kind byte, depth int) error {
	switch kind {
	case thriftTrue, thriftFalse, thriftI8:
		return w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := w.varint()
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftBinary:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftList, thriftSet:
		return w.list(depth)
	case thriftStruct:
		return w.structure(depth + 1)
	}
	return fmt.Errorf("metadata holds a value of unknown type %d", kind) // maps don't occur in Parquet
}

func (w *thriftWalk) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = w.varint(); err != nil {
			return err
		}
	}
	if n > uint64(len(w.data)-w.at) { // an element takes a byte at least
		return fmt.Errorf("metadata claims a list of %d elements in %d bytes", n, len(w.data)-w.at)
	}
	kind := head & 0x0f
	if kind == thriftStruct || kind == thriftList {
		if w.structs += int(n); w.structs > maxThriftStructs {
			return fmt.Errorf("metadata holds more than %d records", maxThriftStructs)
		}
		if 2*n > uint64(len(w.data)-w.at) { // a record without any field has no place in Parquet
			return fmt.Errorf("metadata claims %d records in %d bytes", n, len(w.data)-w.at)
		}
	}
	for range n {
		if err := w.value(kind, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *thriftWalk) byte() (byte, error) {
	if w.at >= len(w.data) {
		return 0, errThriftShort
	}
	w.at++
	return w.data[w.at-1], nil
}

func (w *thriftWalk) varint() (uint64, error) {
	v, n := binary.Uvarint(w.data[w.at:])
	if n <= 0 {
		return 0, errThriftShort
	}
	w.at += n
	return v, nil
}

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(len(w.data)-w.at) {
		return errThriftShort
	}
	w.at += int(n)
	return nil
}
