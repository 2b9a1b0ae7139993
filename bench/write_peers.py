#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writing one Parquet file of rows and embeddings: tarn beside pyarrow, same rows, same encodings, same disk.

Both hold the rows in memory and write them to a file that is synced. Rounds alternate. Ratio > 1: tarn is faster.

    ./dev bench write --base base.f16.npy [--table rows.parquet] [--rounds 5]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq


def make_input(base, table, path):
    vectors = np.load(base).astype(np.float32)
    offsets = pa.array(np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1])
    lists = pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel()),
                                     type=pa.list_(pa.field("element", pa.float32(), nullable=False)))
    rows = pq.read_table(table) if table else pa.table({"id": pa.array(range(len(vectors)), pa.int64())})
    rows = rows.append_column("embedding", lists)
    with pa.ipc.new_file(path, rows.schema) as writer:
        writer.write_table(rows)
    return rows


def write_pyarrow(rows, path, group_rows):
    start = time.perf_counter()
    scalars = [name for name in rows.column_names if name != "embedding"]
    pq.write_table(rows, path, row_group_size=group_rows, use_dictionary=scalars, write_page_index=True,
                   compression={**{name: "zstd" for name in scalars}, "embedding": "none"})
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    seconds = time.perf_counter() - start
    size = os.path.getsize(path)
    os.remove(path)
    return seconds, size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="embeddings, .npy")
    parser.add_argument("--table", help="the other columns, Parquet")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where to write (default: a temporary folder)")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source = Path(folder) / "in.arrow"
        rows = make_input(options.base, options.table, source)
        group = max(1, (64 << 20) // (4 * len(rows["embedding"][0])))
        ours, theirs = [], []
        for _ in range(options.rounds):
            done = subprocess.run([options.tarn, "bench", "write", source, "--vector", "embedding", "--out", folder,
                                   "--rounds", "2"], capture_output=True, text=True, check=True)
            result = json.loads(done.stdout)
            ours.append(result["seconds"][-1])
            write_pyarrow(rows, Path(folder) / "peer.parquet", group)
            seconds, size = write_pyarrow(rows, Path(folder) / "peer.parquet", group)
            theirs.append(seconds)
    mine, peer = statistics.median(ours), statistics.median(theirs)
    print(f"rows {rows.num_rows:,}, tarn {result['bytes'] / 1e6:.1f} MB, pyarrow {size / 1e6:.1f} MB")
    print(f"tarn     {mine:.3f} s  {rows.num_rows / mine:12,.0f} rows/s  (of {', '.join(f'{s:.3f}' for s in ours)})")
    print(f"pyarrow  {peer:.3f} s  {rows.num_rows / peer:12,.0f} rows/s  (of {', '.join(f'{s:.3f}' for s in theirs)})")
    print(f"speed, tarn / pyarrow: {peer / mine:.2f}")


if __name__ == "__main__":
    main()
