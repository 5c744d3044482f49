package logs

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// apply maps one JSON record by a map of the format jsonl.
func apply(t *testing.T, doc, record string) ([]model.Slot, []string) {
	t.Helper()
	m, err := NewMap("jsonl", "map.yaml", []byte(doc), Options{Rates: map[string]decimal.Decimal{"EUR": decimal.RequireFromString("1.1")}})
	if err != nil {
		t.Fatal(err)
	}
	value, err := parseJSON([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	var slots []model.Slot
	var reasons []string
	m.Slots(value, func(s model.Slot, err error) bool {
		if err != nil {
			reasons = append(reasons, err.Error())
		} else {
			slots = append(slots, s)
		}
		return true
	})
	return slots, reasons
}

const head = "columns:\n  slot_id: id\n  time: {path: t, unit: s}\n"

// dimension maps a record with one more column x and returns its values.
func dimension(t *testing.T, column, record string) string {
	t.Helper()
	slots, reasons := apply(t, head+"  x: "+column+"\n", `{"id":"a","t":1,`+record+`}`)
	if len(reasons) > 0 {
		return "! " + reasons[0]
	}
	if set, ok := slots[0].Sets["x"]; ok {
		return strings.Join(set, ",")
	}
	return slots[0].Scalars["x"]
}

// TestColumns: one line a feature of the language: column, record, result.
func TestColumns(t *testing.T) {
	for _, c := range [][3]string{
		{`a`, `"a":"v"`, "v"},
		{`a.b[1].c`, `"a":{"b":[{"c":1},{"c":2}]}`, "2"},
		{`a.b[7].c`, `"a":{"b":[]}`, ""},
		{`'["a.b"].c'`, `"a.b":{"c":"v"}`, "v"},
		{`{path: "a[*].c", multi: true}`, `"a":[{"c":1},{},{"c":2}]`, "1,2"},
		{`"a[*].c"`, `"a":[{},{"c":2},{"c":3}]`, "2"},
		{`{path: "a[*][0]", multi: true}`, `"a":[[1,0.5],[2,0.5],7]`, "1,2"},
		{`{path: a, multi: true}`, `"a":["x","y"]`, "x,y"},
		{`{path: a, multi: true}`, `"a":"x"`, "x"},
		{`a`, `"a":["x","y"]`, "! x: what is at a is a list, not a value: declare it multi-valued in a map, or take an element"},
		{`a`, `"a":{"b":1}`, "! x: what is at a is an object, not a value: name a path into it in a map"},
		{`{value: const}`, `"a":1`, "const"},
		{`{from: [a, b]}`, `"a":"","b":"v"`, "v"},
		{`{from: [a, b], multi: true}`, `"a":[1],"b":[2]`, "1,2"},
		{`{join: [a, b], separator: x}`, `"a":3,"b":2`, "3x2"},
		{`{join: [a, b], separator: x}`, `"a":3`, ""},
		{`{each: "a[*]", join: [.w, .h], separator: x, multi: true}`, `"a":[{"w":1,"h":2},{"w":3},{"w":4,"h":5}]`, "1x2,4x5"},
		{`{present: {one: a, two: b}}`, `"b":{}`, "two"},
		{`{path: a, split: ",", multi: true}`, `"a":"1, 2,,3"`, "1,2,3"},
		{`{path: a, missing: [null, "0"]}`, `"a":"null"`, ""},
		{`{path: a, missing: [null, "0"]}`, `"a":0`, ""},
		{`{path: a, unless: {b.c: [1, true]}}`, `"a":"v","b":{"c":true}`, ""},
		{`{path: a, unless: {b.c: [1, true]}}`, `"a":"v","b":{"c":0}`, "v"},
		{`{path: a, values: {1: mobile, 2: desktop}}`, `"a":1`, "mobile"},
		{`{path: a, values: {1: mobile}}`, `"a":9`, "9"},
		{`{path: a, values: {1: mobile}, otherwise: other}`, `"a":9`, "other"},
		{`{path: a, case: upper}`, `"a":"us"`, "US"},
		{`{path: a, default: d}`, `"b":1`, "d"},
		{`{path: a, required: true}`, `"b":1`, "! x: is missing"},
		{`a`, `"a":true`, "true"},
		{`a`, `"a":1.50`, "1.5"},
		{`a`, `"a":-0`, "0"},
		{`a`, `"a":1e3`, "1000"},
		{`a`, `"a":12345678901234567890`, "12345678901234567890"},
		{`a`, `"a":0.16154599189758301234`, "0.16154599189758301234"},
		{`a`, `"a":-0.0`, "0"},
		{`a`, `"a":25e-2`, "0.25"},
		{`a`, `"a":1e999`, `! x: what is at a is "1e999", a number out of range`},
		{`$.a`, `"a":"v"`, "v"},
	} {
		if got := dimension(t, c[0], c[1]); got != c[2] {
			t.Errorf("%s of %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// TestRootAndExplode: a slot per element, with paths from line, root and element.
func TestRootAndExplode(t *testing.T) {
	doc := "root: r\nexplode: imp\ncolumns: {slot_id: {join: [id, '@.id'], separator: /}, time: {path: $.t, unit: ms}, size: '@.size'}"
	slots, reasons := apply(t, doc, `{"t":5,"r":{"id":"a","imp":[{"id":1,"size":"s"},{"size":"t"},null,{"id":2}]}}`)
	want := []model.Slot{
		{ID: "a/1", Time: 5000, Scalars: map[string]string{"size": "s"}},
		{ID: "a/2", Time: 5000},
	}
	if diff := cmp.Diff(want, slots); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"slot_id: is missing", "an element of imp is null"}, reasons); diff != "" {
		t.Error(diff)
	}
	for record, want := range map[string]string{`{"t":5}`: "there is nothing at r", `{"r":{}}`: "there is no element in imp", `{"r":1}`: "the record is no object", `[]`: "there is nothing at r"} {
		if _, reasons := apply(t, doc, record); len(reasons) != 1 || reasons[0] != want {
			t.Errorf("%s: %v, want %q", record, reasons, want)
		}
	}
}

// TestTimes: what a text is in microseconds; dates by `date -u -d .. +%s`.
func TestTimes(t *testing.T) {
	for _, c := range []struct{ spec, text, want string }{
		{`unit: s`, `1326240000.0666179`, "2012-01-11T00:00:00.066617Z"},
		{`unit: s`, `"1326240000"`, "2012-01-11T00:00:00Z"},
		{`unit: s`, `-0.0000001`, "1969-12-31T23:59:59.999999Z"},
		{`unit: s`, `1.32624e9`, "2012-01-11T00:00:00Z"},
		{`unit: ms`, `1480544698821`, "2016-11-30T22:24:58.821Z"},
		{`unit: us`, `1480544698821001`, "2016-11-30T22:24:58.821001Z"},
		{`unit: ns`, `1480544698821001999`, "2016-11-30T22:24:58.821001Z"},
		{`unit: rfc3339`, `"2026-07-01T12:00:00.5+02:00"`, "2026-07-01T10:00:00.5Z"},
		{`timezone: Asia/Shanghai`, `"2026-07-01 12:00:00"`, "2026-07-01T04:00:00Z"},
		{`format: "%Y%m%d%H%M%S%L", timezone: Asia/Shanghai`, `"20131022135101295"`, "2013-10-22T05:51:01.295Z"},
		{`format: "%d/%b/%Y:%H:%M:%S %z"`, `"10/Oct/2000:13:55:36 -0700"`, "2000-10-10T20:55:36Z"},
		{`format: "%FT%T.%fZ"`, `"2026-02-28T01:02:03.1234567891Z"`, "2026-02-28T01:02:03.123456Z"},
		{`format: "%Y-%m-%d 100%%"`, `"2026-02-28 100%"`, "2026-02-28T00:00:00Z"},
		{`format: "%Y-%m-%d"`, `"2026-02-29"`, "! time: \"2026-02-29\" is no time of the format \"%Y-%m-%d\""},
		{`format: "%Y-%m-%d"`, `"2026-02"`, "! time: \"2026-02\" is not of the format \"%Y-%m-%d\""},
		{`unit: s`, `1480544698821`, "! time: 1480544698821 is outside of the years 1 to 9999: is its unit right?"},
		{`unit: s`, `"1e99"`, `! time: is "1e99", a number out of range`},
		{`unit: s`, `"noon"`, `! time: "noon" is no number`},
	} {
		slots, reasons := apply(t, "columns:\n  slot_id: id\n  time: {path: t, "+c.spec+"}\n", `{"id":"a","t":`+c.text+`}`)
		got := "! " + strings.Join(reasons, " ")
		if len(slots) == 1 {
			got = time.UnixMicro(int64(slots[0].Time)).UTC().Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.spec, c.text, got, c.want)
		}
	}
}

// TestPrices: floors in micros of a US dollar; a euro is 1.10.
func TestPrices(t *testing.T) {
	for _, c := range []struct {
		spec, fields string
		want         model.CPM
		reason       string
	}{
		{``, `"f":1.5`, 1_500_000, ""},
		{``, `"f":"0.0000005"`, 0, ""},
		{``, `"f":0.0000015`, 2, ""},
		{``, `"f":null`, 0, ""},
		{`, default: 2`, `"g":1`, 2_000_000, ""},
		{`, amount: cents`, `"f":13`, 130_000, ""},
		{`, amount: micros`, `"f":13`, 13, ""},
		{`, amount: nanos`, `"f":2500`, 2, ""},
		{`, per: impression`, `"f":0.002`, 2_000_000, ""},
		{`, amount: micros, per: impression`, `"f":2000`, 2_000_000, ""},
		{`, currency: EUR`, `"f":2`, 2_200_000, ""},
		{`, currency_path: c, currency: EUR`, `"f":2,"c":"usd"`, 2_000_000, ""},
		{`, currency_path: c, currency: EUR`, `"f":2`, 2_200_000, ""},
		{`, currency_path: c`, `"f":2,"c":"GBP"`, 0, "floor_cpm: is in GBP, the study's currency is USD: give a rate (--rate GBP=..)"},
		{`, currency_path: c`, `"f":0,"c":"GBP"`, 0, ""},
		{`, max: 10`, `"f":10`, 10_000_000, ""},
		{`, max: 10`, `"f":10.01`, 0, "floor_cpm: 10.01 is above the map's max of 10"},
		{``, `"f":-1`, 0, "floor_cpm: -1 is negative: floors are at least 0"},
		{``, `"f":1000000001`, 0, "floor_cpm: 1000000001 is higher than the 1000000000 units allowed"},
		{``, `"f":"1e9999999"`, 0, `floor_cpm: is "1e9999999", a number out of range`},
	} {
		slots, reasons := apply(t, head+"  floor_cpm: {path: f"+c.spec+"}\n", `{"id":"a","t":1,`+c.fields+`}`)
		if got := strings.Join(reasons, " "); got != c.reason || c.reason == "" && slots[0].FloorCPM != c.want {
			t.Errorf("%s of %s: %v %q, want %d %q", c.spec, c.fields, slots, got, c.want, c.reason)
		}
	}
}

// TestMapErrors: what is wrong, and where.
func TestMapErrors(t *testing.T) {
	for doc, want := range map[string]string{
		"columns: {slot_id: id}":                                  `map.yaml:1:11: the map has no column time`,
		"colums: {}":                                              `map.yaml:1:1: a map has no key "colums"; it has root, explode`,
		"root: a":                                                 `map.yaml:1:1: a map needs columns`,
		"columns: x":                                              `map.yaml:1:10: columns is a mapping`,
		head + "  x: {pth: a}":                                    `map.yaml:4:7: column x has no key "pth"; it has path, value`,
		head + "  x: 'a..b'":                                      `map.yaml:4:6: path "a..b": a key is empty`,
		head + "  x: 'a[b]'":                                      `map.yaml:4:6: path "a[b]": [b] is neither a number`,
		head + "  x: 'a.'":                                        `path "a.": it ends with a dot`,
		head + "  x: 'a[0'":                                       `path "a[0": [ is not closed`,
		head + "  x: '@.a'":                                       `column x has a path with @, but the map has no explode`,
		head + "  x: {path: a, value: b}":                         `map.yaml:4:7: a source is one of path, value, join and present; here are 2`,
		head + "  x: {multi: true}":                               `here are 0 of them`,
		head + "  x: {path: a, multi: yes}":                       `map.yaml:4:23: multi is true or false`,
		head + "  x: {path: a, unit: s}":                          `column x has no key "unit"`,
		head + "  x: {path: a, case: title}":                      `case is lower or upper`,
		head + "  x: {from: a, path: b}":                          `column x has path beside from`,
		head + "  x: {path: a, otherwise: b}":                     `otherwise belongs to values`,
		head + "  x: &a b":                                        `is not used in maps`,
		head + "  x: *a":                                          `map.yaml`,
		head + "  x: 1\n  x: 2":                                   `map.yaml`,
		head + "  x: [a, b]":                                      `map.yaml:4:6: column x is a mapping of`,
		head + "  user_id: {path: a, multi: true}":                `user_id has one value: it can't be multi`,
		head + "  floor_cpm: {path: a, amount: pence}":            `map.yaml:4:32: amount is not "pence"`,
		head + "  floor_cpm: {path: a, currency: GBP}":            `floors are in GBP and the study's currency is USD`,
		"columns: {slot_id: id, time: {path: t, unit: min}}":      `map.yaml:1:46: the unit of a time is s, ms, us, ns or rfc3339`,
		"columns: {slot_id: id, time: {path: t, format: '%Y'}}":   `gives no date`,
		"columns: {slot_id: id, time: {path: t, format: '%q'}}":   `%q is not one of`,
		"columns: {slot_id: id, time: {path: t, timezone: Mars}}": `"Mars" is no IANA time zone`,
		"csv: {separator: ab}\n" + head:                           `map.yaml:1:7: the separator is one character`,
		"explode: $.a\n" + head:                                   `root and explode are paths from the record's beginning`,
		"a: [":                                                    `map.yaml:1: invalid YAML`,
		head + "  x: [a\n  y: b\n":                                `map.yaml:4: invalid YAML`,
		"":                                                        `map.yaml: a map is one YAML document`,
		strings.Repeat("[", 60_000):                               `map.yaml`,
		strings.Repeat("a: b\n", 20_000):                          `larger than the 65536 allowed`,
	} {
		_, err := NewMap("jsonl", "map.yaml", []byte(doc), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s:\n  %v\n  want %s", doc, err, want)
		}
	}
	if _, err := NewMap("openrtb", "", nil, Options{}); err == nil || !strings.Contains(err.Error(), "OpenRTB requests have none of their own") {
		t.Errorf("OpenRTB without a time: %v", err)
	}
	if _, err := NewMap("avro", "", nil, Options{}); err == nil || !strings.Contains(err.Error(), "none of openrtb, ipinyou") {
		t.Errorf("an unknown format: %v", err)
	}
}

// TestMapErrorsAllAtOnce: every mistake of the columns is said in one go, in the order of their names.
func TestMapErrorsAllAtOnce(t *testing.T) {
	_, err := NewMap("jsonl", "map.yaml", []byte(head+"  a: {pth: x, mutli: true}\n  b: {path: '..', case: title, required: 1}\n  floor_cpm: {path: f, max: x, per: day}\n"), Options{})
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{`map.yaml:4:7: column a has no key "pth"`, `map.yaml:4:15: column a has no key "mutli"`, `map.yaml:5:13: path "..": a key`,
		`map.yaml:5:42: required is true or false`, `map.yaml:5:25: case is lower or upper`, `map.yaml:6:37: per is not "day"`}
	got := strings.Split(err.Error(), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("got\n%s\nwant\n%s", err, strings.Join(want, "\n"))
		}
	}
}

// TestOpenRTBUser: the precedence of ids, and who is not to be identified.
func TestOpenRTBUser(t *testing.T) {
	m, err := NewMap("openrtb", "map.yaml", []byte("columns: {time: {value: '2026-07-01T00:00:00Z'}}"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		`"user":{"id":"u","buyeruid":"b"},"device":{"ifa":"i"}`:                    "u",
		`"user":{"buyeruid":"b"},"device":{"ifa":"i"}`:                             "b",
		`"user":{"eids":[{"uids":[]},{"uids":[{"id":"e"}]}]},"device":{"ifa":"i"}`: "e",
		`"user":{"ext":{"eids":[{"uids":[{"id":"x"}]}]}},"device":{"ifa":"i"}`:     "x",
		`"device":{"ifa":"i","lmt":0}`:                                             "i",
		`"device":{"ifa":"00000000-0000-0000-0000-000000000000"}`:                  "",
		`"user":{"id":"0"},"device":{"ifa":"i"}`:                                   "i",
		`"user":{"id":"u"},"device":{"lmt":1}`:                                     "",
		`"user":{"id":"u"},"device":{"dnt":1}`:                                     "",
		`"user":{"id":"u"},"regs":{"coppa":1}`:                                     "",
		`"user":{}`:                                                                "",
	} {
		var record any
		if err := json.Unmarshal([]byte(`{"id":"r","imp":[{"id":"1","banner":{}}],`+request+`}`), &record); err != nil {
			t.Fatal(err)
		}
		value, err := parseJSON([]byte(`{"id":"r","imp":[{"id":"1","banner":{}}],` + request + `}`))
		if err != nil {
			t.Fatal(err)
		}
		m.Slots(value, func(s model.Slot, err error) bool {
			if err != nil || s.UserID != want {
				t.Errorf("%s: user %q (%v), want %q", request, s.UserID, err, want)
			}
			return true
		})
	}
}

func TestLongLines(t *testing.T) {
	log := strings.Repeat("x", maxLine+1) + "\n{}\n\n" + strings.Repeat(" ", 10) + "\n[1]"
	var lines []int64
	err := JSONLines(strings.NewReader(log), func(r *Record) error {
		lines = append(lines, r.Line)
		if long := errors.Is(r.Err, errLongLine); long != (r.Line == 1) {
			t.Errorf("line %d: %v", r.Line, r.Err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{1, 2, 5}, lines); diff != "" {
		t.Error(diff)
	}
}

// TestCSVHeaders: separators, files without a header line, and headers that name a column twice.
func TestCSVHeaders(t *testing.T) {
	read := func(doc, log string) (values []any, err error) {
		m, err := NewMap("csv", "map.yaml", []byte(doc+head), Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = m.CSV(strings.NewReader(log), func(r *Record) error {
			values = append(values, r.Value)
			return nil
		})
		return values, err
	}
	got, err := read("csv: {separator: ';', columns: [a, b]}\n", "1;\"x;y\"\n2;z")
	if diff := cmp.Diff([]any{map[string]any{"a": "1", "b": "x;y"}, map[string]any{"a": "2", "b": "z"}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = read("csv: {separator: \"\\t\", quotes: none}\n", "id\tt\n\"1\t2\n")
	if diff := cmp.Diff([]any{map[string]any{"id": `"1`, "t": "2"}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, header := range []string{"a,a\n1,2", "a,\n1,2", "\"a\n1"} {
		if _, err := read("", header); err == nil || !strings.Contains(err.Error(), "header") {
			t.Errorf("%q: %v", header, err)
		}
	}
}
