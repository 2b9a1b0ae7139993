#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Taking in rows with embeddings, indexes later: tarn beside LanceDB, same rows, same batches, same disk.

tarn's WriteBatchDeferred + Commit of each batch, every file and folder synced; LanceDB's table.add of each batch, which syncs
nothing; and the bytes of tarn's data files written to plain files and synced. None builds an index. Rounds alternate.
Ratio > 1: tarn is faster.

    ./dev bench deferred --base base.npy [--batch-rows 10000] [--rounds 5]
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


def batches_of(base, size):
    vectors = np.load(base).astype(np.float32)
    for first in range(0, len(vectors), size):
        some = vectors[first:first + size]
        lists = pa.FixedSizeListArray.from_arrays(pa.array(some.ravel()), some.shape[1])
        yield pa.table({"id": pa.array(range(first, first + len(some)), pa.int64()), "embedding": lists})


def lance(batches, folder):
    database = lancedb.connect(folder)
    table = database.create_table("bench", schema=batches[0].schema)
    seconds = 0
    for batch in batches:
        start = time.perf_counter()
        table.add(batch)
        seconds += time.perf_counter() - start
    assert table.count_rows() == sum(len(batch) for batch in batches)
    return seconds


def tarn(options, folder, sync):
    done = subprocess.run([options.tarn, "-C", f"{folder}/lake", *([] if sync else ["--no-sync"]), "bench", "deferred",
                           "db.rows", "--base", options.base, "--batch-rows", str(options.batch_rows), "--out", folder],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="embeddings, .npy")
    parser.add_argument("--batch-rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where to write (default: a temporary folder)")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    options = parser.parse_args()
    batches = list(batches_of(options.base, options.batch_rows))
    rows = sum(len(batch) for batch in batches)
    seconds = {"tarn, all synced": [], "tarn, nothing synced": [], "LanceDB add": [], "plain files": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            done = tarn(options, folder, sync=True)
            seconds["tarn, all synced"].append(sum(done["seconds"]))
            seconds["plain files"].append(sum(done["plain_seconds"]))
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            seconds["LanceDB add"].append(lance(batches, Path(folder) / "lance"))
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            seconds["tarn, nothing synced"].append(sum(tarn(options, folder, sync=False)["seconds"]))
    print(f"{rows:,} rows, {options.batch_rows:,} a batch, tarn's data files {done['bytes'] / 1e6:.0f} MB")
    for name, some in seconds.items():
        ratios = [theirs / mine for mine, theirs in zip(seconds["tarn, all synced"], some)]
        print(f"{name:22} {statistics.median(some):7.3f} s {rows / statistics.median(some):12,.0f} rows/s   "
              f"tarn (all synced) / it: {statistics.median(ratios):.2f} (of {', '.join(f'{r:.2f}' for r in ratios)})")


if __name__ == "__main__":
    main()
