"""The process in which a typed query runs: `python -m fakelake.catalog.select_worker`, spoken to by `guard`.

On stdin a request as JSON. On stdout the line `ready`, then a line of JSON, and if that does not say `refused`
an Arrow stream. One SELECT, none but known table functions, no file outside the lake, settings locked, memory
limited twice: by DuckDB for its tables, by the kernel for all else.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from fakelake.catalog import duck
from fakelake.catalog.location import LakeLocation
from fakelake.catalog.schemas import TABLES

# Others can write: SELECT * FROM enable_logging(...) puts files into an allowed directory. And `query` and
# `query_table` run text that nobody has looked at.
TABLE_FUNCTIONS = frozenset({
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary", "glob",
    "read_parquet", "parquet_scan", "parquet_metadata", "parquet_file_metadata", "parquet_schema",
    "read_csv", "read_csv_auto", "read_json", "read_json_auto", "read_ndjson", "read_text", "read_blob",
    "duckdb_columns", "duckdb_views", "duckdb_functions", "duckdb_types", "pragma_table_info",
})  # fmt: skip

# Code, threads' stacks and Arrow's pools, beside what DuckDB counts.
HEADROOM_BYTES = 1 << 30


class Refused(Exception):
    """Why not, for the person who typed the query."""


def main() -> None:
    request = json.load(sys.stdin)
    memory = request["memory_bytes"] + HEADROOM_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (request["cpu_s"], request["cpu_s"]))  # should our caller have died
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    verdict, answer = {}, b""
    try:
        location = LakeLocation(request["root"], request["storage_options"])
        connection = duck.connect(location)
        connection.execute(request["views"])
        _say(b"ready")
        check(connection, request["sql"])
        confine(connection, location.root, request["memory_bytes"], request["threads"])
        answer = answer_bytes(connection, request["sql"], request["max_bytes"])
    except (Refused, duckdb.Error, duck.ExtensionMissing, pa.ArrowException, RuntimeError) as error:
        verdict = {"refused": str(error) or type(error).__name__}
    _say(json.dumps(verdict).encode())
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raises Refused unless `sql` is one SELECT that calls known table functions only."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise Refused(f"One SELECT at a time, please; this is {len(statements)} statements.")
    [statement] = statements
    # DuckDB turns a PRAGMA that only shows something into a SELECT of its own: then the text is not the person's.
    if statement.type != duckdb.StatementType.SELECT or statement.query.strip().rstrip(";") not in sql:
        raise Refused("Only SELECT is allowed here (also WITH, FROM, VALUES, DESCRIBE and SHOW).")
    # Not as a parameter: DuckDB would import pandas first, for two seconds.
    [(text,)] = connection.execute(f"SELECT json_serialize_sql({duck.quote(sql)})").fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise Refused(tree.get("error_message", "This statement cannot be checked."))
    if unknown := sorted(set(_table_functions(tree)) - TABLE_FUNCTIONS):
        raise Refused(f"The table function {unknown[0]} is not allowed here.")


def confine(connection: duckdb.DuckDBPyConnection, root: str, memory_bytes: int, threads: int) -> None:
    """Nothing outside the lake's tables from here on, and no way back."""
    connection.execute(f"SET memory_limit = '{int(memory_bytes)}B'")
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute("SET temp_directory = ''")
    connection.execute("SET python_enable_replacements = false")  # Python's variables are no tables
    connection.execute(f"SET allowed_directories = [{tables_of(root)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def tables_of(root: str) -> str:
    """The directories of a lake's tables, quoted: what else lies in a lake (servers' records, keys, models) is not
    for questions. The second spelling is how the views name them when the path holds signs of a glob pattern."""
    directories = [f"{root}/{name}/" for name in (*TABLES, "_seeds")]
    return ", ".join(quoted(directory) for directory in directories for quoted in (duck.quote, duck.quote_file))


def answer_bytes(connection: duckdb.DuckDBPyConnection, sql: str, max_bytes: int) -> bytes:
    """The answer as an Arrow stream. Raises Refused if it grows beyond `max_bytes`."""
    reader = connection.execute(sql).to_arrow_reader(10_000)
    sink, size = pa.BufferOutputStream(), 0
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            size += batch.nbytes
            if size > max_bytes:
                raise Refused(
                    f"The answer is larger than {max_bytes >> 20} MiB. Add a LIMIT, or ask for fewer columns."
                )
            stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _table_functions(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "TABLE_FUNCTION":
            yield node["function"]["function_name"].lower()
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _table_functions(child)


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
