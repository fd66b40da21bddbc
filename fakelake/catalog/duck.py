"""Opening a lake's files: DuckDB connections and Arrow file systems, local or on S3."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pyarrow.fs

from fakelake.catalog.location import LakeLocation


class ExtensionMissing(RuntimeError):
    """DuckDB cannot read S3 without its httpfs extension."""


def connect(location: LakeLocation) -> duckdb.DuckDBPyConnection:
    """An in-memory connection that can read the lake's files. Raises ExtensionMissing."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET enable_progress_bar = false")
    if not location.is_local:
        _load_httpfs(connection)
        connection.execute(_secret(location))
    return connection


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_file(path: str) -> str:
    """A SQL string literal that DuckDB takes for one file, even with the signs of a glob pattern in its name."""
    return quote("".join(f"[{sign}]" if sign in "*?[" else sign for sign in path))


def dicts(connection: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> list[dict[str, Any]]:
    """The whole answer, a dict a row."""
    result = connection.execute(query, parameters) if parameters is not None else connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def arrow_filesystem(location: LakeLocation) -> tuple[pyarrow.fs.FileSystem, str]:
    """An Arrow file system and the lake's root in it."""
    if location.is_local:
        return pyarrow.fs.LocalFileSystem(), location.root
    options = location.storage_options
    endpoint = urlsplit(options.get("AWS_ENDPOINT_URL", ""))
    filesystem = pyarrow.fs.S3FileSystem(
        access_key=options.get("AWS_ACCESS_KEY_ID"),
        secret_key=options.get("AWS_SECRET_ACCESS_KEY"),
        session_token=options.get("AWS_SESSION_TOKEN"),
        region=options.get("AWS_REGION"),
        scheme=endpoint.scheme or "https",
        endpoint_override=endpoint.netloc or None,
    )
    return filesystem, location.root.removeprefix("s3://")


def _load_httpfs(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("LOAD httpfs")
        return
    except duckdb.Error:
        spec = importlib.util.find_spec("duckdb_extension_httpfs")
    for directory in (spec.submodule_search_locations or []) if spec else []:
        for file in Path(directory).glob(f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension"):
            connection.execute(f"LOAD {quote(str(file))}")
            return
    raise ExtensionMissing(
        "A lake on S3 needs DuckDB's httpfs extension. Install the package "
        f"duckdb-extension-httpfs=={duckdb.__version__}, or run INSTALL httpfs once in a DuckDB shell."
    )


def _secret(location: LakeLocation) -> str:
    options = location.storage_options
    endpoint = urlsplit(options.get("AWS_ENDPOINT_URL", ""))
    known = {
        "KEY_ID": options.get("AWS_ACCESS_KEY_ID"),
        "SECRET": options.get("AWS_SECRET_ACCESS_KEY"),
        "SESSION_TOKEN": options.get("AWS_SESSION_TOKEN"),
        "REGION": options.get("AWS_REGION"),
        "ENDPOINT": endpoint.netloc,
    }
    clauses = ["TYPE s3", *(f"{name} {quote(value)}" for name, value in known.items() if value)]
    if endpoint.netloc:  # a server of one's own answers to bucket/key, seldom to bucket.host
        clauses += ["URL_STYLE 'path'", f"USE_SSL {'true' if endpoint.scheme == 'https' else 'false'}"]
    return f"CREATE SECRET lake ({', '.join(clauses)})"
