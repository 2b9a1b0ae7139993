# SPDX-License-Identifier: Apache-2.0
"""Rows first, indexes later; and inputs that may be sent again."""
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def write_input(path, rows=2000, dim=16, first=0):
    vectors = np.random.default_rng(first + 1).normal(size=(rows, dim)).astype(np.float32)
    table = pa.table({
        "id": np.arange(first, first + rows),
        "embedding": pa.ListArray.from_arrays(np.arange(0, rows * dim + 1, dim, dtype=np.int32), vectors.reshape(-1)),
    })
    pq.write_table(table, path)
    return table


def status(lake):
    return json.loads(lake.run("index", "status", "db.t", "--json").stdout)


def ids(table):
    return sorted(table.column("id").to_pylist())


def test_indexes_are_built_after_the_rows_are_there(lake, tmp_path):
    write_input(tmp_path / "rows.parquet")
    said = lake.run("ingest", "db.t", tmp_path / "rows.parquet", "--vector", "embedding", "--batch-rows", 1000,
                    "--deferred").stdout
    assert "tarn index build db.t" in said
    assert status(lake)["pending"] == {"files": 2, "rows": 2000}
    assert lake.run("index", "wait", "db.t", "--timeout", "0.1", code=1).stderr
    before = lake.iceberg("db.t")
    old = set(lake.files("db.t"))
    assert "2 files, 2,000 rows" in lake.run("index", "build", "db.t").stdout
    after = status(lake)
    assert after["ready"] == {"files": 2, "rows": 2000}
    assert {f["type"] for f in after["files"]} == {"hnsw"}
    lake.run("index", "wait", "db.t")
    assert lake.iceberg("db.t").sort_by("id").equals(before.sort_by("id"))
    counted = lake.duckdb("db.t", "SELECT count(*) AS n, sum(id) AS total FROM {}").to_pylist()[0]
    assert counted == {"n": 2000, "total": sum(range(2000))}
    assert len(set(lake.files("db.t")) - old) == 2
    lake.run("verify", "db.t")
    assert "0 files" in lake.run("index", "build", "db.t").stdout


def test_searches_give_the_same_before_and_after(lake, tmp_path):
    table = write_input(tmp_path / "rows.parquet")
    query = json.dumps(table.column("embedding")[7].as_py())
    lake.run("ingest", "db.t", tmp_path / "rows.parquet", "--vector", "embedding", "--deferred", "--index", "flat")
    def search():
        lines = lake.run("search", "db.t", "--vector", query, "--columns", "id", "--json").stdout.splitlines()
        return [json.loads(line)["id"] for line in lines]
    before = search()
    lake.run("index", "build", "db.t")
    assert search() == before
    assert before[0] == 7


def test_an_input_with_an_id_may_be_sent_again(lake, tmp_path):
    write_input(tmp_path / "rows.parquet")
    ingest = ["ingest", "db.t", tmp_path / "rows.parquet", "--vector", "embedding", "--batch-rows", 500, "--index",
              "none", "--batch-id", "rows of today"]
    lake.run(*ingest)
    again = lake.run(*ingest).stdout
    assert "2,000 rows were left out" in again
    assert ids(lake.iceberg("db.t")) == list(range(2000))
    lake.run(*ingest[:-1], "rows of tomorrow")
    assert len(lake.iceberg("db.t")) == 4000


def test_an_interrupted_input_is_completed(lake, tmp_path):
    write_input(tmp_path / "rows.parquet", rows=1000)
    write_input(tmp_path / "more.parquet", rows=1000, first=1000)
    common = ["--vector", "embedding", "--batch-rows", 500, "--index", "none", "--batch-id", "x", "--commit-every", 1]
    lake.run("ingest", "db.t", tmp_path / "rows.parquet", *common)
    said = lake.run("ingest", "db.t", tmp_path / "rows.parquet", tmp_path / "more.parquet", *common).stdout
    assert "ingested 1,000 rows" in said and "1,000 rows were left out" in said
    assert ids(lake.iceberg("db.t")) == list(range(2000))


def test_small_files_wait_for_the_asking(lake, tmp_path):
    write_input(tmp_path / "rows.parquet", rows=100)
    lake.run("ingest", "db.t", tmp_path / "rows.parquet", "--vector", "embedding", "--deferred")
    assert status(lake)["small"]["rows"] == 100
    lake.run("index", "build", "db.t")
    assert status(lake)["small"]["rows"] == 100
    lake.run("index", "build", "db.t", "--small-files")
    assert status(lake)["ready"]["rows"] == 100
