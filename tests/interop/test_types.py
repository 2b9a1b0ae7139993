# SPDX-License-Identifier: Apache-2.0
"""Every Arrow type that a user may bring, written by tarn and read by PyIceberg, DuckDB and tarn itself."""
import datetime as dt
import json
import math
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest

UTC = dt.timezone.utc


def columns():
    """name -> (array as the user has it, values as every engine must see them)."""
    day, moment = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12, 34, 56)
    micro = moment.replace(microsecond=123456)
    aware = micro.replace(tzinfo=UTC)
    noon = dt.time(12, 34, 56, 123456)
    same = lambda values, type_: (pa.array(values, type_), values)
    table = {
        "int8": same([-128, 127, None], pa.int8()),
        "int16": same([-32768, 32767, None], pa.int16()),
        "int32": same([-2**31, 2**31 - 1, None], pa.int32()),
        "int64": same([-2**63, 2**63 - 1, None], pa.int64()),
        "uint8": same([0, 255, None], pa.uint8()),
        "uint16": same([0, 65535, None], pa.uint16()),
        "uint32": same([0, 2**32 - 1, None], pa.uint32()),
        "uint64": (pa.array([0, 2**64 - 1, None], pa.uint64()), [Decimal(0), Decimal(2**64 - 1), None]),
        "float16": (pa.array([np.float16(1.5), np.float16(-2.25), None], pa.float16()), [1.5, -2.25, None]),
        "float32": same([1.5, -0.25, None], pa.float32()),
        "float64": same([math.pi, -1e300, None], pa.float64()),
        "bool": same([True, False, None], pa.bool_()),
        "decimal9": same([Decimal("1234567.89"), Decimal("-0.01"), None], pa.decimal128(9, 2)),
        "decimal18": same([Decimal("12345678901234.5678"), Decimal("-1.0000"), None], pa.decimal128(18, 4)),
        "decimal38": same([Decimal("1234567890123456789012345678.0123456789"), Decimal("-1E-10"), None],
                          pa.decimal128(38, 10)),
        "date32": same([day, dt.date(1969, 12, 31), None], pa.date32()),
        "date64": same([day, dt.date(1969, 12, 31), None], pa.date64()),
        "time_s": (pa.array([noon.replace(microsecond=0), dt.time(0), None], pa.time32("s")),
                   [noon.replace(microsecond=0), dt.time(0), None]),
        "time_ms": (pa.array([noon.replace(microsecond=123000), dt.time(0), None], pa.time32("ms")),
                    [noon.replace(microsecond=123000), dt.time(0), None]),
        "time_us": same([noon, dt.time(23, 59, 59, 999999), None], pa.time64("us")),
        "time_ns": (pa.array([noon, dt.time(0), None], pa.time64("ns")), [noon, dt.time(0), None]),
        "ts_s": same([moment, dt.datetime(1969, 12, 31, 23, 59, 59), None], pa.timestamp("s")),
        "ts_ms": same([moment, dt.datetime(1969, 12, 31, 23, 59, 59), None], pa.timestamp("ms")),
        "ts_us": same([micro, dt.datetime(1, 1, 1), None], pa.timestamp("us")),
        "ts_ns": (pa.array([micro, moment, None], pa.timestamp("ns")), [micro, moment, None]),
        "tz_us": same([aware, dt.datetime(1970, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        "tz_zone": (pa.array([aware, aware, None], pa.timestamp("us", "Europe/Berlin")), [aware, aware, None]),
        "string": same(["", "grüße 🚀", None], pa.string()),
        "large_string": same(["a" * 100, "b", None], pa.large_string()),
        "string_view": same(["a view longer than twelve bytes", "b", None], pa.string_view()),
        "binary": same([b"\x00\xff", b"", None], pa.binary()),
        "large_binary": same([b"\x00\xff", b"x", None], pa.large_binary()),
        "binary_view": same([b"\x00\xff and more than twelve", b"x", None], pa.binary_view()),
        "uuid": (pa.array([uuid.UUID(int=5).bytes, uuid.UUID(int=2**127 + 1).bytes, None], pa.uuid()),
                 [uuid.UUID(int=5), uuid.UUID(int=2**127 + 1), None]),
        "fixed": same([b"abcd", b"\x00\x01\x02\x03", None], pa.binary(4)),
        "dictionary": (pa.array(["x", "y", None]).dictionary_encode(), ["x", "y", None]),
        "list": same([[1, 2], [], None], pa.list_(pa.int32())),
        "large_list": same([[1, None], [3], None], pa.large_list(pa.int64())),
        "fixed_list": same([[1.0, 2.0], [3.0, 4.0], None], pa.list_(pa.float64(), 2)),
        "list_of_list": same([[["a"], []], [], None], pa.list_(pa.list_(pa.string()))),
        "struct": same([{"a": 1, "b": "x"}, {"a": None, "b": None}, None],
                       pa.struct([("a", pa.int32()), ("b", pa.string())])),
        "list_of_struct": same([[{"a": 1}], [], None], pa.list_(pa.struct([("a", pa.int64())]))),
        "map": same([[("k", 1), ("l", None)], [], None], pa.map_(pa.string(), pa.int64())),
        "nothing": same([None, None, None], pa.null()),
    }
    return table


def plain(value):
    """One spelling for the same value whatever engine it comes from."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def check(table, expected, engine):
    for name, (_, values) in expected.items():
        if name not in table.column_names:
            raise AssertionError(f"{engine}: column {name} is missing")
        got = [plain(value) for value in table[name].to_pylist()]
        assert got == [plain(value) for value in values], f"{engine}: column {name}"


def write_ipc(path, table):
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    return path


@pytest.fixture
def typed(lake, tmp_path):
    data = columns()
    vectors = pa.array([[1.0, 0.0, 0.5], [0.25, 1.0, 0.0], None], pa.list_(pa.float32(), 3))
    table = pa.table({name: array for name, (array, _) in data.items()} | {"embedding": vectors})
    lake.run("ingest", "db.types", write_ipc(tmp_path / "in.arrow", table), "--vector", "embedding")
    data["embedding"] = (vectors, [[1.0, 0.0, 0.5], [0.25, 1.0, 0.0], None])
    return lake, data


def test_pyiceberg_sees_every_value(typed):
    lake, data = typed
    # PyIceberg 0.12 reads a null list of structs as an empty one, in its own tables too.
    data = data | {"list_of_struct": (None, [[{"a": 1}], [], []])}
    check(lake.iceberg("db.types"), data, "PyIceberg")


def test_duckdb_sees_every_value(typed):
    lake, data = typed
    check(lake.duckdb("db.types"), data, "DuckDB")


def test_tarn_sees_every_value(typed, tmp_path):
    lake, data = typed
    lake.run("scan", "db.types", "--out", tmp_path / "out.parquet")
    check(pa.parquet.read_table(tmp_path / "out.parquet"), data, "tarn")


def test_scan_prints_every_type_as_json(typed):
    lake, data = typed
    rows = [json.loads(line) for line in lake.run("scan", "db.types", "--json").stdout.splitlines()]
    assert len(rows) == 3 and list(rows[0]) == list(data)
    assert rows[0]["string"] == "" and rows[0]["struct"] == {"a": 1, "b": "x"} and rows[0]["uint64"] == 0
    assert rows[0]["uuid"] == "00000000-0000-0000-0000-000000000005"
    assert rows[2]["list"] is None and rows[0]["embedding"] == [1.0, 0.0, 0.5]


def test_column_metrics_let_other_engines_prune_without_losing_rows(lake, tmp_path):
    rows = pa.table({"id": pa.array(range(1000), pa.int64()),
                     "word": [f"a rather long prefix that is cut {i:04d}" for i in range(1000)]})
    for start in range(0, 1000, 100):
        path = write_ipc(tmp_path / f"{start}.arrow", rows.slice(start, 100))
        lake.run("ingest", "db.pruned", path)
    from pyiceberg.table import StaticTable
    table = StaticTable.from_metadata(str(lake.metadata("db.pruned")))
    assert len(list(table.scan(row_filter="id = 345").plan_files())) == 1
    assert table.scan(row_filter="id = 345").to_arrow()["word"].to_pylist() == [rows["word"][345].as_py()]
    wanted = rows["word"][999].as_py()
    assert table.scan(row_filter=f"word = '{wanted}'").to_arrow()["id"].to_pylist() == [999]
    assert lake.duckdb("db.pruned", "SELECT id FROM {} WHERE word = '" + wanted + "'")["id"].to_pylist() == [999]


REFUSED = {
    "duration": pa.array([1], pa.duration("us")),
    "inexact": pa.array([1], pa.timestamp("ns")),
    "interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_iceberg_has_no_type_for_is_refused_by_path(lake, tmp_path, name):
    nested = pa.StructArray.from_arrays([REFUSED[name]], names=["inner"])
    path = write_ipc(tmp_path / "in.arrow", pa.table({"id": [1], "outer": nested}))
    done = lake.run("ingest", "db.bad", path, code=1)
    assert "outer.inner" in done.stderr
    assert lake.files("db.bad") == []
