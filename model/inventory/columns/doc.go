// Package columns reads the columns of Parquet files that may be hostile.
//
//	file --Open--> File, []*Column --Pages--> Page by page --> Vector of values (dictionary or plain)
//
// The footer and the page headers are decoded by the Parquet library's own structures, after a walk
// over their bytes has shown that no list or string in them claims more than there is. Pages are
// decoded here rather than by the library, because its decoders trust the counts of runs and blocks
// in the data: a page of a dozen bytes can make them allocate gigabytes. Here every count is compared
// with a bound before anything is allocated for it:
//
//	file      footer at most 64 MiB; schema elements, columns and row groups bounded
//	chunk     lies within the file; its values equal the rows of its group (scalar columns)
//	page      at most 16 Mi values; at most 256 MiB, and 2048 times its compressed size beyond 16 MiB
//	run, block, length, dictionary index   within the page
//
// What DuckDB, Arrow (pandas, polars), Spark, BigQuery and parquet-go write is read: data pages of both
// versions; the encodings PLAIN, dictionary, RLE, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY,
// DELTA_BYTE_ARRAY and BYTE_STREAM_SPLIT; no compression, Snappy, gzip, Zstandard, LZ4_RAW and Brotli.
// Encrypted files are refused.
package columns
