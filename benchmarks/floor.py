"""The floor: DuckDB parses every column of the file and counts its values. Usage: floor.py FILE."""

import sys

import duckdb

connection = duckdb.connect(config={"memory_limit": "1GB"})
connection.execute("SET enable_progress_bar = false")
row = connection.execute(
    "SELECT count(*), count(COLUMNS(*)) "
    "FROM read_csv(?, delim='|', quote='', escape='', header=true, all_varchar=true)",
    [sys.argv[1]],
).fetchone()
print(row[0], "lignes")
