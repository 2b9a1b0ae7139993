# SPDX-License-Identifier: Apache-2.0
"""Tables that tarn wrote, as Spark, PyIceberg and DuckDB read them."""
import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark.data import row, rows, table, vector


@pytest.mark.parametrize("index", ["hnsw", "ivf_pq", "flat", "none", "deferred"])
def test_files_with_and_without_an_index_hold_the_same_rows(lake, index):
    options = ["--deferred"] if index == "deferred" else ["--index", index]
    lake.ingest("db.t", table(0, 1200), "--vector", "embedding", "--metric", "euclidean", "--batch-rows", 600, *options)
    assert lake.agree() == rows(0, 1200)
    lake.check_search(rows(0, 1200))
    if index == "deferred":
        lake.tarn("index", "build", "db.t")
        assert lake.agree() == rows(0, 1200)
        lake.check_search(rows(0, 1200))


def typed():
    """name -> (array, what Spark must give)."""
    moment = dt.datetime(2024, 2, 29, 12, 34, 56, 123456)
    same = lambda values, type_: (pa.array(values, type_), values)  # noqa: E731
    zoned = pa.array([moment, dt.datetime(1969, 12, 31, 23, 59, 59), None], pa.timestamp("us"))
    return {
        "id": same([0, 1, 2], pa.int64()),
        "tiny": same([-128, 127, None], pa.int8()),
        "int": same([-2**31, 2**31 - 1, None], pa.int32()),
        "long": same([-2**63, 2**63 - 1, None], pa.int64()),
        "unsigned": (pa.array([0, 2**64 - 1, None], pa.uint64()), [Decimal(0), Decimal(2**64 - 1), None]),
        "half": (pa.array([np.float16(1.5), np.float16(-2.25), None], pa.float16()), [1.5, -2.25, None]),
        "float": same([1.5, -0.25, None], pa.float32()),
        "double": same([0.1, -1e300, None], pa.float64()),
        "bool": same([True, False, None], pa.bool_()),
        "decimal9": same([Decimal("1234567.89"), Decimal("-0.01"), None], pa.decimal128(9, 2)),
        "decimal18": same([Decimal("12345678901234.5678"), Decimal("-1.0000"), None], pa.decimal128(18, 4)),
        "decimal38": same([Decimal("1234567890123456789012345678.0123456789"), Decimal("-1E-10"), None],
                          pa.decimal128(38, 10)),
        "date": same([dt.date(2024, 2, 29), dt.date(1969, 12, 31), None], pa.date32()),
        "timestamp": same([moment, dt.datetime(1969, 12, 31, 23, 59, 59, 5), None], pa.timestamp("us")),
        "seconds": same([moment.replace(microsecond=0), dt.datetime(2, 1, 1), None], pa.timestamp("s")),
        "zoned": (zoned.cast(pa.timestamp("us", "UTC")), zoned.to_pylist()),
        "string": same(["", "grüße 🚀", None], pa.string()),
        "view": same(["a view longer than twelve bytes", "b", None], pa.string_view()),
        "words": (pa.array(["x", "y", None]).dictionary_encode(), ["x", "y", None]),
        "binary": same([b"\x00\xff", b"", None], pa.binary()),
        "fixed": same([b"abcd", b"\x00\x01\x02\x03", None], pa.binary(4)),
        "uuid": (pa.array([uuid.UUID(int=5).bytes, uuid.UUID(int=2**127 + 1).bytes, None], pa.uuid()),
                 [str(uuid.UUID(int=5)), str(uuid.UUID(int=2**127 + 1)), None]),
        "list": same([[1, None], [], None], pa.list_(pa.int32())),
        "lists": same([[["a"], []], [], None], pa.list_(pa.list_(pa.string()))),
        "struct": same([{"a": 1, "b": "x"}, {"a": None, "b": None}, None],
                       pa.struct([("a", pa.int32()), ("b", pa.string())])),
        # PyIceberg 0.12 reads a null list of structs as an empty one, in its own tables too: here there is none.
        "structs": same([[{"a": 1}], [], [{"a": None}]], pa.list_(pa.struct([("a", pa.int64())]))),
        "map": (pa.array([[("k", 1), ("l", None)], [], None], pa.map_(pa.string(), pa.int64())),
                [[["k", 1], ["l", None]], [], None]),
        "nothing": same([None, None, None], pa.null()),
        "embedding": same([[1.0, 0.0, 0.5], [0.25, 1.0, 0.0], None], pa.list_(pa.float32(), 3)),
    }


@pytest.fixture
def typed_lake(lake):
    lake.ingest("db.t", pa.table({name: array for name, (array, _) in typed().items()}), "--vector", "embedding")
    return lake


# All but the time of day: Spark refuses a table with a column of Iceberg's type `time`.
def test_every_type_that_spark_knows(typed_lake):
    expected = [{name: values[i] for name, (_, values) in typed().items()} for i in range(3)]
    assert typed_lake.agree() == expected


def test_smallest_and_largest_values_that_spark_takes_from_the_manifests(typed_lake):
    for name in ("tiny", "int", "long", "unsigned", "float", "double", "decimal9", "decimal18", "decimal38", "date",
                 "timestamp", "seconds", "zoned"):
        values = [value for value in typed()[name][1] if value is not None]
        expected = [{"low": min(values), "high": max(values), "known": 2, "every": 3}]
        statement = f"SELECT min({name}) low, max({name}) high, count({name}) known, count(*) every FROM {{}}"
        assert typed_lake.sql(statement) == expected, name
        assert "LocalTableScan" in str(typed_lake.sql(f"EXPLAIN {statement}")), f"{name} was read from the files"


def test_metadata_tables_of_spark(typed_lake):
    lake = typed_lake
    # Iceberg 1.12 takes the bounds of a uuid for text, in its own tables too, and fails.
    lake.sql("ALTER TABLE {} DROP COLUMN uuid")
    lake.sql("ALTER TABLE {} SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    lake.ingest("db.t", pa.table({"id": pa.array(range(10, 20), pa.int64()),
                                  "embedding": pa.array([[1.0, 2.0, 3.0]] * 10, pa.list_(pa.float32(), 3))}), "--deferred")
    lake.sql("DELETE FROM {} WHERE id = 11")
    lake.tarn("index", "build", "db.t", "--small-files")
    counts = {"files": 3, "data_files": 2, "delete_files": 1, "position_deletes": 1, "snapshots": 4, "refs": 1}
    for name in ("files", "data_files", "delete_files", "all_data_files", "all_delete_files", "all_files", "entries",
                 "all_entries", "manifests", "all_manifests", "partitions", "position_deletes", "snapshots", "history",
                 "refs", "metadata_log_entries"):
        lines = lake.sql(f"SELECT * FROM {{}}.{name}")
        assert len(lines) == counts.get(name, len(lines)) and lines, name
    bounds = lake.sql("SELECT readable_metrics.decimal38.lower_bound low, readable_metrics.string.upper_bound high, "
                      "readable_metrics.id.value_count n FROM {}.data_files WHERE readable_metrics.id.lower_bound = 0")
    assert bounds == [{"low": Decimal("-1E-10"), "high": "grüße 🚀", "n": 3}]


def test_index_builds_are_no_changes_to_those_who_follow_the_table(lake):
    lake.ingest("db.t", table(0, 100), "--vector", "embedding", "--deferred")
    first = lake.sql("SELECT snapshot_id FROM {}.snapshots")[0]["snapshot_id"]
    lake.tarn("index", "build", "db.t", "--small-files")
    lake.ingest("db.t", table(100, 50), "--deferred")
    lake.tarn("index", "build", "db.t", "--small-files")
    view = lake.spark.rows(f"CALL {lake.name}.system.create_changelog_view(table => 'db.t')")[0]["changelog_view"]
    changes = lake.spark.rows(f"SELECT id, _change_type FROM {view} ORDER BY id")
    assert changes == [{"id": i, "_change_type": "INSERT"} for i in range(150)]
    added = lake.spark.session.read.format("iceberg").option("start-snapshot-id", first).load(f"{lake.name}.db.t")
    assert sorted(one["id"] for one in added.select("id").collect()) == list(range(100, 150))


@pytest.mark.parametrize("precision", ["f16", "i8"])
def test_short_vectors_are_lists_of_floats_to_all(lake, precision):
    lake.ingest("db.t", table(0, 700), "--vector", "embedding", "--metric", "euclidean", "--precision", precision)
    seen = lake.agree()
    assert len(seen) == 700 and all(np.allclose(one["embedding"], vector(one["id"]), atol=40) for one in seen)
    lake.check_search(seen)


def test_null_vectors_are_null_to_all(lake):
    data = [row(i, embedding=None if i % 3 == 0 else vector(i)) for i in range(900)]
    lake.ingest("db.t", pa.Table.from_pylist(data, schema=table(0, 1).schema), "--vector", "embedding", "--metric",
                "euclidean")
    assert lake.agree() == data
    lake.check_search(data)


def test_columns_that_came_went_and_changed(lake):
    start = pa.table({"id": pa.array([0, 1], pa.int64()), "title": ["a", "b"], "n": pa.array([10, None], pa.int32()),
                      "price": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
                      "where": pa.array([{"x": 1}, None], pa.struct([("x", pa.int32())])),
                      "v": pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2))})
    lake.ingest("db.t", start, "--vector", "v", "--metric", "euclidean")
    lake.tarn("alter", "db.t", "--rename", "title=name", "--widen", "n long", "--widen", "price decimal(20, 2)",
              "--add", "where.y long", "--widen", "where.x long", "--rename", "v=w", "--add-vector", "image:3:euclidean",
              "--add", "year int", "--move", "year first")
    more = pa.table({"id": pa.array([2], pa.int64()), "name": ["c"], "n": pa.array([2**40], pa.int64()),
                     "year": pa.array([1999], pa.int32()), "where": [{"x": 2**40, "y": 7}],
                     "w": pa.array([[5.0, 6.0]], pa.list_(pa.float32(), 2)),
                     "image": pa.array([[1.0, 0.0, 0.0]], pa.list_(pa.float32(), 3))})
    lake.ingest("db.t", more)
    old = {"year": None, "image": None}
    expected = [
        {"id": 0, "name": "a", "n": 10, "price": Decimal("1.50"), "where": {"x": 1, "y": None}, "w": [1.0, 2.0], **old},
        {"id": 1, "name": "b", "n": None, "price": None, "where": None, "w": [3.0, 4.0], **old},
        {"id": 2, "name": "c", "n": 2**40, "price": None, "where": {"x": 2**40, "y": 7}, "w": [5.0, 6.0],
         "year": 1999, "image": [1.0, 0.0, 0.0]}]
    assert lake.agree() == expected
    # Spark goes on where tarn left off, and tarn after Spark.
    lake.sql("ALTER TABLE {} DROP COLUMN price")
    lake.sql("ALTER TABLE {} ADD COLUMN (note STRING AFTER name)")
    for one in expected:
        one.update(note=None)
        del one["price"]
    assert lake.agree() == expected
    lake.ingest("db.t", pa.table({"id": pa.array([3], pa.int64()), "note": ["new"],
                                  "w": pa.array([[7.0, 8.0]], pa.list_(pa.float32(), 2))}))
    assert [(one["note"], one["w"]) for one in lake.agree()] == [(None, [1.0, 2.0]), (None, [3.0, 4.0]),
                                                               (None, [5.0, 6.0]), ("new", [7.0, 8.0])]


def test_a_vector_column_that_spark_renames_keeps_its_index(lake):
    lake.ingest("db.t", table(0, 600), "--vector", "embedding", "--metric", "euclidean")
    lake.sql("ALTER TABLE {} RENAME COLUMN embedding TO meaning")
    renamed = [{"meaning" if name == "embedding" else name: value for name, value in one.items()}
               for one in rows(0, 1200)]
    assert lake.agree() == renamed[:600]
    lake.check_search(renamed[:600], column="meaning")
    lake.ingest("db.t", table(600, 600).rename_columns(["id", "kind", "meaning"]))
    assert lake.agree() == renamed
    lake.check_search(renamed, column="meaning")
    assert "2 of 2 files indexed" in lake.tarn("info", "db.t")
    lake.is_sound()


def test_a_vector_column_that_spark_drops_is_gone_for_tarn(lake):
    lake.ingest("db.t", table(0, 600), "--vector", "embedding", "--metric", "euclidean")
    lake.sql("ALTER TABLE {} DROP COLUMN embedding")
    lake.ingest("db.t", table(600, 10).select(["id", "kind"]))
    assert lake.agree() == [{"id": one["id"], "kind": one["kind"]} for one in rows(0, 610)]
    lake.is_sound()


def test_snapshots_times_tags_and_branches(lake):
    for first in (0, 100, 200):
        lake.ingest("db.t", table(first, 100), "--vector", "embedding")
    log = lake.sql("SELECT snapshot_id, made_current_at FROM {}.history ORDER BY made_current_at")
    ids = [entry["snapshot_id"] for entry in log][-3:]
    for count, snapshot in zip((100, 200, 300), ids):
        assert lake.scan("db.t", "--snapshot", snapshot) == rows(0, count)
        assert lake.sql(f"SELECT * FROM {{}} VERSION AS OF {snapshot} ORDER BY id") == rows(0, count)
    when = log[-2]["made_current_at"]
    assert lake.sql(f"SELECT count(*) n FROM {{}} TIMESTAMP AS OF '{when}'") == [{"n": 200}]
    lake.tarn("tag", "db.t", "first", "--snapshot", ids[0])
    lake.tarn("branch", "db.t", "work", "--snapshot", ids[1])
    for name, count in (("first", 100), ("work", 200)):
        assert lake.sql(f"SELECT * FROM {{}} VERSION AS OF '{name}' ORDER BY id") == rows(0, count)
    # Spark writes on into tarn's branch; the main line does not see it.
    lake.sql("DELETE FROM {}.branch_work WHERE id < 150")
    assert lake.scan("db.t", "--ref", "work") == rows(150, 50)
    assert lake.agree() == rows(0, 300)
    lake.sql("ALTER TABLE {} CREATE TAG theirs AS OF VERSION " + str(ids[1]))
    assert lake.scan("db.t", "--ref", "theirs") == rows(0, 200)
    lake.tarn("rollback", "db.t", "--snapshot", ids[0])
    assert lake.agree() == rows(0, 100)
    lake.call("set_current_snapshot", snapshot_id=ids[2])
    assert lake.agree() == rows(0, 300)
    lake.call("rollback_to_snapshot", snapshot_id=ids[1])
    assert lake.agree() == rows(0, 200)
    lake.is_sound()


def test_statistics_let_spark_skip_files_without_losing_rows(lake):
    lake.ingest("db.t", table(0, 1000), "--batch-rows", 100)
    assert lake.sql("SELECT id, kind FROM {} WHERE id = 345") == [{"id": 345, "kind": "k0"}]
    assert len(lake.sql("SELECT id FROM {} WHERE kind = 'k3' AND id BETWEEN 95 AND 204")) == 22
    plan = lake.sql("SELECT DISTINCT _file FROM {} WHERE id BETWEEN 95 AND 204")
    assert len(plan) == 3
