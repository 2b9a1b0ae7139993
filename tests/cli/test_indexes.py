# SPDX-License-Identifier: Apache-2.0
"""Index types on the command line: chosen, automatic, shared codebooks, and what `info` says of them."""
import os
import re
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from conftest import BINARY


def write(path, rows, seed, dim=8):
    vectors = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    pq.write_table(pa.table({"id": pa.array(range(rows), pa.int64()),
                             "v": pa.array(vectors.tolist(), pa.list_(pa.float32()))}), path)
    return vectors


def hardware(**environment):
    return subprocess.run([BINARY, "info", "--hardware"], capture_output=True, text=True, check=True,
                          env={**os.environ, **environment}).stdout


def test_files_of_several_processes_share_one_codebook(lake, tmp_path):
    for seed in range(3):
        vectors = write(tmp_path / f"{seed}.parquet", 400, seed)
        lake.run("ingest", "db.t", tmp_path / f"{seed}.parquet", "--vector", "v", "--metric", "euclidean",
                 "--index", "ivf_pq")
    info = lake.run("info", "db.t").stdout
    line = re.search(r"codebook 1 +([0-9a-f]{32}) +3 files +1,200 rows +drift ([0-9.]+)", info)
    assert line, info
    assert 0.5 < float(line[2]) < 2
    query = ",".join(map(str, vectors[7].tolist()))
    found = lake.run("search", "db.t", "--vector", f"[{query}]", "--k", "1", "--nprobe", "100", "--json").stdout
    assert '"id":7' in found.replace(" ", ""), found
    lake.run("verify", "db.t")


def test_other_engines_read_tables_with_inverted_lists(lake, tmp_path):
    vectors = write(tmp_path / "in.parquet", 300, 5)
    lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v", "--index", "ivf_pq")
    rows = lake.iceberg("db.t").sort_by("id")
    assert np.array_equal(np.array(rows["v"].to_pylist(), np.float32), vectors)
    assert lake.duckdb("db.t", "SELECT count(*) AS n FROM {}")["n"].to_pylist() == [300]


def test_hardware_is_shown_and_can_be_overridden():
    small = hardware(TARN_CORES="2", TARN_GPUS="0")
    assert re.search(r"cores +2 \(TARN_CORES\)", small)
    assert re.search(r"gpus +0 \(TARN_GPUS\)", small)
    assert "auto index hnsw" in small
    assert "auto index ivf_pq" in hardware(TARN_CORES="8", TARN_GPUS="0")
    assert "auto index ivf_pq" in hardware(TARN_CORES="1", TARN_GPUS="1")
    assert re.search(r"cores +\d+ \((?!TARN_CORES)", hardware(TARN_CORES="many"))


def test_automatic_choice_follows_size_and_hardware(lake, tmp_path):
    write(tmp_path / "large.parquet", 5000, 1)
    write(tmp_path / "small.parquet", 200, 2)
    for cores, table in (("16", "db.many"), ("2", "db.few")):
        for name in ("large", "small"):
            lake.run("ingest", table, tmp_path / f"{name}.parquet", "--vector", "v", "--index", "auto",
                     env={**os.environ, "TARN_CORES": cores, "TARN_GPUS": "0"})
    assert sorted(re.findall(r"v: (\w+),", lake.run("info", "db.many").stdout)) == ["hnsw", "ivf_pq"]
    assert sorted(re.findall(r"v: (\w+),", lake.run("info", "db.few").stdout)) == ["hnsw", "hnsw"]


def test_settings_out_of_range_are_refused(lake, tmp_path):
    write(tmp_path / "in.parquet", 50, 1)
    for option, value in (("--ivf-bits", "5"), ("--ivf-nlist", "-1"), ("--ivf-m", "9")):
        refused = lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v", "--index", "ivf_pq",
                           option, value, code=1)
        assert "ivf" in refused.stderr.lower() or "sub-vectors" in refused.stderr, refused.stderr
