"""SQL that people type, answered without letting it write, or read anything but the lake.

A read-only connection is not enough: it can still COPY out, read any file of the machine, and a plain SELECT
can call a table function that writes log files. So: one SELECT, none but known table functions, no files outside
the lake, settings locked, bounded time and memory.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from fakelake.catalog import duck
from fakelake.catalog.lake import Lake

# `query` and `query_table` are missing: they run text that nobody has looked at.
TABLE_FUNCTIONS = frozenset(
    """
    range generate_series unnest repeat repeat_row json_each json_tree summary glob
    read_parquet parquet_scan parquet_metadata parquet_file_metadata parquet_schema parquet_kv_metadata
    read_csv read_csv_auto read_json read_json_auto read_ndjson read_text read_blob sniff_csv
    duckdb_columns duckdb_views duckdb_functions duckdb_types pragma_table_info
    """.split()
)


class SqlRefused(ValueError):
    """A query is not run, or was stopped; the message says why, for the person who typed it."""


def run_select(
    lake: Lake, sql: str, timeout_s: float = 60.0, memory: str = "1GB", threads: int = 2, max_bytes: int = 1 << 30
) -> pa.Table:
    """The answer to one SELECT (or WITH, FROM, VALUES, DESCRIBE, SHOW) over the lake's views.

    memory:    what DuckDB may use, e.g. `512MB`; it spills nothing to disk
    max_bytes: the largest answer, in bytes of Arrow
    Raises SqlRefused: not one SELECT, a forbidden function or file, too long, too large, or an error in the SQL.
    """
    with lake.connect() as connection:
        _check(connection, sql)
        _confine(connection, lake, memory, threads)
        with _time_limit(connection, timeout_s) as ran_out:
            try:
                answer = connection.execute(sql).to_arrow_reader(10_000)
                batches, size = [], 0
                for batch in answer:
                    batches.append(batch)
                    size += batch.nbytes
                    if size > max_bytes:
                        raise SqlRefused(
                            f"The answer is larger than {max_bytes >> 20} MiB. Add a LIMIT, or fewer columns."
                        )
                return pa.Table.from_batches(batches, schema=answer.schema)
            except (duckdb.Error, pa.ArrowException, RuntimeError) as error:
                if ran_out.is_set():
                    raise SqlRefused(
                        f"Stopped after {timeout_s:g} s. Narrow it down, e.g. WHERE video_id = ..., or allow more time."
                    ) from None
                raise SqlRefused(str(error)) from None


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise SqlRefused(str(error)) from None
    if len(statements) != 1:
        raise SqlRefused(f"One SELECT at a time, please; this is {len(statements)} statements.")
    [statement] = statements
    # DuckDB turns a PRAGMA that only shows something into a SELECT of its own: then the text is not the person's.
    if statement.type != duckdb.StatementType.SELECT or statement.query.strip().rstrip(";") not in sql:
        raise SqlRefused("Only SELECT is allowed here (also WITH, FROM, VALUES, DESCRIBE and SHOW).")
    [(text,)] = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise SqlRefused(tree.get("error_message", "This statement cannot be checked."))
    if unknown := sorted(set(_table_functions(tree)) - TABLE_FUNCTIONS):
        raise SqlRefused(f"The table function {unknown[0]} is not allowed here.")


def _table_functions(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "TABLE_FUNCTION":
            yield node["function"]["function_name"].lower()
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _table_functions(child)


def _confine(connection: duckdb.DuckDBPyConnection, lake: Lake, memory: str, threads: int) -> None:
    if not re.fullmatch(r"\d+(\.\d+)?\s*[KMGT]i?B", memory):
        raise SqlRefused(f"{memory!r} is no amount of memory. Write it like 512MB or 2GB.")
    inside = f"{lake.location.root}/"
    connection.execute(f"SET memory_limit = {duck.quote(memory)}")
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute("SET temp_directory = ''")
    connection.execute("SET python_enable_replacements = false")  # Python's variables are no tables
    # The second spelling is how the views name the lake when its path holds signs of a glob pattern.
    connection.execute(f"SET allowed_directories = [{duck.quote(inside)}, {duck.quote_file(inside)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextlib.contextmanager
def _time_limit(connection: duckdb.DuckDBPyConnection, timeout_s: float) -> Iterator[threading.Event]:
    done, ran_out = threading.Event(), threading.Event()

    def watch() -> None:
        if not done.wait(timeout_s):
            ran_out.set()
            while not done.is_set():  # an interrupt between two phases of a query is lost
                connection.interrupt()
                done.wait(0.05)

    watcher = threading.Thread(target=watch, daemon=True, name="sql time limit")
    watcher.start()
    try:
        yield ran_out
    finally:
        done.set()
        watcher.join()
