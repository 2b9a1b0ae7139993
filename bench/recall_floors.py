#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Large recall tests, for the night: recall@10 with default settings must be at least .95.

For each data set (a folder with base.npy or base.f16.npy, queries alike, and truth.npy) the table is searched with the
default settings as a graph and as inverted lists, over 1, 4 and 16 files, after 10 % of the rows were deleted, and under
random filters of 50, 10, 1 and 0.1 % of the rows. Without folders a synthetic set of 1,000,000 x 128 is made first
(bench/make_synthetic.py). Exits with 1 when a floor is missed. The same cases on small data are in tests/recall.

    ./dev recall [--quick] [FOLDER...]
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

FLOOR = 0.95
TARN = os.environ.get("TARN_BINARY", "build/release/src/cli/tarn")
INDEXES = ("hnsw", "ivf_pq")
# (files, deleted, filter)
CASES = [(1, 0, 1), (4, 0, 1), (16, 0, 1), (1, .1, 1), (16, .1, 1),
         (1, 0, .5), (1, 0, .1), (1, 0, .01), (1, 0, .001), (16, 0, .1), (16, 0, .001)]


def find(folder, stem):
    for name in (f"{stem}.npy", f"{stem}.f16.npy"):
        if (folder / name).exists():
            return folder / name
    sys.exit(f"{folder} has no {stem}.npy")


def measure(folder, metric, index, files, deleted, share):
    command = [TARN, "bench", "ann", "--base", find(folder, "base"), "--queries", find(folder, "queries"),
               "--metric", metric, "--index", index, "--files", files, "--ef", 0, "--nprobes", 0, "--query-end", 500,
               "--build-threads", os.cpu_count(), "--json"]
    if deleted:
        command += ["--deleted", deleted]
    if share < 1:
        command += ["--filter", share]
    if not deleted and share == 1:
        command += ["--truth", find(folder, "truth")]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout)["sweep"][0]


def synthetic(metric):
    folder = Path("build/recall-data") / metric
    if not (folder / "truth.npy").exists():
        subprocess.run([sys.executable, "bench/make_synthetic.py", "--rows", "1000000", "--dim", "128", "--seed", "1",
                        "--metric", metric, "--out", str(folder)], check=True, env={**os.environ, "TARN_BINARY": TARN})
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--metric", default="cosine", choices=("cosine", "euclidean", "dot_product"))
    parser.add_argument("--quick", action="store_true", help="one file and no filter only")
    arguments = parser.parse_args()
    missed = 0
    for folder in arguments.folders or [synthetic(arguments.metric)]:
        print(f"{folder}\n  index   files  deleted  filter   recall      qps   p99 us")
        for index in INDEXES:
            for files, deleted, share in CASES[:1] if arguments.quick else CASES:
                point = measure(folder, arguments.metric, index, files, deleted, share)
                low = point["recall"] < FLOOR
                missed += low
                print(f"  {index:7} {files:5} {deleted:8.0%} {share:7.1%} {point['recall']:8.4f} {point['qps']:8.0f}"
                      f" {point['p99_us']:8.1f}{'  below the floor' if low else ''}", flush=True)
    print(f"{missed} below {FLOOR}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
