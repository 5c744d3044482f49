// Package logs turns ad logs into slots: it opens them (plain, gzip, xz, Zstandard, by their first bytes),
// splits them into records, and maps each record to slots by a map.
//
//	file --Open--> bytes --records--> record (any) --Map--> []model.Slot, each good or with a reason
//
// Every format is a map over records. OpenRTB and iPinYou come with one (openrtb.yaml, ipinyou.yaml in this
// package: the mapping to conventional names is all there); JSON lines, CSV and Parquet without one use
// the names of semantics 2. A map file given besides replaces columns of the format's map one by one, or
// is the whole map where the format has none.
//
// # The map language
//
// A map is a YAML document:
//
//	root: request                # optional: where the record begins within a line
//	explode: imp                 # optional: one slot per element of this array, which paths call @
//	rest: true                   # optional: every top-level key that no column uses becomes a dimension
//	csv: {separator: ";", columns: [a, b]}  # optional: columns names those of a file without a header line
//	columns:                     # what each column of the slots is made of
//	  slot_id:   {join: [id, "@.id"], separator: "/"}
//	  time:      {path: timestamp, unit: s}
//	  user_id:   {path: userIds.xchg, missing: [VoE2kuuFV04], unless: {device.lmt: [1]}}
//	  floor_cpm: {path: "@.bidfloor", currency_path: "@.bidfloorcur", currency: USD}
//	  country:   location.countryCode
//	  size:      {multi: true, from: [{each: "@.banner.format[*]", join: [.w, .h], separator: x}]}
//	  language:  none            # drops a column of the format's map
//
// A path is keys joined by dots, with [0] for an element of an array, [*] for all of them, and ["a.b"] for a
// key with special characters. It begins at the root; `@` begins at the exploded element, `.` at the
// element of an `each`, `$` at the whole line.
//
// Where a column comes from, one or a list of these under `from` (one alone can stand in the column itself;
// a text alone is a path). The first that has a value counts; for a multi-valued column, all of them:
//
//	path: P                              the values there
//	value: TEXT                          a constant
//	join: [P, P], separator: S           the values, all of which must be there, joined
//	each: P, join: [.w, .h]              the same for every element of an array
//	present: {banner: "@.banner"}        the names of the paths at which there is something
//
// What is done with the values, in this order:
//
//	split: ","                a text is a list with this separator
//	missing: [null, "0"]      these values are none; for user_id: ids of nobody in particular
//	unless: {P: [1, true]}    the column is missing if the path has one of these values
//	values: {1: mobile}       values are renamed; those not listed stay, or become `otherwise: other`
//	case: lower               or upper
//	default: D                if there is none
//	required: true            a slot without a value is rejected
//	multi: true               a multi-valued dimension
//
// For time: `unit` is s, ms, us or ns since 1970 (fractions are allowed and floored to microseconds), or rfc3339
// (default), or `format` is a layout (%Y %m %d %H %M %S %L milliseconds %f fraction %z offset %b month
// name); `timezone` is of times without an offset (default: the study's).
//
// For floor_cpm: `amount` is units (default), cents, micros or nanos of the currency; `per` is mille (default)
// or impression; `currency` is a constant (or the default of `currency_path`); a currency other than the
// study's needs a rate; `max` rejects a floor above it, in units of the study's currency per mille.
package logs
