package columns

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// Kind is what a column's values are, physical and logical type together.
type Kind int

// The kinds that can be read.
const (
	Text    Kind = iota + 1 // UTF-8 (not checked here): STRING, ENUM, JSON, plain BYTE_ARRAY
	Integer                 // signed
	Unsigned
	Boolean
	Float // of 32 bits
	Double
	Decimal
	Date      // days since 1970-01-01
	Timestamp // see Column.Unit and Column.UTC
	UUID
)

// Column is a top-level column: a scalar, or a list of scalars.
type Column struct {
	Name string
	List bool
	Kind Kind
	// Err says why the column can't be read (a struct, a map, an unknown type); else nil.
	Err error

	// UTC reports whether a timestamp is an instant; if not it is a local time.
	UTC bool

	file    *File
	leaf    int // index of its first leaf
	leaves  int
	typ     format.Type
	size    int // of a fixed-length value
	maxDef  uint8
	maxRep  uint8
	unit    int64 // of a timestamp: ticks per second
	scale   int   // of a decimal
	grouped bool  // it is a group, not a leaf
	nested  error // why that group can't be a list
}

// readSchema walks over the flattened tree of the schema.
func (f *File) readSchema() error {
	elements := f.meta.Schema
	if len(elements) == 0 || elements[0].Type.Valid {
		return errors.New("damaged Parquet footer: it has no schema")
	}
	if len(elements) > maxSchemaNodes {
		return fmt.Errorf("a schema of %d elements is larger than the %d allowed: drop columns that no study uses", len(elements), maxSchemaNodes)
	}
	if n := elements[0].NumChildren.V; n < 0 || n > maxColumns {
		return fmt.Errorf("%d columns are more than the %d allowed: drop those that no study uses", n, maxColumns)
	}
	at, leaf := 1, 0
	names := map[string]bool{}
	for range elements[0].NumChildren.V {
		if at >= len(elements) {
			return errors.New("damaged Parquet footer: the schema ends early")
		}
		c := &Column{Name: elements[at].Name, file: f, leaf: leaf}
		var err error
		if at, err = c.open(elements, at, 0); err != nil {
			return err
		}
		if names[c.Name] {
			return fmt.Errorf("column %q occurs twice", c.Name)
		}
		names[c.Name] = true
		c.settle()
		leaf += c.leaves
		f.columns = append(f.columns, c)
	}
	if at != len(elements) {
		return errors.New("damaged Parquet footer: schema elements are left over")
	}
	return nil
}

// open takes the element at an index and those below it into the column and returns the index after them.
// A scalar is one leaf; a list is a chain of single children to one leaf with one repetition on the
// way, which covers the three-level shape and the legacy ones.
func (c *Column) open(elements []format.SchemaElement, at, depth int) (int, error) {
	if depth > maxThriftDepth {
		return 0, fmt.Errorf("column %q is nested more than %d levels deep", c.Name, maxThriftDepth)
	}
	e := &elements[at]
	at++
	switch e.RepetitionType.V {
	case format.Optional:
		c.maxDef++
	case format.Repeated:
		c.maxDef++
		c.maxRep++
	}
	if e.Type.Valid {
		c.leaves++
		c.classify(e)
		return at, nil
	}
	c.grouped = true
	children := e.NumChildren.V
	if children < 0 || int(children) > len(elements)-at {
		return 0, fmt.Errorf("damaged Parquet footer: column %q claims %d fields", c.Name, children)
	}
	if err := refuseGroup(e, depth); err != nil && c.nested == nil {
		c.nested = err
	}
	for range children {
		if at >= len(elements) {
			return 0, errors.New("damaged Parquet footer: the schema ends early")
		}
		var err error
		if at, err = c.open(elements, at, depth+1); err != nil {
			return 0, err
		}
	}
	return at, nil
}

// settle decides, with all of the column's leaves known, whether it can be read.
func (c *Column) settle() {
	switch {
	case c.nested != nil:
		c.Err = c.nested
	case c.leaves == 0:
		c.Err = errors.New("is an empty struct: drop it")
	case c.maxRep > 1:
		c.Err = errors.New("is a list of lists: flatten it")
	case c.grouped && c.maxRep == 0:
		c.Err = errors.New("is a struct: flatten it into columns")
	}
	c.List = c.maxRep > 0
}

// refuseGroup says why a group can't be a list or a part of one.
func refuseGroup(e *format.SchemaElement, depth int) error {
	switch {
	case isAnnotatedMap(e):
		return errors.New("is a map: flatten it into columns")
	case e.NumChildren.V != 1:
		return errors.New("is a struct: flatten it into columns")
	case depth == 0 && e.RepetitionType.V == format.Repeated:
		return errors.New("is a list of structs: flatten it into columns")
	}
	return nil
}

func isAnnotatedMap(e *format.SchemaElement) bool {
	if _, ok := e.LogicalType.Value.(*format.MapType); ok {
		return true
	}
	return e.ConvertedType.Valid && (e.ConvertedType.V == deprecated.Map || e.ConvertedType.V == deprecated.MapKeyValue)
}

// classify sets the kind of a leaf from its physical, logical and legacy ("converted") type.
func (c *Column) classify(e *format.SchemaElement) {
	c.typ, c.size = e.Type.V, int(e.TypeLength.V)
	if c.typ == format.FixedLenByteArray && (c.size <= 0 || c.size > 1<<10) {
		c.Err = fmt.Errorf("has values of a fixed length of %d bytes", c.size)
		return
	}
	c.Kind, c.Err = c.physical(), nil
	switch t := e.LogicalType.Value.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		c.Kind = Text
	case *format.IntType:
		if !t.IsSigned {
			c.Kind = Unsigned
		}
	case *format.DecimalType:
		c.Kind, c.scale = Decimal, int(t.Scale)
	case *format.DateType:
		c.Kind = Date
	case *format.TimestampType:
		c.Kind, c.UTC, c.unit = Timestamp, t.IsAdjustedToUTC, ticks(t.Unit)
	case *format.UUIDType:
		c.Kind = UUID
	case nil:
		c.classifyLegacy(e)
	default:
		c.Kind = 0
		c.Err = fmt.Errorf("has the type %v, which is no dimension: convert it to text", t)
	}
	c.checkPhysical()
}

func (c *Column) physical() Kind {
	switch c.typ {
	case format.Boolean:
		return Boolean
	case format.Int32, format.Int64:
		return Integer
	case format.Int96: // Spark, Impala: a local or UTC time by convention; read as UTC, as Spark does
		c.UTC = true
		return Timestamp
	case format.Float:
		return Float
	case format.Double:
		return Double
	case format.ByteArray:
		return Text
	}
	return 0
}

func (c *Column) classifyLegacy(e *format.SchemaElement) {
	if !e.ConvertedType.Valid {
		return
	}
	switch e.ConvertedType.V {
	case deprecated.UTF8, deprecated.Enum, deprecated.Json:
		c.Kind = Text
	case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		c.Kind = Unsigned
	case deprecated.Decimal:
		c.Kind, c.scale = Decimal, int(e.Scale.V)
	case deprecated.Date:
		c.Kind = Date
	case deprecated.TimestampMillis:
		c.Kind, c.UTC, c.unit = Timestamp, true, 1e3
	case deprecated.TimestampMicros:
		c.Kind, c.UTC, c.unit = Timestamp, true, 1e6
	default:
		c.Kind = 0
		c.Err = fmt.Errorf("has the type %v, which is no dimension: convert it to text", e.ConvertedType.V)
	}
}

// ticks is a timestamp's units per second; 0 for an unknown one.
func ticks(u format.TimeUnit) int64 {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return 1e3
	case *format.MicroSeconds:
		return 1e6
	case *format.NanoSeconds:
		return 1e9
	}
	return 0
}

// checkPhysical refuses logical types on physical ones that can't carry them.
func (c *Column) checkPhysical() {
	if c.Err != nil {
		return
	}
	is := func(types ...format.Type) bool {
		for _, t := range types {
			if c.typ == t {
				return true
			}
		}
		return false
	}
	ok := true
	switch c.Kind {
	case Text:
		ok = is(format.ByteArray)
	case Integer, Unsigned:
		ok = is(format.Int32, format.Int64)
	case Date:
		ok = is(format.Int32)
	case Timestamp:
		ok = is(format.Int96) || is(format.Int64) && c.unit > 0
	case UUID:
		ok = is(format.FixedLenByteArray) && c.size == 16
	case Decimal:
		ok = is(format.Int32, format.Int64, format.ByteArray, format.FixedLenByteArray) && c.scale >= 0 && c.scale <= 76
	case 0:
		ok = false
	}
	if !ok {
		c.Err = fmt.Errorf("has values of the Parquet type %v that can't be read as a dimension: convert it to text", c.typ)
	}
}
