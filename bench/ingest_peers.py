#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small batches of rows with embeddings: tarn's memtable beside LanceDB's `add` and PyIceberg's `append`, call by call.

Same rows, same disk. LanceDB and PyIceberg sync nothing, so tarn is measured so, too; and with its log synced on every
insert, on one thread and on eight, beside a plain file to which the same bytes are written and synced. Tarn's flushes
are in its rows/s, not in the time of the calls that do not flush. Peers make fewer calls where they are slow.

    ./dev bench ingest --base base.npy [--rows 1,100,1000,10000] [--rounds 3]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog


def batches_of(vectors, size, calls):
    places = len(vectors) // size
    for call in range(calls):
        some = vectors[call % places * size:][:size]
        ids = pa.array(range(call * size, (call + 1) * size), pa.int64())
        yield ids, pa.array(some.ravel()), some.shape[1]


def lance(vectors, size, calls, folder):
    schema = pa.schema([("id", pa.int64()), ("embedding", pa.list_(pa.float32(), vectors.shape[1]))])
    table = lancedb.connect(folder).create_table("bench", schema=schema)
    micros = []
    for ids, values, dim in batches_of(vectors, size, calls):
        rows = pa.table([ids, pa.FixedSizeListArray.from_arrays(values, dim)], schema=schema)
        start = time.perf_counter()
        table.add(rows)
        micros.append(1e6 * (time.perf_counter() - start))
    assert table.count_rows() == size * calls
    return micros, sum(1 for f in Path(folder).rglob("*.lance") if f.is_file())


def pyiceberg(vectors, size, calls, folder):
    catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")
    catalog.create_namespace("db")
    schema = pa.schema([("id", pa.int64()), ("embedding", pa.list_(pa.float32()))])
    table = catalog.create_table("db.bench", schema=schema)
    micros = []
    for ids, values, dim in batches_of(vectors, size, calls):
        offsets = pa.array(np.arange(size + 1, dtype=np.int32) * dim)
        rows = pa.table([ids, pa.ListArray.from_arrays(offsets, values)], schema=schema)
        start = time.perf_counter()
        table.append(rows)
        micros.append(1e6 * (time.perf_counter() - start))
    return micros, sum(1 for f in Path(folder).rglob("*.parquet"))


def tarn(options, folder, size, calls, sync, threads=1, plain=False):
    done = subprocess.run(
        [options.tarn, "-C", f"{folder}/lake", *([] if sync else ["--no-sync"]), "bench", "ingest", "db.rows", "--base",
         options.base, "--rows", str(size), "--calls", str(calls), "--threads", str(threads), "--sync",
         "every" if sync else "none", *(["--out", folder] if plain else [])],
        capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Line:
    def __init__(self):
        self.micros, self.rates, self.files = [], [], 0

    def add(self, micros, rows, seconds, files):
        self.micros += micros
        self.rates.append(rows / seconds)
        self.files = files

    def percentile(self, share):
        return float(np.percentile(self.micros, share)) if self.micros else float("nan")

    def print(self, name, beside):
        rate = statistics.median(self.rates)
        ratios = f"  tarn/it: p50 {beside.percentile(50) / self.percentile(50):.3f}, rows/s " \
                 f"{statistics.median(beside.rates) / rate:.2f}" if beside else ""
        print(f"  {name:28} p50 {self.percentile(50):9.0f} us  p99 {self.percentile(99):9.0f}  p99.9 "
              f"{self.percentile(99.9):9.0f}  {rate:12,.0f} rows/s  {self.files:6} files{ratios}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="embeddings, .npy")
    parser.add_argument("--rows", default="1,100,1000,10000", help="rows of a call")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to write (default: a temporary folder)")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    options = parser.parse_args()
    vectors = np.load(options.base).astype(np.float32)
    for size in map(int, options.rows.split(",")):
        calls = min(3000, max(60, 300_000 // size))
        slow = min(calls, 100)
        free, synced, eight, disk, peer, iceberg = (Line() for _ in range(6))
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                done = tarn(options, folder, size, calls, sync=False)
                free.add(done["call_us"], done["rows"], done["seconds"], done["files"])
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                micros, files = lance(vectors, size, slow, folder)
                peer.add(micros, size * slow, sum(micros) / 1e6, files)
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                micros, files = pyiceberg(vectors, size, min(slow, 30), folder)
                iceberg.add(micros, size * min(slow, 30), sum(micros) / 1e6, files)
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                done = tarn(options, folder, size, calls, sync=True, plain=True)
                synced.add(done["call_us"], done["rows"], done["seconds"], done["files"])
                disk.add(done["plain_us"], size * len(done["plain_us"]), sum(done["plain_us"]) / 1e6, 1)
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                done = tarn(options, folder, size, calls, sync=True, threads=8)
                eight.add(done["call_us"], done["rows"], done["seconds"], done["files"])
        print(f"{size} rows a call, {vectors.shape[1]} dimensions, {calls} calls (LanceDB {slow}, PyIceberg "
              f"{min(slow, 30)}), {options.rounds} rounds")
        free.print("tarn, nothing synced", None)
        peer.print("LanceDB add", free)
        iceberg.print("PyIceberg append", free)
        synced.print("tarn, log synced", None)
        disk.print("write + fdatasync", synced)
        eight.print("tarn, log synced, 8 threads", None)


if __name__ == "__main__":
    main()
