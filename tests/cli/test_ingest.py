# SPDX-License-Identifier: Apache-2.0
"""The ways in: formats, standard input, vectors beside the rows; and the ways out."""
import json
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

VECTORS = np.random.default_rng(11).normal(size=(50, 4)).astype(np.float32)


def rows(with_vectors=True):
    table = pa.table({"id": pa.array(range(50), pa.int64()), "word": [f"w{i}" for i in range(50)]})
    if with_vectors:
        table = table.append_column("v", pa.array(VECTORS.tolist(), pa.list_(pa.float32())))
    return table


def ndjson(table):
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist())


def check(lake, table="db.t"):
    got = lake.iceberg(table).sort_by("id")
    assert got["id"].to_pylist() == list(range(50))
    assert got["word"].to_pylist() == [f"w{i}" for i in range(50)]
    assert np.allclose(np.array(got["v"].to_pylist(), np.float32), VECTORS, atol=1e-6)


def test_ndjson_file_and_standard_input(lake, tmp_path):
    (tmp_path / "in.ndjson").write_text(ndjson(rows()))
    lake.run("ingest", "db.t", tmp_path / "in.ndjson", "--vector", "v")
    check(lake)
    lake.run("ingest", "db.u", "-", "--vector", "v", input=ndjson(rows()))
    check(lake, "db.u")


def test_csv_with_an_npy_beside_it(lake, tmp_path):
    pa.csv.write_csv(rows(False), tmp_path / "in.csv")
    np.save(tmp_path / "v.npy", VECTORS)
    lake.run("ingest", "db.t", tmp_path / "in.csv", "--vectors", tmp_path / "v.npy", "--vector", "v", "--batch-rows", 7)
    check(lake)
    assert len(lake.files("db.t")) == 8


def test_a_half_precision_npy_is_widened(lake, tmp_path):
    pa.csv.write_csv(rows(False), tmp_path / "in.csv")
    np.save(tmp_path / "v.npy", VECTORS.astype(np.float16))
    lake.run("ingest", "db.t", tmp_path / "in.csv", "--vectors", tmp_path / "v.npy", "--vector", "v")
    got = np.array(lake.iceberg("db.t").sort_by("id")["v"].to_pylist(), np.float32)
    assert np.array_equal(got, VECTORS.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_ipc_from_standard_input(lake, kind):
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(sink, rows().schema) as writer:
        writer.write_table(rows(), max_chunksize=9)
    from conftest import BINARY
    done = subprocess.run([BINARY, "-C", lake.folder, "ingest", "db.t", "-", "--vector", "v"],
                          input=sink.getvalue().to_pybytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    check(lake)


def test_several_files_become_one_snapshot_and_commit_every_makes_more(lake, tmp_path):
    for part in range(5):
        pq.write_table(rows().slice(part * 10, 10), tmp_path / f"{part}.parquet")
    parts = [tmp_path / f"{part}.parquet" for part in range(5)]
    lake.run("ingest", "db.t", *parts, "--vector", "v")
    check(lake)
    assert len(json.loads(lake.metadata("db.t").read_text())["snapshots"]) == 1
    lake.run("ingest", "db.u", *parts, "--vector", "v", "--commit-every", 2)
    check(lake, "db.u")
    assert len(json.loads(lake.metadata("db.u").read_text())["snapshots"]) == 3


def test_a_failure_in_the_second_file_leaves_nothing_of_the_first(lake, tmp_path):
    pq.write_table(rows(), tmp_path / "good.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nonsense")
    lake.run("ingest", "db.t", tmp_path / "good.parquet", tmp_path / "bad.parquet", "--vector", "v", code=1)
    assert lake.iceberg("db.t").num_rows == 0 and lake.files("db.t") == []


def test_several_vector_columns_each_have_an_index(lake, tmp_path):
    other = np.random.default_rng(12).normal(size=(50, 6)).astype(np.float32)
    table = rows().append_column("w", pa.array(other.tolist(), pa.list_(pa.float32())))
    pq.write_table(table, tmp_path / "in.parquet")
    lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v", "--add-vector", "w:6:euclidean:f16")
    check(lake)
    text = lake.run("info", "db.t").stdout
    assert "v: hnsw" in text and "w: hnsw" in text and "dim 6, euclidean, f16" in text
    done = lake.run("search", "db.t", "--column", "w", "--like-id", "7", "--k", 1, "--json", "--columns", "id")
    assert json.loads(done.stdout)["id"] == 7


def test_plain_tables_need_no_vectors(lake, tmp_path):
    pa.csv.write_csv(rows(False), tmp_path / "in.csv")
    lake.run("ingest", "db.t", tmp_path / "in.csv")
    assert lake.iceberg("db.t").num_rows == 50
    assert "no vector column" in lake.run("search", "db.t", "--vector", "[1]", code=1).stderr
    assert "is sound" in lake.run("verify", "db.t").stdout


@pytest.mark.parametrize("index", ["hnsw", "flat", "none"])
def test_every_kind_of_index_finds_the_same_rows(lake, tmp_path, index):
    pq.write_table(rows(), tmp_path / "in.parquet")
    lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v", "--index", index)
    done = lake.run("search", "db.t", "--vector", json.dumps(VECTORS[3].tolist()), "--k", 5, "--json", "--columns", "id")
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    expected = np.argsort(1 - unit @ unit[3])[:5].tolist()
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == expected
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_scan_limits_and_writes_parquet(lake, tmp_path):
    pq.write_table(rows(), tmp_path / "in.parquet")
    lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v")
    assert len(lake.run("scan", "db.t", "--limit", 3, "--json").stdout.splitlines()) == 3
    lake.run("scan", "db.t", "--columns", "word,id", "--out", tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.column_names == ["word", "id"] and out.num_rows == 50
    assert "exists" in lake.run("scan", "db.t", "--out", tmp_path / "out.parquet", code=1).stderr


def test_two_processes_that_ingest_at_once_lose_nothing(lake, tmp_path):
    from conftest import BINARY
    pq.write_table(rows(), tmp_path / "in.parquet")
    lake.run("create", "db.t", "--vector", "v", "--dim", 4)
    command = [BINARY, "-C", lake.folder, "--no-sync", "ingest", "db.t", tmp_path / "in.parquet", "--batch-rows", "5",
               "--commit-every", "1"]
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for racer in racers:
        assert racer.wait() == 0, racer.stderr.read()
    table = lake.iceberg("db.t")
    assert table.num_rows == 200
    assert sorted(table["id"].to_pylist()) == sorted(list(range(50)) * 4)
    assert len(json.loads(lake.metadata("db.t").read_text())["snapshots"]) == 40
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_a_table_can_be_made_like_a_file_before_there_are_rows(lake, tmp_path):
    pq.write_table(rows(), tmp_path / "in.parquet")
    lake.run("create", "db.t", "--like", tmp_path / "in.parquet", "--vector", "v", "--dim", 4)
    assert lake.iceberg("db.t").schema.names == ["id", "word", "v"]
    assert lake.iceberg("db.t").num_rows == 0
    lake.run("ingest", "db.t", tmp_path / "in.parquet")
    check(lake)
    done = lake.run("create", "db.bad", "--like", tmp_path / "absent.parquet", code=1)
    assert "absent.parquet" in done.stderr and not lake.table_folder("db.bad").exists()
