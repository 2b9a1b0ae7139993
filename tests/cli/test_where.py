# SPDX-License-Identifier: Apache-2.0
"""Predicates on the command line: search, scan and delete, with DuckDB to say what they mean."""
import datetime
import json
import random
import uuid
from decimal import Decimal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 400
START = datetime.datetime(2024, 1, 30, 22)


def sample(rows=ROWS):
    rng = random.Random(7)

    def maybe(value):
        return None if rng.random() < 0.15 else value

    return pa.table({
        "id": pa.array(range(rows), pa.int64()),
        "year": pa.array([maybe(rng.choice([2019, 2020, 2021, -(2**31), 2**31 - 1])) for _ in range(rows)], pa.int32()),
        "large": pa.array([maybe(rng.choice([0, 2**53, 2**53 + 1, -(2**63), 2**63 - 1])) for _ in range(rows)], pa.int64()),
        "score": pa.array([maybe(rng.choice([-1.5, -0.0, 0.0, 0.1, 0.25, 3e10])) for _ in range(rows)], pa.float64()),
        "price": pa.array([maybe(Decimal(rng.randrange(-300, 300)) / 100) for _ in range(rows)], pa.decimal128(9, 2)),
        "lang": pa.array([maybe(rng.choice(["en", "de", "", "it's", "50%", "a\\b", "grün", "a_c"])) for _ in range(rows)]),
        "draft": pa.array([maybe(rng.random() < 0.5) for _ in range(rows)]),
        "day": pa.array([maybe((START + datetime.timedelta(days=rng.randrange(4))).date()) for _ in range(rows)]),
        "seen": pa.array([maybe(START + datetime.timedelta(hours=rng.randrange(6), microseconds=rng.randrange(2)))
                        for _ in range(rows)], pa.timestamp("us")),
        "a.b": pa.array([maybe(rng.randrange(3)) for _ in range(rows)], pa.int32()),
        "place": pa.array([maybe({"city": maybe(rng.choice(["Ulm", "Kiel"])), "zip": rng.randrange(3)})
                           for _ in range(rows)], pa.struct([("city", pa.string()), ("zip", pa.int32())])),
        "v": pa.FixedSizeListArray.from_arrays(
            pa.array(np.random.default_rng(1).normal(size=rows * 4).astype(np.float32)), 4),
    })


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A table of two files, for tests that only read it."""
    from conftest import Lake
    folder = tmp_path_factory.mktemp("where")
    lake = Lake(folder / "lake")
    pq.write_table(sample(), folder / "rows.parquet")
    lake.run("ingest", "db.t", folder / "rows.parquet", "--vector", "v", "--batch-rows", 250, "--metric", "euclidean")
    return lake


def scan_ids(lake, where, *options):
    lines = lake.run("scan", "db.t", "--columns", "id", "--json", "--where", where, *options).stdout.splitlines()
    return [json.loads(line)["id"] for line in lines]


@pytest.fixture(scope="module")
def duckdb_ids():
    connection = duckdb.connect()
    connection.register("arrow", sample())
    # A table of its own: filters over Arrow's tables are answered by Arrow, which is what is under test.
    connection.execute("CREATE TABLE rows AS SELECT * FROM arrow")
    return lambda where: [row[0] for row in connection.execute(f"SELECT id FROM rows WHERE {where} ORDER BY id").fetchall()]


NAMED = [
    "lang = 'en' AND (year >= 2020 OR NOT draft) AND id IN (1, 2, 3, 40, 41, 42) AND lang IS NOT NULL",
    "true", "false", "NULL", "draft", "NOT draft", "draft IS NULL OR draft",
    "year < 2020.5", "year = 2020.5", "year <> 2020.5", "year BETWEEN 2019.5 AND 2021", "year = 3000000000",
    "year > -2147483649", "year IN (2019, NULL)", "year NOT IN (2019, NULL)", "year NOT IN (2019, 2020)",
    "large = 9007199254740993", "large < 9007199254740993", "large <= 9223372036854775807", "large = year",
    "score = 0", "score IN (0, 0.1)", "score = -0.0", "score > 0.1", "score < year", "score >= 3e10",
    "price = 1.5", "price < 1.505", "price = 1.505", "price BETWEEN -1 AND 1", "price > year", "price IN (0.5, 1.25)",
    "lang = 'it''s'", "lang LIKE '%%'", "lang LIKE '_n'", "lang LIKE '50!%' ESCAPE '!'", "lang LIKE 'gr_n'",
    "lang NOT LIKE 'e%'", "lang LIKE 'a\\b'", "lang > 'en'", "lang IN ('', 'grün')", "lang = NULL",
    "day = DATE '2024-01-31'", "day < '2024-02-01'", "day >= TIMESTAMP '2024-01-31 00:00:01'",
    "seen > DATE '2024-01-31'", "seen = TIMESTAMP '2024-01-30 23:00:00.000001'", "seen BETWEEN '2024-01-30' AND '2024-01-31'",
    "\"a.b\" = 1", "\"a.b\" <> 1 OR \"a.b\" IS NULL", "place.city = 'Ulm'", "place.zip IN (1, 2)", "place IS NULL",
    "place.city IS NULL", "NOT (place.zip = 1 AND place.city <> 'Ulm')", "1 = 1", "'a' > 'b'", "2 IN (1, \"a.b\")",
]


@pytest.mark.parametrize("where", NAMED)
def test_scan_gives_the_rows_that_duckdb_gives(filled, duckdb_ids, where):
    assert scan_ids(filled, where) == duckdb_ids(where)


def random_predicate(rng, depth):
    def literal(kind):
        return rng.choice({
            "year": ["2019", "2020", "2020.0", "2020.5", "-2147483648", "2147483648", "NULL"],
            "large": ["0", "9007199254740992", "9007199254740993", "-9223372036854775808", "0.5", "null"],
            "score": ["-1.5", "0", "-0.0", "0.1", "0.25", "1", "NULL"],
            "price": ["0", "1.25", "-0.005", "2.999", "-3", "NULL"],
            "lang": ["''", "'en'", "'it''s'", "'50%'", "'grün'", "NULL"],
            "draft": ["true", "FALSE", "NULL"],
            "day": ["DATE '2024-01-31'", "'2024-02-01'", "NULL", "TIMESTAMP '2024-01-31 12:00:00'"],
            "seen": ["TIMESTAMP '2024-01-30 23:00:00'", "'2024-01-31 00:00:00.000001'", "DATE '2024-01-31'", "NULL"],
        }[kind])

    if depth == 0 or rng.random() < 0.2:
        kind = rng.choice(["year", "large", "score", "price", "lang", "draft", "day", "seen"])
        form = rng.randrange(6)
        no = rng.choice(["", "NOT "])
        if form == 0:
            return f"{kind} IS {no}NULL"
        if form == 1:
            return f"{kind} {no}IN ({', '.join(literal(kind) for _ in range(rng.randrange(1, 4)))})"
        if form == 2:
            return f"{kind} {no}BETWEEN {literal(kind)} AND {literal(kind)}"
        if form == 3:
            pattern = "".join(rng.choice(["%", "_", "e", "n", "''", "5", "ü"]) for _ in range(rng.randrange(4)))
            return f"lang {no}LIKE '{pattern}'"
        return f"{kind} {rng.choice(['=', '<>', '!=', '<', '<=', '>', '>='])} {literal(kind)}"
    a, b = random_predicate(rng, depth - 1), random_predicate(rng, depth - 1)
    return rng.choice([f"NOT ({a})", f"({a}) AND {b}" if " OR " not in b else f"({a}) AND ({b})", f"{a} OR ({b})",
                       f"({a}) IS NULL"])


def test_random_predicates_mean_what_duckdb_says(filled, duckdb_ids):
    rng = random.Random(20261121)
    for i in range(100):
        where = random_predicate(rng, i % 4)
        assert scan_ids(filled, where) == duckdb_ids(where), where


def test_scan_keeps_its_other_options(filled, duckdb_ids, tmp_path):
    where = "year = 2020 OR price < 0"
    expected = duckdb_ids(where)
    assert scan_ids(filled, where, "--limit", 7) == expected[:7]
    assert scan_ids(filled, where, "--limit", 0) == []
    filled.run("scan", "db.t", "--where", where, "--out", tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert out["id"].to_pylist() == expected
    assert out.column_names == sample().column_names
    whole = sample().take(expected)
    assert out["place"].to_pylist() == whole["place"].to_pylist() and out["v"].to_pylist() == whole["v"].to_pylist()
    filled.run("scan", "db.t", "--where", "id < 0", "--out", tmp_path / "none.parquet")
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0
    assert "lang" in filled.run("scan", "db.t", "--columns", "lang", "--where", "id = 5").stdout


@pytest.mark.parametrize("exact", [[], ["--exact"]])
def test_search_finds_the_nearest_of_the_rows_that_match(filled, duckdb_ids, exact):
    where, query = "lang = 'en' AND year >= 2020", [0.1, 0.2, 0.3, 0.4]
    table = sample()
    vectors = np.array(table["v"].to_pylist(), np.float32)
    ids = duckdb_ids(where)
    order = sorted(ids, key=lambda i: float(np.linalg.norm(vectors[i] - np.array(query, np.float32))))
    assert len(ids) > 10
    found = filled.run("search", "db.t", "--vector", json.dumps(query), "--k", 5, "--columns", "id", "--json", "--where",
                       where, *exact).stdout
    assert [json.loads(line)["id"] for line in found.splitlines()] == order[:5]
    all_of_them = filled.run("search", "db.t", "--vector", json.dumps(query), "--k", 1000, "--columns", "id", "--json",
                             "--where", where, *exact).stdout
    assert sorted(json.loads(line)["id"] for line in all_of_them.splitlines()) == ids
    none = filled.run("search", "db.t", "--vector", json.dumps(query), "--json", "--where", "id < 0", *exact).stdout
    assert none == ""


def test_many_queries_take_one_filter(filled, tmp_path):
    np.save(tmp_path / "q.npy", np.eye(4, dtype=np.float32))
    filled.run("search", "db.t", "--queries", tmp_path / "q.npy", "--k", 3, "--where", "draft", "--out",
               tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.num_rows == 12 and set(out["draft"].to_pylist()) == {True}


REFUSED = [
    ("", "expected a condition"), ("lang = ", "found the end"), ("lang = 'en", "character 8"),
    ("lnag = 'en'", "the nearest is 'lang'"), ("LANG = 'en'", "the nearest is 'lang'"), ("lang", "not true or false"),
    ("year = '2020'", "without quotes"), ("lang = 5", "write it as a text"), ("day = 'yesterday'", "is no date"),
    ("id = 1; DROP TABLE t", "';' has no meaning"), ("id IN (SELECT 1)", "',' or ')'"), ("v = 1", "cannot be"),
    ("(" * 5000 + "id = 1" + ")" * 5000, "nested"), ("score = large", "cannot be compared exactly"),
    ("id = 1 OR OR id = 2", "found 'OR'"),
]


@pytest.mark.parametrize("where,says", REFUSED, ids=[where[:20] for where, _ in REFUSED])
def test_bad_predicates_are_refused_everywhere(filled, where, says):
    before = filled.metadata("db.t").read_bytes()
    for command in (["scan"], ["search", "--vector", "[1,1,1,1]"], ["delete"], ["delete", "--dry-run"]):
        done = filled.run(command[0], "db.t", *command[1:], "--where", where, code=1)
        assert says in done.stderr, done.stderr
        assert done.stdout == ""
    assert filled.metadata("db.t").read_bytes() == before


@pytest.fixture
def table(lake, tmp_path):
    pq.write_table(sample(), tmp_path / "rows.parquet")
    lake.run("ingest", "db.t", tmp_path / "rows.parquet", "--vector", "v", "--batch-rows", 250, "--metric", "euclidean")
    return lake


def snapshots(lake):
    return len(json.loads(lake.metadata("db.t").read_text())["snapshots"])


def test_delete_takes_the_rows_that_scan_shows(table, duckdb_ids):
    where = "year >= 2020 AND lang IN ('en', 'de') OR price IS NULL"
    gone = scan_ids(table, where)
    assert gone == duckdb_ids(where)
    dry = table.run("delete", "db.t", "--where", where, "--dry-run").stdout
    assert dry == f"would delete {len(gone)} rows of db.t\n"
    assert snapshots(table) == 1
    assert f"deleted {len(gone)} rows of db.t, snapshot " in table.run("delete", "db.t", "--where", where).stdout
    assert snapshots(table) == 2
    assert scan_ids(table, "true") == sorted(set(range(ROWS)) - set(gone))
    assert scan_ids(table, where) == []
    again = table.run("delete", "db.t", "--where", where).stdout
    assert again.startswith("deleted 0 rows of db.t, snapshot ")
    assert snapshots(table) == 2
    assert "is sound" in table.run("verify", "db.t").stdout


def test_delete_without_a_predicate_says_how_to_mean_all_rows(table):
    before = table.metadata("db.t").read_bytes()
    assert "--where true" in table.run("delete", "db.t", code=1).stderr
    assert "--where true" in table.run("delete", "db.t", "--dry-run", code=1).stderr
    assert table.metadata("db.t").read_bytes() == before
    table.run("delete", code=2)
    assert "no table db.none" in table.run("delete", "db.none", "--where", "true", code=1).stderr


def test_where_true_empties_the_table(table):
    assert table.run("delete", "db.t", "--where", "true", "--dry-run").stdout == "would delete 400 rows of db.t\n"
    assert "deleted 400 rows of db.t, and with them 2 files, snapshot" in table.run("delete", "db.t", "--where", "true").stdout
    assert scan_ids(table, "true") == []
    assert table.iceberg("db.t").num_rows == 0
    assert table.run("delete", "db.t", "--where", "true", "--dry-run").stdout == "would delete 0 rows of db.t\n"


def test_one_row_is_one_row(table):
    assert table.run("delete", "db.t", "--where", "id = 5", "--dry-run").stdout == "would delete 1 row of db.t\n"
    assert "deleted 1 row of db.t, snapshot" in table.run("delete", "db.t", "--where", "id = 5").stdout


def test_ingest_replaces_the_rows_of_a_predicate(table, duckdb_ids, tmp_path):
    fresh = sample().slice(0, 30)
    pq.write_table(fresh, tmp_path / "fresh.parquet")
    where = "lang = 'en' OR id < 20"
    gone = set(duckdb_ids(where))
    said = table.run("ingest", "db.t", tmp_path / "fresh.parquet", "--overwrite", where).stdout
    assert "ingested 30 rows" in said and snapshots(table) == 2
    expected = sorted([i for i in range(ROWS) if i not in gone] + list(range(30)))
    assert sorted(scan_ids(table, "true")) == expected
    assert sorted(table.iceberg("db.t")["id"].to_pylist()) == expected
    # Sent again it replaces itself.
    table.run("ingest", "db.t", tmp_path / "fresh.parquet", "--overwrite", "id < 30")
    expected = sorted([i for i in range(30, ROWS) if i not in gone] + list(range(30)))
    assert sorted(scan_ids(table, "true")) == expected
    table.run("ingest", "db.t", tmp_path / "fresh.parquet", "--overwrite", "true")
    assert sorted(scan_ids(table, "true")) == list(range(30))
    assert "is sound" in table.run("verify", "db.t").stdout


@pytest.mark.parametrize("arguments,says", [
    (("--overwrite", "lnag = 'en'"), "the nearest is 'lang'"),
    (("--overwrite", ""), "expected a condition"),
    (("--overwrite", "true", "--commit-every", 1), "leave --commit-every out"),
])
def test_a_bad_overwrite_is_refused_before_anything_is_written(table, tmp_path, arguments, says):
    before = table.metadata("db.t").read_bytes(), table.files("db.t")
    assert says in table.run("ingest", "db.t", tmp_path / "rows.parquet", *arguments, code=1).stderr
    assert (table.metadata("db.t").read_bytes(), table.files("db.t")) == before
    assert "no table db.new" in table.run("ingest", "db.new", tmp_path / "rows.parquet", "--overwrite", "true",
                                          code=1).stderr


def test_older_states_are_filtered_under_their_own_columns(table, duckdb_ids):
    first = json.loads(table.metadata("db.t").read_text())["current-snapshot-id"]
    table.run("alter", "db.t", "--rename", "lang=tongue")
    table.run("delete", "db.t", "--where", "tongue = 'en'")
    assert scan_ids(table, "tongue = 'en'") == []
    assert scan_ids(table, "lang = 'en'", "--snapshot", first) == duckdb_ids("lang = 'en'")
    assert "the nearest is 'tongue'" in table.run("scan", "db.t", "--where", "tonge = 'en'", code=1).stderr


def test_uuids_times_and_bytes(lake, tmp_path):
    """Types that DuckDB writes otherwise."""
    keys = [uuid.UUID(int=i) for i in range(4)]
    rows = pa.table({
        "id": pa.array(range(5)),
        "key": pa.array([k.bytes for k in keys] + [None], pa.uuid()),
        "hash": pa.array([b"", b"\x00", b"\x00\xff", b"\xff", None]),
        "noon": pa.array([datetime.time(i) for i in range(4)] + [None], pa.time64("us")),
        "zoned": pa.array([datetime.datetime(2024, 1, 1, i) for i in range(4)] + [None], pa.timestamp("us", "UTC")),
    })
    pq.write_table(rows, tmp_path / "rows.parquet")
    lake.run("ingest", "db.t", tmp_path / "rows.parquet")
    for where, expected in {
        f"key = '{keys[1]}'": [1], f"key > '{keys[1]}'": [2, 3], f"key NOT IN ('{keys[0].hex}', '{keys[3]}')": [1, 2],
        "hash = X'00ff'": [2], "hash >= X'00FF'": [2, 3], "hash IN (x'', X'ff')": [0, 3],
        "noon < '02:00'": [0, 1], "noon = TIME '03:00:00.000'": [3],
        "zoned = '2024-01-01 02:00:00Z'": [2], "zoned < '2024-01-01 03:30:00+02:00'": [0, 1],
        "zoned >= TIMESTAMP '2024-01-01 02:00'": [2, 3], "key IS NULL": [4],
    }.items():
        assert scan_ids(lake, where) == expected, where
    assert "deleted 1 row" in lake.run("delete", "db.t", "--where", f"key = '{keys[2]}'").stdout
    assert lake.iceberg("db.t")["id"].to_pylist() == [0, 1, 3, 4]
