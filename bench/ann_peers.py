#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tarn's graph index beside hnswlib: recall@10 against queries per second.

Each round runs `tarn bench ann` and then hnswlib, so that a drift of the machine meets both; the
median of the rounds counts. One search thread, two build threads, k = 10; a result as near as the
true tenth neighbour counts as right. Give queries on which nothing was tuned: by default rows 1000 to
1999 of the query file (all of them when there are fewer).

hnswlib answers all queries in one call of its Python module, which costs it nothing a query; tarn is a
C++ loop with the clock read at each query.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import hnswlib
import numpy as np

K = 10
LEVELS = (0.95, 0.97, 0.99)
EFS = (10, 16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 768)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", required=True, help=".npy, n x dim, float16 or float32")
    parser.add_argument("--queries", required=True, help=".npy, of the same dimension")
    parser.add_argument("--truth", required=True, help=".npy, true neighbours, nearest first")
    parser.add_argument("--tarn", default="build/release/src/cli/tarn", help="the tarn program")
    parser.add_argument("--metric", default="cosine", choices=("cosine", "euclidean", "dot_product"))
    parser.add_argument("--query-begin", type=int, default=1000)
    parser.add_argument("--query-end", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build-threads", type=int, default=2)
    parser.add_argument("--out", default="ann_peers", help="writes OUT.json and OUT.svg")
    return parser.parse_args()


def distances(metric, query, rows):
    if metric == "euclidean":
        return np.linalg.norm(rows - query, axis=1)
    products = rows @ query
    if metric == "dot_product":
        return -products
    return 1 - products / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query))


class Hnswlib:
    """hnswlib with M = 16 and efConstruction = 200, on the same float32 vectors."""

    def __init__(self, args, base, queries, truth):
        self.metric, self.base, self.queries = args.metric, base, queries
        self.limits = []
        for query, rows in zip(queries, truth):
            last = distances(args.metric, query, base[rows[:K]]).max()
            self.limits.append(last + 1e-6 * max(1.0, abs(last)))
        space = {"cosine": "cosine", "euclidean": "l2", "dot_product": "ip"}[args.metric]
        self.index = hnswlib.Index(space=space, dim=base.shape[1])
        self.index.init_index(max_elements=len(base), M=16, ef_construction=200)
        start = time.perf_counter()
        self.index.add_items(base, num_threads=args.build_threads)
        self.build_seconds = time.perf_counter() - start
        with tempfile.NamedTemporaryFile() as file:
            self.index.save_index(file.name)
            self.index_bytes = os.path.getsize(file.name)

    def recall(self, labels):
        right = 0
        for query, rows, limit in zip(self.queries, labels, self.limits):
            right += int((distances(self.metric, query, self.base[rows]) <= limit).sum())
        return right / (len(labels) * K)

    def sweep(self):
        points = []
        for ef in EFS:
            self.index.set_ef(ef)
            best = float("inf")
            for _ in range(3):
                start = time.perf_counter()
                labels, _distances = self.index.knn_query(self.queries, k=K, num_threads=1)
                best = min(best, time.perf_counter() - start)
            points.append({"ef": ef, "recall": self.recall(labels), "qps": len(labels) / best})
            if points[-1]["recall"] >= 0.995:
                break
        return points


def run_tarn(args, query_end):
    command = [args.tarn, "bench", "ann", "--base", args.base, "--queries", args.queries,
               "--truth", args.truth, "--metric", args.metric, "--query-begin", str(args.query_begin),
               "--query-end", str(query_end), "--build-threads", str(args.build_threads), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with status {done.returncode}")
    return json.loads(done.stdout)


def qps_at(points, recall):
    """By linear interpolation between the two points around the recall; None outside of the sweep."""
    points = sorted(points, key=lambda p: p["recall"])
    for low, high in zip(points, points[1:]):
        if low["recall"] <= recall <= high["recall"] and high["recall"] > low["recall"]:
            share = (recall - low["recall"]) / (high["recall"] - low["recall"])
            return low["qps"] + share * (high["qps"] - low["qps"])
    return None


def median_at(rounds, recall):
    values = [qps_at(points, recall) for points in rounds]
    return None if not values or None in values else statistics.median(values)


def chart(series, path):
    """Recall on a scale that spreads the last percents, queries per second on a logarithmic one."""
    width, height, left, top = 640, 400, 70, 30
    points = [p for _, _, rows in series for p in rows if p["recall"] >= 0.8]
    if not points:
        return
    low = 10 ** np.floor(np.log10(min(p["qps"] for p in points)))
    high = 10 ** np.ceil(np.log10(max(p["qps"] for p in points)))

    def x(recall):
        # 0.8 .. 0.999 by the logarithm of what is missing.
        missing = max(1 - recall, 0.001)
        return left + (width - left - 20) * np.log(0.2 / missing) / np.log(0.2 / 0.001)

    def y(qps):
        return top + (height - top - 50) * (1 - np.log(qps / low) / np.log(high / low))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for recall in (0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999):
        out.append(f'<line x1="{x(recall):.1f}" x2="{x(recall):.1f}" y1="{top}" y2="{height - 50}" stroke="#ddd"/>'
                   f'<text x="{x(recall):.1f}" y="{height - 32}" text-anchor="middle">{recall}</text>')
    qps = low
    while qps <= high:
        out.append(f'<line x1="{left}" x2="{width - 20}" y1="{y(qps):.1f}" y2="{y(qps):.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 6}" y="{y(qps) + 4:.1f}" text-anchor="end">{qps:,.0f}</text>')
        qps *= 10
    for i, (name, colour, rows) in enumerate(series):
        rows = sorted((p for p in rows if p["recall"] >= 0.8), key=lambda p: p["recall"])
        line = " ".join(f'{x(p["recall"]):.1f},{y(p["qps"]):.1f}' for p in rows)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(p["recall"]):.1f}" cy="{y(p["qps"]):.1f}" r="3" fill="{colour}"/>' for p in rows]
        out.append(f'<text x="{left + 10}" y="{height - 62 - 16 * i}" fill="{colour}">{name}</text>')
    out.append(f'<text x="{width / 2}" y="{height - 10}" text-anchor="middle">recall@10</text>'
               f'<text x="{left}" y="{top - 12}">queries per second, one thread</text></svg>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


def main():
    args = parse_arguments()
    base = np.ascontiguousarray(np.load(args.base), dtype=np.float32)
    all_queries = np.load(args.queries)
    if len(all_queries) < args.query_end:
        args.query_begin, args.query_end = 0, len(all_queries)
    chosen = slice(args.query_begin, args.query_end)
    queries = np.ascontiguousarray(all_queries[chosen], dtype=np.float32)
    truth = np.load(args.truth)[chosen]

    peer = None
    tarn_runs, peer_rounds = [], []
    for number in range(args.rounds):
        tarn_runs.append(run_tarn(args, args.query_end))
        if peer is None:
            peer = Hnswlib(args, base, queries, truth)
        peer_rounds.append(peer.sweep())
        print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)

    tarn_rounds = [run["sweep"] for run in tarn_runs]
    n = len(base)
    build = statistics.median(run["build_seconds"] for run in tarn_runs)
    table = [{"recall": r, "tarn_qps": median_at(tarn_rounds, r), "hnswlib_qps": median_at(peer_rounds, r)}
             for r in LEVELS]
    print(f"{n} x {base.shape[1]}, {args.metric}, queries {args.query_begin}-{args.query_end - 1}, "
          f"median of {args.rounds} rounds\n")
    print("| recall@10 | tarn QPS | hnswlib QPS | ratio |\n|---|---|---|---|")
    for row in table:
        ours, theirs = row["tarn_qps"], row["hnswlib_qps"]
        row["ratio"] = ours / theirs if ours and theirs else None
        cells = [f"{v:,.0f}" if v else "-" for v in (ours, theirs)]
        print(f"| {row['recall']} | {cells[0]} | {cells[1]} | "
              f"{format(row['ratio'], '.2f') if row['ratio'] else '-'} |")
    tarn_bytes, peer_bytes = tarn_runs[0]["index_bytes"] / n, peer.index_bytes / n
    print(f"\n| | tarn | hnswlib | ratio |\n|---|---|---|---|\n"
          f"| build, s | {build:.1f} | {peer.build_seconds:.1f} | {build / peer.build_seconds:.2f} |\n"
          f"| bytes a vector | {tarn_bytes:.0f} beside the vectors | {peer_bytes:.0f} with them | "
          f"{tarn_bytes / peer_bytes:.2f} |")

    with open(args.out + ".json", "w", encoding="utf-8") as file:
        json.dump({"table": table, "tarn": tarn_runs,
                   "hnswlib": {"build_seconds": peer.build_seconds, "index_bytes": peer.index_bytes,
                               "rounds": peer_rounds}}, file, indent=1)
    chart([("tarn", "#c0392b", tarn_rounds[-1]), ("hnswlib, M 16, efConstruction 200", "#2c3e50", peer_rounds[-1])],
          args.out + ".svg")


if __name__ == "__main__":
    main()
