#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a file on disk to the first answer: tarn's table beside hnswlib's load and usearch's view, each + first query.

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

HNSWLIB = """
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

USEARCH = """
import sys, time, numpy as np
from usearch.index import Index
path, queries, dim = sys.argv[1], sys.argv[2], int(sys.argv[3])
query = np.load(queries)[0].astype(np.float32)
start = time.perf_counter()
index = Index.restore(path, view=True)
index.expansion_search = 64
index.search(query, 10, threads=1)
print((time.perf_counter() - start) * 1000)
"""


def build_hnswlib(base, path):
    import hnswlib
    index = hnswlib.Index("cosine", base.shape[1])
    index.init_index(len(base), M=16, ef_construction=200)
    index.add_items(base, num_threads=os.cpu_count())
    index.save_index(str(path))


def build_usearch(base, path):
    from usearch.index import Index
    index = Index(ndim=base.shape[1], metric="cos", dtype="bf16", connectivity=16, expansion_add=200)
    index.add(np.arange(len(base)), base, threads=os.cpu_count())
    index.save(str(path))


PEERS = {"hnswlib": (build_hnswlib, HNSWLIB, "load"), "usearch": (build_usearch, USEARCH, "view")}


def build_peers(base, folder):
    """Those that could be built; the others are reported."""
    built = []
    for name, (build, _, _) in PEERS.items():
        try:
            build(base, folder / f"{name}.bin")
            built.append(name)
        except Exception as error:  # not installed, or whatever the library throws
            print(f"{name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
    return built


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    options = parser.parse_args()
    base = np.load(options.base).astype(np.float32)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        folder = Path(folder)
        peers = build_peers(base, folder)
        rows = "\n".join(["id", *map(str, range(len(base)))]) + "\n"
        (folder / "rows.csv").write_text(rows)
        tarn = [options.tarn, "-C", str(folder / "lake")]
        subprocess.run([*tarn, "ingest", "bench.t", str(folder / "rows.csv"), "--vectors", options.base, "--vector", "v",
                        "--batch-rows", str(len(base))], check=True, capture_output=True)
        ours, memory, theirs = [], [], {name: [] for name in peers}
        for _ in range(options.rounds):
            done = subprocess.run([*tarn, "bench", "open", "bench.t", "--queries", options.queries],
                                  capture_output=True, text=True, check=True)
            result = json.loads(done.stdout)
            ours.append(result["first_answer_ms"])
            memory.append(result["memory_growth_kib"] / 1024)
            for name in peers:
                done = subprocess.run([sys.executable, "-c", PEERS[name][1], str(folder / f"{name}.bin"), options.queries,
                                       str(base.shape[1])], capture_output=True, text=True, check=True)
                theirs[name].append(float(done.stdout))
    mine = statistics.median(ours)
    print(f"rows {len(base):,}, dim {base.shape[1]}")
    print(f"tarn     {mine:8.1f} ms to the first answer, {statistics.median(memory):.1f} MiB of memory beside the mapped file")
    for name, times in theirs.items():
        peer = statistics.median(times)
        print(f"{name:8} {peer:8.1f} ms to {PEERS[name][2]} and answer; time, tarn / {name}: {mine / peer:.3f}")


if __name__ == "__main__":
    main()
