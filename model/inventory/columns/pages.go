package columns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	maxPageBytes  = 256 << 20
	freePageBytes = 16 << 20 // a page may be as large as this whatever its compressed size
	maxPageRatio  = 2048     // uncompressed to compressed beyond that
	maxPageValues = 1 << 24
	maxListValues = 4096 // a row group's list column may have this many values per row on average
	headerWindow  = 256 << 10
)

var (
	errDamaged = errors.New("the data is damaged")
	errLength  = fmt.Errorf("data of another length than the page header says: %w", errDamaged)
)

// Page is a stretch of a column. It is valid until the next page is read.
type Page struct {
	Len    int     // entries: values, nulls and empty lists
	Def    []uint8 // definition level of every entry; nil: all are present
	Rep    []uint8 // repetition level of every entry, 0 begins a row; nil: every entry is a row
	MaxDef uint8   // the definition level of a value that is present

	Codes  []uint32 // of the values present, indices into Values, if the page is dictionary-coded; else nil
	Values *Vector  // the dictionary, the same one for all pages of a chunk that have Codes; else the values present
}

// Present is the number of values that are present.
func (p *Page) Present() int {
	if p.Codes != nil {
		return len(p.Codes)
	}
	return p.Values.Len()
}

// Pages reads the pages of one column in one row group, in order. Open begins another with the same memory.
type Pages struct {
	column *Column
	chunk  *format.ColumnMetaData
	reader *bufio.Reader
	left   int64 // bytes of the chunk not read yet
	expect int64 // values of the chunk not seen yet

	page       Page
	dictionary *Vector // nil or &words
	words      Vector
	plain      Vector
	codes      []uint32
	def, rep   []uint8
	compressed []byte
	data       []byte
	dictData   []byte
}

// Pages begins to read a column in a row group.
func (c *Column) Pages(group int) (*Pages, error) {
	p := new(Pages)
	if err := p.Open(c, group); err != nil {
		return nil, err
	}
	return p, nil
}

// Open begins to read a column in a row group. Pages that were read before are no longer valid, their dictionaries
// included: their memory is used again.
func (p *Pages) Open(c *Column, group int) error {
	meta, start, err := c.chunk(group)
	if err != nil {
		return err
	}
	section := io.NewSectionReader(c.file.file, start, meta.TotalCompressedSize)
	if size := int(min(headerWindow, meta.TotalCompressedSize+16)); p.reader == nil || p.reader.Size() < size {
		p.reader = bufio.NewReaderSize(section, size)
	} else {
		p.reader.Reset(section)
	}
	p.column, p.chunk, p.dictionary = c, meta, nil
	p.left, p.expect = meta.TotalCompressedSize, meta.NumValues
	return nil
}

// chunk finds a column in a row group, and where its pages begin.
func (c *Column) chunk(group int) (meta *format.ColumnMetaData, start int64, err error) {
	if c.Err != nil {
		return nil, 0, c.Err
	}
	rowGroup := &c.file.meta.RowGroups[group]
	chunk := &rowGroup.Columns[c.leaf]
	meta = &chunk.MetaData
	if len(chunk.EncryptedColumnMetadata) > 0 || chunk.CryptoMetadata.Value != nil {
		return nil, 0, errors.New("the column is encrypted: decrypt the file first")
	}
	if chunk.FilePath != "" {
		return nil, 0, errors.New("the column is in another file: merge them first")
	}
	if meta.Type != c.typ {
		return nil, 0, fmt.Errorf("the column has the type %v in the schema and %v in row group %d: %w", c.typ, meta.Type, group, errDamaged)
	}
	start = meta.DataPageOffset
	if meta.DictionaryPageOffset > 0 && meta.DictionaryPageOffset < start {
		start = meta.DictionaryPageOffset
	}
	if start < 4 || meta.TotalCompressedSize < 0 || start > c.file.size || meta.TotalCompressedSize > c.file.size-start {
		return nil, 0, fmt.Errorf("row group %d says that the column has %d bytes at %d of a file of %d: %w", group, meta.TotalCompressedSize, start, c.file.size, errDamaged)
	}
	if c.List && meta.NumValues > rowGroup.NumRows*maxListValues || !c.List && meta.NumValues != rowGroup.NumRows {
		return nil, 0, fmt.Errorf("row group %d has %d rows, but %d values of the column: %w", group, rowGroup.NumRows, meta.NumValues, errDamaged)
	}
	return meta, start, nil
}

// Next is the next page, or io.EOF after the last.
func (p *Pages) Next() (page *Page, err error) {
	defer Guard(&err)
	for p.expect > 0 {
		header, err := p.header()
		if err != nil {
			return nil, err
		}
		if err := p.read(header); err != nil {
			return nil, err
		}
		switch header.Type {
		case format.DictionaryPage:
			err = p.readDictionary(header)
		case format.DataPage:
			err = p.readV1(header)
		case format.DataPageV2:
			err = p.readV2(header)
		default:
			continue // index pages and what may come: to be skipped
		}
		if err != nil {
			return nil, err
		}
		if header.Type != format.DictionaryPage && p.page.Len > 0 {
			p.expect -= int64(p.page.Len)
			return &p.page, nil
		}
	}
	return nil, io.EOF
}

// header reads the next page header.
func (p *Pages) header() (*format.PageHeader, error) {
	window, err := p.reader.Peek(int(min(headerWindow, p.left, int64(p.reader.Size()))))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(window) == 0 {
		return nil, fmt.Errorf("%d values of the column are missing: %w", p.expect, errDamaged)
	}
	n, err := thriftLength(window)
	if err != nil {
		return nil, fmt.Errorf("page header: %w", err)
	}
	header := new(format.PageHeader)
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), window[:n], header); err != nil {
		return nil, fmt.Errorf("page header: %w", err)
	}
	if _, err := p.reader.Discard(n); err != nil {
		return nil, err
	}
	p.left -= int64(n)
	return header, nil
}

// read takes the page's bytes, as they are in the file, into p.compressed.
func (p *Pages) read(h *format.PageHeader) error {
	size, full := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
	switch {
	case size < 0 || full < 0 || size > p.left:
		return fmt.Errorf("a page of %d bytes (%d uncompressed) where the column has %d left: %w", size, full, p.left, errDamaged)
	case size > maxPageBytes || full > maxPageBytes:
		return fmt.Errorf("a page of %d bytes (%d uncompressed) is larger than the %d allowed: write smaller row groups", size, full, maxPageBytes)
	case full > freePageBytes && full > size*maxPageRatio:
		return fmt.Errorf("a page of %d bytes unpacks to %d, more than %d times as much: refused as a bomb", size, full, maxPageRatio)
	}
	p.compressed = resize(p.compressed, int(size))
	if _, err := io.ReadFull(p.reader, p.compressed); err != nil {
		return fmt.Errorf("page of %d bytes: %w", size, err)
	}
	p.left -= size
	if h.CRC != 0 && uint32(h.CRC) != crc32.ChecksumIEEE(p.compressed) {
		return fmt.Errorf("the checksum of a page is wrong: %w", errDamaged)
	}
	return nil
}

// unpack decompresses data to a length of full into dst; uncompressed data is returned as it is.
func (p *Pages) unpack(dst, data []byte, full int) ([]byte, error) {
	if p.chunk.Codec == format.Uncompressed {
		if len(data) != full {
			return nil, errLength
		}
		return data, nil
	}
	dst = resize(dst, full)
	if full == 0 {
		return dst, nil
	}
	if err := decompress(p.chunk.Codec, dst, data); err != nil {
		return nil, fmt.Errorf("unpacking a page: %w", err)
	}
	return dst, nil
}

func (p *Pages) readDictionary(h *format.PageHeader) error {
	if !h.DictionaryPageHeader.Valid || p.dictionary != nil {
		return fmt.Errorf("a dictionary page without header, or a second one: %w", errDamaged)
	}
	n := int(h.DictionaryPageHeader.V.NumValues)
	if n < 0 || n > maxPageValues {
		return fmt.Errorf("a dictionary of %d values: %d are allowed", n, maxPageValues)
	}
	if e := h.DictionaryPageHeader.V.Encoding; e != format.Plain && e != format.PlainDictionary {
		return fmt.Errorf("a dictionary in the encoding %v: %w", e, errDamaged)
	}
	data, err := p.unpack(p.dictData, p.compressed, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	if p.chunk.Codec == format.Uncompressed {
		data = append(p.dictData[:0], data...) // p.compressed is overwritten by the next page
	}
	p.dictData = data
	p.words.reset(p.column)
	if err := p.words.plain(data, n); err != nil {
		return fmt.Errorf("dictionary: %w", err)
	}
	p.dictionary = &p.words
	return nil
}

// entries checks a data page's number of entries.
func (p *Pages) entries(n int32) (int, error) {
	if n < 0 || int64(n) > p.expect {
		return 0, fmt.Errorf("a page of %d values where the column has %d left: %w", n, p.expect, errDamaged)
	}
	if n > maxPageValues {
		return 0, fmt.Errorf("a page of %d values: %d are allowed; write smaller pages", n, maxPageValues)
	}
	return int(n), nil
}

// readV1 reads a page whose levels, each with its length before it, are compressed with the values.
func (p *Pages) readV1(h *format.PageHeader) error {
	if !h.DataPageHeader.Valid {
		return fmt.Errorf("a data page without its header: %w", errDamaged)
	}
	v1 := &h.DataPageHeader.V
	n, err := p.entries(v1.NumValues)
	if err != nil {
		return err
	}
	if p.data, err = p.unpack(p.data, p.compressed, int(h.UncompressedPageSize)); err != nil {
		return err
	}
	data := p.data
	level := func(dst *[]uint8, max uint8, encoding format.Encoding) error {
		if max == 0 {
			*dst = nil
			return nil
		}
		if encoding != format.RLE {
			return fmt.Errorf("levels in the encoding %v are not supported", encoding)
		}
		section, rest, err := prefixed(data)
		if err != nil {
			return err
		}
		data = rest
		return levels(dst, section, n, max)
	}
	if err := level(&p.rep, p.column.maxRep, v1.RepetitionLevelEncoding); err != nil {
		return fmt.Errorf("repetition levels: %w", err)
	}
	if err := level(&p.def, p.column.maxDef, v1.DefinitionLevelEncoding); err != nil {
		return fmt.Errorf("definition levels: %w", err)
	}
	return p.values(n, v1.Encoding, data)
}

// readV2 reads a page whose levels stand uncompressed before the values.
func (p *Pages) readV2(h *format.PageHeader) error {
	if !h.DataPageHeaderV2.Valid {
		return fmt.Errorf("a data page without its header: %w", errDamaged)
	}
	v2 := &h.DataPageHeaderV2.V
	n, err := p.entries(v2.NumValues)
	if err != nil {
		return err
	}
	rep, def := int(v2.RepetitionLevelsByteLength), int(v2.DefinitionLevelsByteLength)
	if rep < 0 || def < 0 || rep > len(p.compressed) || def > len(p.compressed)-rep || rep+def > int(h.UncompressedPageSize) {
		return fmt.Errorf("levels of %d and %d bytes in a page of %d: %w", rep, def, len(p.compressed), errDamaged)
	}
	if err := levels(&p.rep, p.compressed[:rep], n, p.column.maxRep); err != nil {
		return fmt.Errorf("repetition levels: %w", err)
	}
	if err := levels(&p.def, p.compressed[rep:rep+def], n, p.column.maxDef); err != nil {
		return fmt.Errorf("definition levels: %w", err)
	}
	data := p.compressed[rep+def:]
	if !v2.IsCompressed.Valid || v2.IsCompressed.V {
		if p.data, err = p.unpack(p.data, data, int(h.UncompressedPageSize)-rep-def); err != nil {
			return err
		}
		data = p.data
	}
	return p.values(n, v2.Encoding, data)
}

// values decodes the values of a page of n entries, of which the definition levels say how many are present.
func (p *Pages) values(n int, encoding format.Encoding, data []byte) error {
	present := n
	if p.column.maxDef > 0 {
		present = bytes.Count(p.def, []byte{p.column.maxDef})
	}
	p.page = Page{Len: n, Def: p.def, Rep: p.rep, MaxDef: p.column.maxDef}
	if encoding == format.PlainDictionary || encoding == format.RLEDictionary {
		return p.coded(data, present)
	}
	p.plain.reset(p.column)
	p.page.Values = &p.plain
	return p.plain.decode(encoding, data, present)
}

// coded decodes dictionary indices: their width in one byte, then runs.
func (p *Pages) coded(data []byte, present int) error {
	if p.dictionary == nil {
		return fmt.Errorf("a page needs a dictionary that isn't there: %w", errDamaged)
	}
	p.codes = resize(p.codes, present)
	p.page.Codes, p.page.Values = p.codes, p.dictionary
	if present == 0 {
		return nil
	}
	if len(data) == 0 || data[0] > 32 {
		return fmt.Errorf("dictionary codes without a valid width: %w", errDamaged)
	}
	if err := runs(p.codes, data[1:], uint(data[0])); err != nil {
		return err
	}
	if n, highest := p.dictionary.Len(), highestCode(p.codes); uint64(highest) >= uint64(n) {
		return fmt.Errorf("dictionary code %d of a dictionary of %d: %w", highest, n, errDamaged)
	}
	return nil
}

// highestCode is the greatest of some codes, looked for in four places at once since comparisons of one wait for each other.
func highestCode(codes []uint32) uint32 {
	var a, b, c, d uint32
	for len(codes) >= 4 {
		four := codes[:4:4]
		a, b, c, d = max(a, four[0]), max(b, four[1]), max(c, four[2]), max(d, four[3])
		codes = codes[4:]
	}
	for _, code := range codes {
		a = max(a, code)
	}
	return max(a, b, c, d)
}

// levels decodes n levels of at most max; none are there if max is 0.
func levels(dst *[]uint8, data []byte, n int, max uint8) error {
	if max == 0 {
		*dst = nil
		return nil
	}
	*dst = resize(*dst, n)
	width := uint(0)
	for m := max; m > 0; m >>= 1 {
		width++
	}
	if err := runs(*dst, data, width); err != nil {
		return err
	}
	if n > 0 && uint64(max) != 1<<width-1 { // else no level of that width is higher
		if highest := slices.Max(*dst); highest > max {
			return fmt.Errorf("a level of %d where %d is the highest: %w", highest, max, errDamaged)
		}
	}
	return nil
}

// resize is a slice of length n, with the memory of s if that is large enough and not with its contents.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
