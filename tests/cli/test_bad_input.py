# SPDX-License-Identifier: Apache-2.0
"""Bad input: a clear error, exit code 1 (2 for wrong usage), nothing half-written, what was there unchanged."""
import json
import os
import resource
import signal
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

DIM = 8


def rows(n=100, dim=DIM, **columns):
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(n, dim)).astype(np.float32)
    return pa.table({"id": pa.array(range(n), pa.int64()), "word": [f"w{i}" for i in range(n)],
                     "v": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dim)} | columns)


def snapshot_of(lake, table="db.t"):
    """Everything of a table folder that a failed command must leave alone."""
    folder = lake.table_folder(table)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def table(lake, tmp_path):
    pq.write_table(rows(), tmp_path / "good.parquet")
    lake.run("ingest", "db.t", tmp_path / "good.parquet", "--vector", "v")
    return lake


def refused(lake, tmp_path, data, *says, args=()):
    before = snapshot_of(lake)
    path = tmp_path / "bad.parquet"
    pq.write_table(data, path)
    done = lake.run("ingest", "db.t", path, *args, code=1)
    for text in says:
        assert text in done.stderr, done.stderr
    assert snapshot_of(lake) == before
    assert lake.iceberg("db.t").num_rows == 100


def with_vectors(values, n=3):
    return pa.table({"id": range(n), "word": ["x"] * n, "v": pa.array(values, pa.list_(pa.float32()))})


def test_a_wrong_dimension_names_the_row(table, tmp_path):
    refused(table, tmp_path, with_vectors([[1.0] * 8, [1.0] * 7, [1.0] * 8]), "row 1", "7", "8")


@pytest.mark.parametrize("value,says", [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_nan_and_infinity_name_row_and_element(table, tmp_path, value, says):
    refused(table, tmp_path, with_vectors([[1.0] * 8, [1.0] * 8, [1.0] * 3 + [value] + [1.0] * 4]), "row 2",
            "element 3", says)


def test_a_zero_vector_under_cosine_names_the_row(table, tmp_path):
    refused(table, tmp_path, with_vectors([[1.0] * 8, [0.0] * 8, [1.0] * 8]), "row 1", "zero")


def test_bad_vectors_can_be_stored_as_null_or_dropped(table, tmp_path):
    pq.write_table(with_vectors([[1.0] * 8, [0.0] * 8, None]), tmp_path / "mixed.parquet")
    table.run("ingest", "db.t", tmp_path / "mixed.parquet", "--on-bad-vectors", "null")
    assert table.iceberg("db.t").num_rows == 103
    assert table.iceberg("db.t")["v"].null_count == 2
    table.run("ingest", "db.t", tmp_path / "mixed.parquet", "--on-bad-vectors", "drop")
    assert table.iceberg("db.t").num_rows == 105
    assert "is sound" in table.run("verify", "db.t").stdout


def test_a_row_that_rounds_to_zero_beside_a_huge_one_is_bad_in_precision_i8(lake, tmp_path):
    huge, small = [1000.0] + [0.0] * 7, [0.0, 0.9] + [0.0] * 6
    source = tmp_path / "mixed.parquet"
    pq.write_table(with_vectors([huge, small, [300.0] * 8]), source)
    ingest = ("ingest", "db.t", source, "--vector", "v", "--precision", "i8")
    done = lake.run(*ingest, code=1)
    assert "row 1" in done.stderr and "rounds to zero" in done.stderr, done.stderr
    assert not lake.files("db.t")
    lake.run(*ingest, "--on-bad-vectors", "null")
    assert lake.iceberg("db.t")["v"].to_pylist() == [huge, None, [304.0] * 8]
    lake.run(*ingest, "--on-bad-vectors", "drop")
    rows = lake.iceberg("db.t").sort_by("id")
    assert rows["id"].to_pylist() == [0, 0, 1, 2, 2]
    assert rows["v"].to_pylist() == [huge, huge, None, [304.0] * 8, [304.0] * 8]
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_a_short_row_is_good_in_precision_i8_where_no_direction_is_needed(lake, tmp_path):
    source = tmp_path / "mixed.parquet"
    pq.write_table(with_vectors([[1000.0] + [0.0] * 7, [0.0, 0.9] + [0.0] * 6, None]), source)
    lake.run("ingest", "db.t", source, "--vector", "v", "--precision", "i8", "--metric", "euclidean")
    assert lake.iceberg("db.t")["v"].to_pylist() == [[1000.0] + [0.0] * 7, [0.0] * 8, None]


def test_a_missing_embedding_column_is_named(table, tmp_path):
    refused(table, tmp_path, rows().drop_columns(["v"]), "'v'")


def test_an_unknown_column_is_named(table, tmp_path):
    refused(table, tmp_path, rows(surprise=pa.array([1] * 100)), "'surprise'")


def test_a_column_of_another_type_is_named(table, tmp_path):
    refused(table, tmp_path, rows(id=pa.array(["x"] * 100)), "'id'", "string")


def test_an_npy_file_with_fewer_or_more_rows_is_refused(table, tmp_path):
    for n in (99, 101):
        np.save(tmp_path / "v.npy", np.ones((n, DIM), np.float32))
        refused(table, tmp_path, rows().drop_columns(["v"]), str(n), args=("--vectors", tmp_path / "v.npy"))


def test_missing_optional_columns_become_null(table, tmp_path):
    pq.write_table(rows().drop_columns(["word"]), tmp_path / "fewer.parquet")
    table.run("ingest", "db.t", tmp_path / "fewer.parquet")
    assert table.iceberg("db.t")["word"].null_count == 100


def test_a_folder_that_is_no_table_is_told_from_a_missing_one(table):
    (table.folder / "db" / "notes").mkdir()
    (table.folder / "db" / "notes" / "a.txt").write_text("x")
    assert "notes is no table" in table.run("info", "db.notes", code=1).stderr
    assert "db.nothing" in table.run("scan", "db.nothing", code=1).stderr
    assert "no catalog folder" in subprocess.run(
        [*table_command(table, folder=table.folder / "missing"), "list"], capture_output=True, text=True).stderr


def table_command(lake, folder=None):
    from conftest import BINARY
    return [str(BINARY), "-C", str(folder or lake.folder)]


def test_truncated_and_foreign_inputs_are_named(table, tmp_path):
    whole = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    (tmp_path / "foreign.parquet").write_bytes(b"this is no Parquet file at all")
    (tmp_path / "empty.parquet").write_bytes(b"")
    for name in ("cut", "foreign", "empty"):
        before = snapshot_of(table)
        assert f"{name}.parquet" in table.run("ingest", "db.t", tmp_path / f"{name}.parquet", code=1).stderr
        assert snapshot_of(table) == before
    assert "absent.parquet" in table.run("ingest", "db.t", tmp_path / "absent.parquet", code=1).stderr


def test_a_truncated_data_file_is_reported_by_every_reader(table):
    path = table.files("db.t")[0]
    path.write_bytes(path.read_bytes()[:-50])
    for command in (["scan", "db.t"], ["search", "db.t", "--vector", "[1,1,1,1,1,1,1,1]"], ["verify", "db.t"]):
        done = table.run(*command, code=1)
        assert path.name in done.stdout + done.stderr


def test_k_of_zero_is_refused_and_a_large_k_gives_every_row(table):
    query = json.dumps([1.0] * DIM)
    assert "k" in table.run("search", "db.t", "--vector", query, "--k", 0, code=1).stderr
    found = table.run("search", "db.t", "--vector", query, "--k", 1000, "--json", "--columns", "id").stdout
    assert sorted(json.loads(line)["id"] for line in found.splitlines()) == list(range(100))


def test_an_ef_below_k_still_gives_k_rows(table):
    found = table.run("search", "db.t", "--vector", json.dumps([1.0] * DIM), "--k", 50, "--ef", 3, "--json").stdout
    assert len(found.splitlines()) == 50


@pytest.mark.parametrize("vector,says", [("[1,2]", "2 elements"), ("[1,2,3,4,5,6,7,nan]", "finite"),
                                         ("[0,0,0,0,0,0,0,0]", "zero"), ("[1,2,x,4,5,6,7,8]", "element 2")])
def test_bad_queries_say_what_is_wrong(table, vector, says):
    assert says in table.run("search", "db.t", "--vector", vector, code=1).stderr


def test_unknown_columns_in_queries_are_named(table):
    query = json.dumps([1.0] * DIM)
    assert "'nope'" in table.run("search", "db.t", "--vector", query, "--columns", "nope", code=1).stderr
    assert "'nope'" in table.run("search", "db.t", "--vector", query, "--column", "nope", code=1).stderr
    assert "'nope'" in table.run("scan", "db.t", "--columns", "nope", code=1).stderr
    assert "4711" in table.run("search", "db.t", "--like-id", "4711", code=1).stderr


def test_wrong_usage_ends_with_2(table):
    table.run("search", code=2)
    table.run("frobnicate", code=2)
    table.run("search", "db.t", "--k", "many", "--vector", "[1]", code=2)
    table.run(code=2)
    assert "namespace.table" in table.run("--help").stdout


@pytest.mark.parametrize("name", ["justaname", "a..b", "../x.y", "a.b/c", ""])
def test_bad_table_names_are_refused(lake, name):
    done = lake.run("create", name, code=1 if name else 1)
    assert done.stderr.strip()


def test_an_existing_table_is_not_created_again(table):
    before = snapshot_of(table)
    assert "exists" in table.run("create", "db.t", code=1).stderr
    assert snapshot_of(table) == before


def test_a_table_with_another_policy_is_not_opened_by_it(table, tmp_path):
    done = table.run("ingest", "db.t", tmp_path / "good.parquet", "--vector", "v", "--metric", "euclidean", code=1)
    assert "exists with other" in done.stderr


def as_nobody():
    """For a child process: permissions mean nothing to root."""
    if os.geteuid() == 0:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)


def test_a_read_only_folder_gives_an_error_and_no_files(table, tmp_path):
    for path in [tmp_path, *tmp_path.parents]:
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o555)
    folders = [path for path in table.folder.rglob("*") if path.is_dir()]
    for path in folders:
        path.chmod(0o555)
    try:
        before = snapshot_of(table)
        done = subprocess.run([*table_command(table), "ingest", "db.t", str(tmp_path / "good.parquet")],
                              capture_output=True, text=True, preexec_fn=as_nobody)
        assert done.returncode == 1 and "ermission denied" in done.stderr, done.stderr
        assert snapshot_of(table) == before
    finally:
        for path in folders:
            path.chmod(0o755)


@pytest.fixture
def small_disk(tmp_path):
    """A place with room for about 3 MB, and what a program hears when it is full."""
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)], capture_output=True)
    if mounted.returncode == 0:
        yield mount, None, "No space left"
        subprocess.run(["umount", str(mount)], check=True)
    else:
        # Only root may mount; a limit on file sizes fails writes half-way just as well.
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        yield mount, limit, "too large"


def test_a_full_disk_gives_an_error_and_leaves_the_table_whole(tmp_path, small_disk):
    from conftest import Lake
    mount, limit, says = small_disk
    lake = Lake(mount / "lake")
    pq.write_table(rows(), tmp_path / "good.parquet")
    lake.run("ingest", "db.t", tmp_path / "good.parquet", "--vector", "v")
    pq.write_table(rows(3000, 300), tmp_path / "large.parquet")
    lake.run("create", "db.large", "--vector", "v", "--dim", 300)
    before = snapshot_of(lake)
    done = lake.run("ingest", "db.large", tmp_path / "large.parquet", code=1, preexec_fn=limit)
    assert says in done.stderr, done.stderr
    assert lake.files("db.large") == []
    assert snapshot_of(lake) == before
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_drop_asks_first(table):
    assert "--yes" in table.run("drop", "db.t", code=1).stderr
    assert table.iceberg("db.t").num_rows == 100
    table.run("drop", "db.t", "--yes")
    assert table.run("list").stdout == ""
