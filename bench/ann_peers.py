#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tarn's indexes beside those of others: recall@10 against queries per second.

Each round asks every contender once at each setting, one after the other, so that a drift of the machine meets all;
medians of the rounds count, and ratios are taken within a round. One search thread, two build threads, k = 10; a result
as near as the true tenth neighbour counts as right. Give queries on which nothing was tuned: by default rows 1000 to
1999 of the query file (all of them when there are fewer).

Peers answer all queries in one call of their Python modules, which costs them nothing a query (Lance: one by one, fewer
queries); tarn is a C++ loop with the clock read at each query. A peer that is not installed, or does not run on this
processor, is reported and left out.

    ./dev bench ann --base base.npy --queries queries.npy --truth truth.npy [--metric cosine] [--peers hnswlib,svs]
                    [--tarn-indexes hnsw,ivf_pq] [--cache DIR] [--filter 0.1] [--deleted 0.2] [--files 8]

With --filter or --deleted only a random share of the rows may be returned; the truth is found anew.
Writes OUT.json, OUT.md and OUT.svg.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from peer_indexes import PEERS
from peer_process import PeerProcess, fingerprint
from recall_chart import qps_at, write_chart

K = 10
LEVELS = (0.95, 0.97, 0.99)
ENOUGH = 0.995
LIVE_SEED = 20


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help=".npy, n x dim, float16 or float32")
    parser.add_argument("--queries", required=True, help=".npy, of the same dimension")
    parser.add_argument("--truth", required=True, help=".npy, true neighbours, nearest first")
    parser.add_argument("--metric", default="cosine", choices=("cosine", "euclidean", "dot_product"))
    parser.add_argument("--peers", default=",".join(PEERS), help="of " + ", ".join(PEERS) + "; '' for none")
    parser.add_argument("--tarn-indexes", default="hnsw", help="of hnsw, ivf_pq, flat")
    parser.add_argument("--files", type=int, default=1, help="files of tarn's table")
    parser.add_argument("--filter", type=float, default=1, help="share of the rows that a filter keeps")
    parser.add_argument("--deleted", type=float, default=0, help="share of the rows that are deleted")
    parser.add_argument("--query-begin", type=int, default=1000)
    parser.add_argument("--query-end", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passes", type=int, default=2, help="of each setting in a round; the fastest counts")
    parser.add_argument("--build-threads", type=int, default=2)
    parser.add_argument("--cache", help="keeps built indexes between runs, with their build seconds")
    parser.add_argument("--skip-build-times", action="store_true", help="leave build seconds out of the table")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    parser.add_argument("--out", default="ann_peers", help="writes OUT.json, OUT.md and OUT.svg")
    return parser.parse_args()


class Truth:
    """How far a right result may be, for each query, and how many there can be."""

    def __init__(self, metric, base, queries, neighbours, live):
        self.metric, self.base, self.queries = metric, base, queries
        self.norms = np.linalg.norm(base, axis=1) if metric == "cosine" else None
        if live is not None:
            neighbours = self._search(np.flatnonzero(live))
        last = self.distances(neighbours[:, :K]).max(axis=1)
        self.limits = last + 1e-6 * np.maximum(1.0, np.abs(last))

    def _search(self, rows):
        kept = self.base[rows]
        found = []
        for query in self.queries:
            products = kept @ query
            if self.metric == "cosine":
                far = -products / self.norms[rows]
            else:
                far = -products if self.metric == "dot_product" else (kept ** 2).sum(axis=1) - 2 * products
            found.append(rows[np.argpartition(far, K)[:K]])
        return np.array(found)

    def distances(self, labels):
        rows = self.base[labels]
        if self.metric == "euclidean":
            return np.linalg.norm(rows - self.queries[:len(labels), None], axis=2)
        products = np.einsum("qkd,qd->qk", rows, self.queries[:len(labels)])
        if self.metric == "dot_product":
            return -products
        return 1 - products / (self.norms[labels] * np.linalg.norm(self.queries[:len(labels)], axis=1)[:, None])

    def recall(self, labels):
        valid = (labels >= 0) & (labels < len(self.base))
        near = self.distances(np.where(valid, labels, 0)) <= self.limits[:len(labels), None]
        return float((near & valid).sum()) / (len(labels) * K)


class PeerContender:
    def __init__(self, name, process, truth):
        self.name, self.process, self.truth = name, process, truth
        self.facts = process.facts
        self.label = self.facts["label"]
        self.settings = self.facts["settings"]

    def round(self):
        points = []
        for setting in self.settings:
            labels, seconds = self.process.search(setting)
            recall = self.truth.recall(labels)
            points.append({"setting": setting, "recall": recall, "qps": len(labels) / seconds})
            if recall >= ENOUGH:
                break
        self.settings = self.settings[:len(points)]
        return points


class TarnContender:
    def __init__(self, index, args, folder):
        self.name, self.label, self.args = f"tarn_{index}", f"tarn {index}", args
        self.command = [args.tarn, "bench", "ann", "--base", args.base, "--queries", args.queries,
                        "--truth", args.truth, "--metric", args.metric, "--index", index, "--json",
                        "--query-begin", str(args.query_begin), "--query-end", str(args.query_end),
                        "--build-threads", str(args.build_threads), "--files", str(args.files),
                        "--filter", str(args.filter), "--deleted", str(args.deleted),
                        "--passes", str(args.passes), "--table", os.path.join(folder, f"tarn-{index}-{args.files}")]
        self.facts = None

    def round(self):
        done = subprocess.run(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"status {done.returncode}")
        result = json.loads(done.stdout)
        if self.facts is None:
            self.facts = {"build_seconds": result["build_seconds"], "bytes": result["index_bytes"],
                          "raw_inside": False, "queries": self.args.query_end - self.args.query_begin}
        points = [{"setting": [p["ef"], p["nprobe"]], **{key: p[key] for key in ("recall", "qps", "p50_us", "p99_us")}}
                  for p in result["sweep"]]
        return points


def start_contenders(args, truth, live, folder):
    contenders = [TarnContender(index, args, folder) for index in args.tarn_indexes.split(",") if index]
    for name in filter(None, args.peers.split(",")):
        if name not in PEERS:
            sys.exit(f"unknown peer '{name}'; known: {', '.join(PEERS)}")
        process = None
        print(f"{name}: loading or building", file=sys.stderr)
        try:
            process = PeerProcess(name, {
                "base": args.base, "queries": args.queries, "begin": args.query_begin, "end": args.query_end,
                "metric": args.metric, "threads": args.build_threads, "cache": folder, "live": live, "k": K,
                "passes": args.passes})
            contenders.append(PeerContender(name, process, truth))
        except RuntimeError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return contenders


def run_rounds(args, contenders):
    rounds = {contender.name: [] for contender in contenders}
    for number in range(args.rounds):
        for contender in list(contenders):
            try:
                rounds[contender.name].append(contender.round())
            except RuntimeError as error:
                print(f"{contender.name} is left out: {error}", file=sys.stderr)
                contenders.remove(contender)
        print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
    return rounds


def median_points(rounds):
    points = []
    for same in zip(*rounds):
        point = dict(same[0])
        for key in ("qps", "p50_us", "p99_us"):
            if key in point:
                point[key] = statistics.median(p[key] for p in same)
        points.append(point)
    return points


def median_at(rounds, recall):
    values = [qps_at(points, recall) for points in rounds]
    return None if not values or None in values else statistics.median(values)


def ratio_at(ours, theirs, recall):
    pairs = [(qps_at(a, recall), qps_at(b, recall)) for a, b in zip(ours, theirs)]
    return statistics.median(a / b for a, b in pairs) if pairs and all(a and b for a, b in pairs) else None


def markdown(args, contenders, rounds, rows):
    def cell(value, form=",.0f"):
        return "-" if value is None else format(value, form)

    first = contenders[0]
    build = [] if args.skip_build_times else ["build, s"]
    out = ["| | " + " | ".join([f"QPS at {level}" for level in LEVELS] +
                               [f"{first.name} / it at {level}" for level in LEVELS] + build + ["bytes a vector on disk"]) + " |",
           "|---" * (2 + 2 * len(LEVELS) + len(build)) + "|"]
    for contender in contenders:
        facts = contender.facts
        cells = [cell(median_at(rounds[contender.name], level)) for level in LEVELS]
        cells += ["" if contender is first else
                  cell(ratio_at(rounds[first.name], rounds[contender.name], level), ".2f") for level in LEVELS]
        cells += [cell(facts["build_seconds"], ".1f")] if build else []
        cells.append(f"{facts['bytes'] / rows:,.0f}" + (" with the vectors" if facts["raw_inside"] else ""))
        out.append(f"| {contender.label} | " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def latencies(contenders, rounds):
    lines = ["| | at recall | p50, us | p99, us |", "|---|---|---|---|"]
    for contender in contenders:
        points = [p for p in median_points(rounds[contender.name]) if p.get("p99_us") and p["recall"] >= LEVELS[0]]
        if points:
            point = max(points, key=lambda p: p["qps"])
            lines.append(f"| {contender.label} | {point['recall']:.3f} | {point['p50_us']:,.0f} | {point['p99_us']:,.0f} |")
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def main():
    args = parse_arguments()
    base = np.ascontiguousarray(np.load(args.base), dtype=np.float32)
    all_queries = np.load(args.queries)
    if len(all_queries) < args.query_end:
        args.query_begin, args.query_end = 0, len(all_queries)
    chosen = slice(args.query_begin, args.query_end)
    live = None
    if args.filter < 1 or args.deleted > 0:
        live = np.random.default_rng(LIVE_SEED).random(len(base)) < args.filter * (1 - args.deleted)
    truth = Truth(args.metric, base, np.ascontiguousarray(all_queries[chosen], dtype=np.float32),
                  np.load(args.truth)[chosen], live)
    with tempfile.TemporaryDirectory() as temporary:
        folder = temporary
        if args.cache:
            folder = os.path.join(args.cache, fingerprint(args.base))
            os.makedirs(folder, exist_ok=True)
        contenders = start_contenders(args, truth, live, folder)
        try:
            rounds = run_rounds(args, contenders)
        finally:
            for contender in contenders:
                if isinstance(contender, PeerContender):
                    contender.process.close()
    if not contenders:
        sys.exit("no contender is left")
    rest = "" if live is None else f", {live.mean():.1%} of the rows live"
    title = (f"{len(base):,} x {base.shape[1]}, {args.metric}, queries {args.query_begin}-{args.query_end - 1}, "
             f"medians of {args.rounds} rounds{rest}")
    text = f"{title}\n\n{markdown(args, contenders, rounds, len(base))}\n{latencies(contenders, rounds)}"
    print(text)
    with open(args.out + ".md", "w", encoding="utf-8") as file:
        file.write(text)
    with open(args.out + ".json", "w", encoding="utf-8") as file:
        json.dump({"title": title, "contenders": {
            c.name: {"label": c.label, **{k: v for k, v in c.facts.items() if k != "settings"},
                     "qps_at": {str(level): median_at(rounds[c.name], level) for level in LEVELS},
                     "points": median_points(rounds[c.name]), "rounds": rounds[c.name]} for c in contenders}}, file, indent=1)
    write_chart([(c.label, median_points(rounds[c.name])) for c in contenders], args.out + ".svg", title)


if __name__ == "__main__":
    main()
