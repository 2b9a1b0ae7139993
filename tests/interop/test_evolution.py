# SPDX-License-Identifier: Apache-2.0
"""Schemas that change, snapshots that go: other engines read what tarn changed, and tarn what they did."""
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import DecimalType, DoubleType, IntegerType, LongType, StringType

COLUMNS = {"id": pa.int64(), "n": pa.int32(), "score": pa.float32(), "title": pa.string()}
VECTORS = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32)


def write(path, rows):
    pq.write_table(rows, path)
    return path


def make(lake, tmp_path, vectors=False):
    """db.t: ids 0, 1, 2."""
    rows = pa.table({"id": [0, 1, 2], "n": [10, None, 30], "score": [0.5, 1.5, None], "title": ["a", "b", "c"]},
                    schema=pa.schema(COLUMNS.items()))
    rows = rows.append_column("where", pa.array([{"x": 1, "y": 2}, None, {"x": 3, "y": None}],
                                                pa.struct({"x": pa.int32(), "y": pa.int32()})))
    rows = rows.append_column("price", pa.array([1, 2, 3], pa.decimal128(9, 2)))
    if vectors:
        rows = rows.append_column("v", pa.array(VECTORS[:3].tolist(), pa.list_(pa.float32())))
    options = ["--vector", "v", "--metric", "euclidean"] if vectors else []
    lake.run("ingest", "db.t", write(tmp_path / "first.parquet", rows), *options)
    return rows


def scanned(lake):
    return [json.loads(line) for line in lake.run("scan", "db.t", "--json").stdout.splitlines()]


def agree(lake, names):
    """All three read the same rows; returns them by id."""
    def by_id(rows):
        return sorted((json.loads(json.dumps(row, default=float)) for row in rows), key=lambda row: row["id"])

    ours = by_id([{k: float(v) if k == "price" and v is not None else v for k, v in row.items()}
                  for row in scanned(lake)])
    assert list(ours[0]) == names
    assert by_id(lake.iceberg("db.t").to_pylist()) == ours
    assert by_id(lake.duckdb("db.t").to_pylist()) == ours
    assert "is sound" in lake.run("verify", "db.t").stdout
    return ours


CHANGES = {
    "add": (["--add", "year int"], lambda row: row | {"year": None}),
    "add first": (["--add", "year int", "--move", "year first"], lambda row: {"year": None} | row),
    "drop": (["--drop", "title"], lambda row: {k: v for k, v in row.items() if k != "title"}),
    "rename": (["--rename", "title=name"], lambda row: {"name" if k == "title" else k: v for k, v in row.items()}),
    "widen": (["--widen", "n long", "--widen", "score double", "--widen", "price decimal(18, 2)"], lambda row: row),
    "move": (["--move", "title after id"],
             lambda row: {k: row[k] for k in ("id", "title", "n", "score", "where", "price")}),
    "nested": (["--add", "where.z int", "--rename", "where.x=lon", "--drop", "where.y"],
               lambda row: row | {"where": row["where"] and {"lon": row["where"]["x"], "z": None}}),
    "drop and add again": (["--drop", "n", "--add", "n string"],
                           lambda row: {k: v for k, v in row.items() if k != "n"} | {"n": None}),
    "swap": (["--rename", "n=score", "--rename", "score=n"],
             lambda row: {{"n": "score", "score": "n"}.get(k, k): v for k, v in row.items()}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_engine_reads_old_rows_under_the_new_schema(lake, tmp_path, name):
    arguments, expected = CHANGES[name]
    make(lake, tmp_path)
    before = sorted(scanned(lake), key=lambda row: row["id"])
    lake.run("alter", "db.t", *arguments)
    want = [{k: float(v) if k == "price" else v for k, v in expected(row).items()} for row in before]
    assert agree(lake, list(want[0])) == want


def test_rows_of_both_schemas_live_together(lake, tmp_path):
    make(lake, tmp_path)
    lake.run("alter", "db.t", "--add", "year int", "--rename", "title=name", "--widen", "n long", "--drop", "score")
    new = pa.table({"name": ["d"], "year": pa.array([1999], pa.int32()), "n": [2**40], "id": [3]})
    lake.run("ingest", "db.t", write(tmp_path / "second.parquet", new))
    rows = agree(lake, ["id", "n", "name", "where", "price", "year"])
    assert rows[3] == {"id": 3, "n": 2**40, "name": "d", "where": None, "price": None, "year": 1999}
    assert rows[0]["n"] == 10 and rows[1]["n"] is None and rows[0]["name"] == "a"
    failed = lake.run("ingest", "db.t", tmp_path / "first.parquet", code=1)
    assert "title" in failed.stderr or "score" in failed.stderr
    assert len(scanned(lake)) == 4


def nearest(lake, query, k=1):
    done = lake.run("search", "db.t", "--vector", json.dumps(query.tolist()), "--k", k, "--json", "--columns", "id")
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def test_a_renamed_vector_column_is_searched_in_old_and_new_files(lake, tmp_path):
    rows = make(lake, tmp_path, vectors=True)
    lake.run("alter", "db.t", "--rename", "v=meaning")
    assert [nearest(lake, VECTORS[i]) for i in range(3)] == [[0], [1], [2]]
    new = rows.set_column(0, "id", pa.array([3, 4, 5])).drop_columns(["v"]).append_column(
        "meaning", pa.array(VECTORS[3:].tolist(), pa.list_(pa.float32())))
    lake.run("ingest", "db.t", write(tmp_path / "second.parquet", new), "--vector", "meaning", "--metric", "euclidean")
    assert [nearest(lake, VECTORS[i]) for i in range(6)] == [[i] for i in range(6)]
    info = lake.run("info", "db.t").stdout
    assert "meaning: 2 of 2 files indexed" in info and "  v:" not in info
    for engine in (lake.iceberg, lake.duckdb):
        got = engine("db.t").sort_by("id")
        assert np.array_equal(np.array(got["meaning"].to_pylist(), np.float32), VECTORS)
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_a_vector_column_is_added_to_a_plain_table_and_dropped_again(lake, tmp_path):
    rows = make(lake, tmp_path)
    lake.run("alter", "db.t", "--add-vector", "v:4:euclidean")
    new = rows.set_column(0, "id", pa.array([3, 4, 5])).append_column(
        "v", pa.array(VECTORS[:3].tolist(), pa.list_(pa.float32())))
    lake.run("ingest", "db.t", write(tmp_path / "second.parquet", new), "--vector", "v", "--metric", "euclidean")
    assert nearest(lake, VECTORS[1], k=10) == [4] + [i for i in nearest(lake, VECTORS[1], k=10) if i != 4]
    assert len(nearest(lake, VECTORS[1], k=10)) == 3, "rows without a vector are no neighbours"
    for engine in (lake.iceberg, lake.duckdb):
        got = engine("db.t").sort_by("id")["v"].to_pylist()
        assert got[:3] == [None] * 3 and np.array_equal(np.array(got[3:], np.float32), VECTORS[:3])
    lake.run("alter", "db.t", "--drop", "v")
    assert lake.iceberg("db.t").num_rows == lake.duckdb("db.t").num_rows == 6
    assert "is sound" in lake.run("verify", "db.t").stdout


class Borrowed:
    """db.t in a catalog of PyIceberg's; give_back() publishes what it committed to tarn's folder."""

    def __init__(self, lake, tmp_path):
        self.lake = lake
        catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{lake.folder}")
        catalog.create_namespace("db")
        self.table = catalog.register_table("db.t", str(lake.metadata("db.t")))

    def give_back(self):
        folder = self.lake.table_folder("db.t") / "metadata"
        version = int((folder / "version-hint.text").read_text()) + 1
        shutil.copy(self.table.metadata_location.removeprefix("file://"), folder / f"v{version}.metadata.json")
        (folder / "version-hint.text").write_text(str(version))


def test_tarn_reads_after_pyiceberg_changed_the_schema(lake, tmp_path):
    make(lake, tmp_path)
    borrowed = Borrowed(lake, tmp_path)
    with borrowed.table.update_schema() as update:
        update.add_column("year", IntegerType(), doc="when")
        update.add_column(("where", "z"), StringType())
        update.rename_column("title", "name")
        update.delete_column("score")
        update.update_column("n", LongType())
        update.update_column("price", DecimalType(20, 2))
        update.move_first("year")
    borrowed.table.append(pa.table({"year": pa.array([1999], pa.int32()), "id": pa.array([3], pa.int64()),
                                    "n": pa.array([2**40], pa.int64()), "name": ["d"]}))
    borrowed.give_back()
    rows = agree(lake, ["year", "id", "n", "name", "where", "price"])
    assert [row["n"] for row in rows] == [10, None, 30, 2**40]
    assert [row["name"] for row in rows] == ["a", "b", "c", "d"]
    assert rows[0]["where"] == {"x": 1, "y": 2, "z": None}
    # And writes on.
    lake.run("alter", "db.t", "--drop", "year", "--add", "year string")
    lake.run("ingest", "db.t", write(tmp_path / "more.parquet", pa.table({"id": [4], "year": ["MM"], "name": ["e"]})))
    rows = agree(lake, ["id", "n", "name", "where", "price", "year"])
    assert [row["year"] for row in rows] == [None] * 4 + ["MM"]


def test_tarn_searches_after_pyiceberg_changed_other_columns(lake, tmp_path):
    make(lake, tmp_path, vectors=True)
    borrowed = Borrowed(lake, tmp_path)
    with borrowed.table.update_schema() as update:
        update.update_column("score", DoubleType())
        update.add_column("extra", StringType())
    borrowed.give_back()
    assert [nearest(lake, VECTORS[i]) for i in range(3)] == [[0], [1], [2]]
    assert "is sound" in lake.run("verify", "db.t").stdout


def append(lake, tmp_path, first):
    rows = pa.table({"id": pa.array(range(first, first + 3), pa.int64()), "title": ["x"] * 3})
    lake.run("ingest", "db.t", write(tmp_path / "more.parquet", rows))


def test_other_engines_read_after_expiry_and_orphan_removal(lake, tmp_path):
    make(lake, tmp_path)
    for first in (10, 20, 30):
        append(lake, tmp_path, first)
    before = lake.iceberg("db.t").sort_by("id")
    stray = lake.table_folder("db.t") / "data" / "stray.parquet"
    stray.write_bytes(b"x")
    gone = [json.loads(line) for line in
            lake.run("expire", "db.t", "--older-than", "0s", "--retain-last", 1, "--json").stdout.splitlines()]
    assert [thing["kind"] for thing in gone].count("snapshot") == 3
    assert "stray.parquet" in lake.run("orphans", "db.t", "--older-than", "0s", "--force").stdout
    assert stray.exists()
    lake.run("orphans", "db.t", "--older-than", "0s", "--force", "--delete")
    assert not stray.exists()
    assert lake.iceberg("db.t").sort_by("id").equals(before)
    assert lake.duckdb("db.t").num_rows == 12
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_tarn_reads_and_cleans_after_pyiceberg_expired_snapshots(lake, tmp_path):
    make(lake, tmp_path)
    append(lake, tmp_path, 10)
    borrowed = Borrowed(lake, tmp_path)
    old = borrowed.table.snapshots()[0].snapshot_id
    borrowed.table.maintenance.expire_snapshots().by_id(old).commit()
    borrowed.give_back()
    assert len(scanned(lake)) == 6
    assert f"snap-{old}" in lake.run("orphans", "db.t", "--older-than", "0s", "--force").stdout
    lake.run("orphans", "db.t", "--older-than", "0s", "--force", "--delete")
    assert len(lake.iceberg("db.t")) == 6
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_rollback_tags_and_branches_are_what_pyiceberg_sees(lake, tmp_path):
    make(lake, tmp_path)
    append(lake, tmp_path, 10)
    borrowed = Borrowed(lake, tmp_path)
    first, second = [snapshot.snapshot_id for snapshot in borrowed.table.snapshots()]
    lake.run("tag", "db.t", "v1", "--snapshot", first, "--max-age", "30d")
    lake.run("branch", "db.t", "audit", "--keep-snapshots", 2, "--max-snapshot-age", "12h")
    lake.run("rollback", "db.t", "--snapshot", first)
    metadata = json.loads(lake.metadata("db.t").read_text())
    assert metadata["refs"]["v1"] == {"snapshot-id": first, "type": "tag", "max-ref-age-ms": 30 * 86_400_000}
    assert metadata["refs"]["audit"] == {"snapshot-id": second, "type": "branch", "min-snapshots-to-keep": 2,
                                         "max-snapshot-age-ms": 12 * 3_600_000}
    assert lake.iceberg("db.t").num_rows == 3 and lake.duckdb("db.t").num_rows == 3
    lake.run("expire", "db.t", "--older-than", "0s", "--retain-last", 1)
    lake.run("rollback", "db.t", "--snapshot", second, code=1)
    lake.run("rollback", "db.t", "--snapshot", second, "--any")
    assert lake.iceberg("db.t").num_rows == 6
    lake.run("tag", "db.t", "v1", "--drop")
    assert "v1" not in json.loads(lake.metadata("db.t").read_text())["refs"]
