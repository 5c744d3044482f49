-- Snapshots as DuckDB writes them. Run by fixtures.go.
CREATE TABLE slots AS
SELECT 'slot-' || i                                          AS slot_id,
       TIMESTAMPTZ '2026-07-01 00:00:00+00' + i * INTERVAL 90 MINUTE AS time,
       CASE WHEN i % 4 = 0 THEN NULL ELSE 'user-' || (i % 3) END     AS user_id,
       'request-' || (i // 2)                                AS request_id,
       (i % 5)::DECIMAL(12, 4) / 8                            AS floor_cpm,
       CASE WHEN i % 7 = 0 THEN NULL ELSE ['US', 'CA', 'MX'][1 + i % 3] END AS country,
       (i - 3)::INTEGER                                      AS whole,
       (18446744073709551615 - i)::UBIGINT                 AS unsigned,
       i % 2 = 0                                             AS flag,
       (i / 4.0)::DOUBLE                                     AS quarter,
       (i / 10.0)::FLOAT                                     AS tenth,
       (i * 25)::DECIMAL(9, 3) / 100                         AS price,
       DATE '2026-02-27' + i::INTEGER                        AS date,
       ('00000000-0000-0000-0000-00000000000' || i)::UUID    AS uuid,
       list_transform(range(i % 3), x -> 'seg' || x)         AS segments,
       CASE WHEN i = 1 THEN NULL ELSE [i::BIGINT, NULL, i::BIGINT + 1, i::BIGINT] END AS numbers
FROM range(5) t(i);

COPY slots TO 'testdata/duckdb_types.parquet' (FORMAT parquet, COMPRESSION zstd);
COPY slots TO 'testdata/duckdb_v2.parquet' (FORMAT parquet, COMPRESSION snappy, PARQUET_VERSION v2);
COPY slots TO 'testdata/duckdb_gzip.parquet' (FORMAT parquet, COMPRESSION gzip);
COPY slots TO 'testdata/duckdb_lz4.parquet' (FORMAT parquet, COMPRESSION lz4_raw);
COPY slots TO 'testdata/duckdb_brotli.parquet' (FORMAT parquet, COMPRESSION brotli);
COPY slots TO 'testdata/duckdb_plain.parquet' (FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1);

-- Times of every kind that DuckDB has: 2026-07-01 12:00:00.123456 (.789), local ones among them.
COPY (SELECT 'a' AS slot_id, TIMESTAMP '2026-07-01 12:00:00.123456' AS time) TO 'testdata/duckdb_local_us.parquet' (FORMAT parquet);
COPY (SELECT 'a' AS slot_id, TIMESTAMP_MS '2026-07-01 12:00:00.123' AS time) TO 'testdata/duckdb_local_ms.parquet' (FORMAT parquet);
COPY (SELECT 'a' AS slot_id, TIMESTAMP_NS '2026-07-01 12:00:00.123456789' AS time) TO 'testdata/duckdb_local_ns.parquet' (FORMAT parquet);
COPY (SELECT 'a' AS slot_id, TIMESTAMPTZ '2026-07-01 12:00:00.123456+00' AS time, 0.1::DOUBLE AS floor_cpm, 7::BIGINT AS user_id) TO 'testdata/duckdb_utc_us.parquet' (FORMAT parquet);

-- Several row groups, sizes beyond one page of codes, high cardinality.
COPY (SELECT 'id-' || i AS slot_id, TIMESTAMPTZ '2026-07-01 00:00:00+00' + i * INTERVAL 1 SECOND AS time,
             'u' || (i * 7919 % 1013) AS user_id, 's' || (i % 37) AS site, [('t' || (i % 11)), ('t' || (i % 13))] AS tags
      FROM range(6000) t(i)) TO 'testdata/duckdb_groups.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048, COMPRESSION zstd);

-- What a snapshot can't be.
COPY (SELECT 'a' AS slot_id, TIMESTAMPTZ '2026-07-01 00:00:00+00' AS time, {'x': 1, 'y': 2} AS device) TO 'testdata/duckdb_struct.parquet' (FORMAT parquet);
COPY (SELECT 'a' AS slot_id, TIMESTAMPTZ '2026-07-01 00:00:00+00' AS time, MAP {'x': 1} AS labels) TO 'testdata/duckdb_map.parquet' (FORMAT parquet);
COPY (SELECT 'a' AS slot_id, TIMESTAMPTZ '2026-07-01 00:00:00+00' AS time, [[1]] AS nested) TO 'testdata/duckdb_nested.parquet' (FORMAT parquet);
COPY (SELECT 'a' AS slot_id, 1782864000 AS time) TO 'testdata/duckdb_number_time.parquet' (FORMAT parquet);
COPY (SELECT NULL::VARCHAR AS slot_id, TIMESTAMPTZ '2026-07-01 00:00:00+00' AS time) TO 'testdata/duckdb_null_id.parquet' (FORMAT parquet);
