#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a file on disk to the first answer: tarn's table beside hnswlib's load + first query.

Each measurement is a fresh process that has its libraries loaded; files are in the page cache for both.

    ./dev bench open --base base.f16.npy --queries queries.f16.npy [--rounds 5]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PEER = """
import sys, time, numpy as np, hnswlib
path, queries, dim = sys.argv[1], sys.argv[2], int(sys.argv[3])
query = np.load(queries)[:1].astype(np.float32)
start = time.perf_counter()
index = hnswlib.Index('cosine', dim)
index.load_index(path)
index.set_num_threads(1)
index.set_ef(64)
index.knn_query(query, k=10)
print((time.perf_counter() - start) * 1000)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    options = parser.parse_args()
    import hnswlib
    base = np.load(options.base).astype(np.float32)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        folder = Path(folder)
        index = hnswlib.Index("cosine", base.shape[1])
        index.init_index(len(base), M=16, ef_construction=200)
        index.add_items(base, num_threads=os.cpu_count())
        index.save_index(str(folder / "peer.bin"))
        rows = "\n".join(["id", *map(str, range(len(base)))]) + "\n"
        (folder / "rows.csv").write_text(rows)
        tarn = [options.tarn, "-C", str(folder / "lake")]
        subprocess.run([*tarn, "ingest", "bench.t", str(folder / "rows.csv"), "--vectors", options.base, "--vector", "v",
                        "--batch-rows", str(len(base))], check=True, capture_output=True)
        ours, theirs, memory = [], [], []
        for _ in range(options.rounds):
            done = subprocess.run([*tarn, "bench", "open", "bench.t", "--queries", options.queries],
                                  capture_output=True, text=True, check=True)
            result = json.loads(done.stdout)
            ours.append(result["first_answer_ms"])
            memory.append(result["memory_growth_kib"] / 1024)
            done = subprocess.run([sys.executable, "-c", PEER, str(folder / "peer.bin"), options.queries,
                                   str(base.shape[1])], capture_output=True, text=True, check=True)
            theirs.append(float(done.stdout))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    print(f"rows {len(base):,}, dim {base.shape[1]}")
    print(f"tarn     {mine:8.1f} ms to the first answer, {statistics.median(memory):.1f} MiB of memory beside the mapped file")
    print(f"hnswlib  {peer:8.1f} ms to load and answer")
    print(f"time, tarn / hnswlib: {mine / peer:.3f}")


if __name__ == "__main__":
    main()
