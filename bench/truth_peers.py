#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exact search of many queries: tarn's batch beside faiss's (faiss.knn, what IndexFlat runs), in turns.

Both hold the rows in memory (tarn: in mapped Parquet pages) and use the same number of threads. The median of the
rounds counts. Ratio > 1: tarn is faster. Rows that differ are compared by their distances in double: ties may.

    ./dev bench truth --base base.f16.npy --queries queries.f16.npy [--metric cosine] [--k 10] [--rounds 5]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np


def prepare(vectors, metric):
    """faiss has no cosine: vectors of length 1 under the inner product are the same."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if metric == "cosine":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def distances(metric, query, rows):
    query, rows = query.astype(np.float64), rows.astype(np.float64)
    if metric == "euclidean":
        return np.linalg.norm(rows - query, axis=1)
    products = rows @ query
    if metric == "dot_product":
        return -products
    return 1 - products / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query))


def count_wrong(args, base, queries, ours, theirs):
    """Queries whose answers are not equally near, rank by rank."""
    wrong = 0
    for query, a, b in zip(queries, ours, theirs):
        if (a == b).all():
            continue
        near = distances(args.metric, query, base[a]) - distances(args.metric, query, base[b])
        wrong += bool((np.abs(near) > 2e-6 * max(1.0, np.abs(query).max())).any())
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--metric", default="cosine", choices=("cosine", "euclidean", "dot_product"))
    parser.add_argument("--precision", default="f32", choices=("f32", "f16", "i8"), help="how tarn stores the rows")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    args = parser.parse_args()
    base, queries = np.load(args.base).astype(np.float32), np.load(args.queries).astype(np.float32)
    rows, asked = prepare(base, args.metric), prepare(queries, args.metric)
    metric = faiss.METRIC_L2 if args.metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
    faiss.omp_set_num_threads(args.threads)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "truth.npy"
        for _ in range(args.rounds):
            done = subprocess.run([args.tarn, "bench", "truth", "--base", args.base, "--queries", args.queries,
                                   "--metric", args.metric, "--k", str(args.k), "--threads", str(args.threads),
                                   "--precision", args.precision, "--passes", "2", "--out", out],
                                  stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"tarn bench truth failed with status {done.returncode}")
            ours.append(json.loads(done.stdout)["seconds"])
            best = float("inf")
            for _ in range(2):
                start = time.perf_counter()
                _, labels = faiss.knn(asked, rows, args.k, metric=metric)
                best = min(best, time.perf_counter() - start)
            theirs.append(best)
        found = np.load(out)
    mine, peer = statistics.median(ours), statistics.median(theirs)
    same = (found == labels).all(axis=1).sum()
    print(f"{len(base):,} x {base.shape[1]}, {args.metric}, {args.precision}, {len(queries):,} queries, k {args.k}, "
          f"{args.threads} threads, medians of {args.rounds} rounds")
    print(f"tarn        {mine:.3f} s  {len(queries) / mine:9,.0f} queries/s  (of {', '.join(f'{s:.3f}' for s in ours)})")
    print(f"faiss Flat  {peer:.3f} s  {len(queries) / peer:9,.0f} queries/s  (of {', '.join(f'{s:.3f}' for s in theirs)})")
    print(f"speed, tarn / faiss: {peer / mine:.2f}")
    print(f"answers: {same} of {len(queries)} the same rows in the same order, "
          f"{count_wrong(args, base, queries, found, labels)} not equally near")


if __name__ == "__main__":
    main()
