"""Carries BigQuery SQL over to DuckDB's.

Reads a JSON list of queries from stdin and writes the list of their translations to stdout. It knows nothing
of us: what it makes of our BigQuery statements is run by the tests of sql/warehouse, on the inputs that
the DuckDB ones are tested on.
"""

import json
import sys

import sqlglot

queries = json.load(sys.stdin)
translated = [
    sqlglot.transpile(q, read="bigquery", write="duckdb", pretty=True, unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
    for q in queries
]
json.dump(translated, sys.stdout)
