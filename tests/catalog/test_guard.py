import time
from pathlib import Path

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.guard import SqlRefused, run_select
from fakelake.catalog.lake import Lake
from tests.catalog.rows import write_video


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake.create(tmp_path_factory.mktemp("it's [1]") / "lake")
    commit_videos(lake, [write_video(lake, 1)])
    return lake


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) AS n FROM frames;", 1),
        ("WITH v AS (FROM videos) SELECT video_id FROM v -- a remark; with a semicolon", 1),
        ("DESCRIBE crops", 7),
        ("SELECT unnest([1, 2]) FROM range(3)", 6),
        ("FROM coverage", 1),
    ],
)
def test_a_question_is_answered(lake, sql, rows):
    assert len(run_select(lake, sql)) == rows


def test_pictures_come_back_as_bytes(lake):
    [picture] = run_select(lake, "SELECT image FROM crops WHERE frame = 0")["image"].to_pylist()
    assert picture.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{out}'",
        "ATTACH '{out}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 64",
        "PRAGMA threads = 64",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "EXPORT DATABASE '{out}'",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO videos SELECT * FROM videos",
        "EXPLAIN ANALYZE SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (SELECT 1) TO '{out}'",
        "",
        "-- nothing",
    ],
)
def test_what_is_not_one_select_is_refused(lake, sql):
    out = lake.location.path("written")  # inside the lake, where DuckDB itself would allow it
    with pytest.raises(SqlRefused, match=r"One SELECT|Only SELECT"):
        run_select(lake, sql.format(out=out.as_posix().replace("'", "''")))
    assert not out.exists()


@pytest.mark.parametrize(
    "source",
    [
        "read_text('/etc/passwd')",
        "'/etc/passwd.csv'",
        "glob('/etc/*')",
        "read_text('{root}/../../../../../../etc/passwd')",
        "read_text('{root}/*/../../../../../../etc/passwd')",
        "read_blob('{root}elsewhere/file')",
        "read_csv('https://example.com/x.csv')",
    ],
)
def test_files_outside_the_lake_are_not_read(lake, source):
    root = lake.location.root.replace("'", "''")
    with pytest.raises(SqlRefused, match=r"disabled by configuration|does not exist"):
        run_select(lake, f"SELECT * FROM {source.format(root=root)}")


@pytest.mark.parametrize(
    "sql",
    [
        "FROM enable_logging(storage := 'file', storage_path := '{out}')",
        "SELECT (SELECT count(*) FROM enable_logging(storage := 'file', storage_path := '{out}'))",
        "SELECT * FROM videos WHERE EXISTS (FROM query('SELECT 1'))",
        "FROM query_table('enable_logging')",
        "FROM duckdb_secrets()",
    ],
)
def test_table_functions_that_act_or_tell_secrets_are_refused(lake, sql):
    out = lake.location.path("logs")
    with pytest.raises(SqlRefused, match="table function"):
        run_select(lake, sql.format(out=out.as_posix().replace("'", "''")))
    assert not out.exists()


def test_python_s_variables_are_no_tables(lake):
    with pytest.raises(SqlRefused, match="does not exist"):
        run_select(lake, "SELECT * FROM request")


@pytest.mark.parametrize("sql", ["SELCT 1", "SELECT no_such_column FROM videos"])
def test_an_error_is_told_in_duckdb_s_words(lake, sql):
    with pytest.raises(SqlRefused, match=r"Parser Error|Binder Error"):
        run_select(lake, sql)


def test_a_query_that_takes_too_long_is_stopped(lake):
    before = time.monotonic()
    with pytest.raises(SqlRefused, match="Stopped after 1 s"):
        run_select(lake, "SELECT count(*) FROM range(1000000000) AS a, range(100000) AS b", timeout_s=1)
    assert time.monotonic() - before < 300


def test_a_function_that_cannot_be_interrupted_is_stopped_all_the_same(lake):
    """One vector of 2,048 strings of 10 MB: DuckDB neither counts nor interrupts it."""
    with pytest.raises(SqlRefused, match=r"memory|Memory|Stopped"):
        run_select(
            lake, "SELECT sum(length(repeat('x', 10000000 + range))) FROM range(2048)", timeout_s=20, memory="200MB"
        )


def test_an_answer_has_a_largest_size(lake):
    with pytest.raises(SqlRefused, match="larger than 1 MiB"):
        run_select(lake, "SELECT * FROM range(1000000)", max_bytes=1 << 20)


def test_a_mistyped_amount_of_memory_is_told(lake):
    with pytest.raises(SqlRefused, match="512MB"):
        run_select(lake, "SELECT 1", memory="lots")


def test_a_snapshot_can_be_asked(lake):
    empty = dict.fromkeys(lake.snapshot(), 0)
    assert run_select(lake.at(empty), "SELECT count(*) AS n FROM frames")["n"].to_pylist() == [0]


@pytest.mark.parametrize("sql", [
    "SELECT * FROM read_text('{root}/_up/desk/first_password')",
    "SELECT * FROM read_text('{root}/labels/../_up/desk/first_password')",
    "SELECT * FROM read_blob('{root}/_up/desk/desk.db')",
    "SELECT * FROM glob('{root}/_up/**')",
    "SELECT * FROM read_text('{root}/_mlflow/key')",
])  # fmt: skip
def test_of_a_lake_only_the_tables_can_be_read_not_what_servers_keep_there(lake, sql):
    root = lake.location.root
    for name in ("_up/desk/first_password", "_up/desk/desk.db", "_mlflow/key"):
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a secret")
    try:
        answer = run_select(lake, sql.format(root=root))
    except SqlRefused:
        return
    assert answer.num_rows == 0, answer
