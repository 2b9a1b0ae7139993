#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes vectors that are about as hard to search as real embeddings, with queries and their true neighbours.

The vectors are a mixture of Gaussians. What makes real embeddings hard is not their dimension but the number of
directions in which the neighbourhood of a point spreads: 12 to 20 by the usual estimates. So each of the sqrt(rows)
centres is a random point of a 24-dimensional space, each cluster spreads along 32 directions of its own with falling
strength, all of it is carried into `dim` dimensions by random maps, and a little noise in every dimension is added
(one tenth of the spread). Cluster sizes fall as 1 / (rank + 10), as topics do. Queries are drawn in the same way and
are not among the rows. The same options give the same bytes on one version of NumPy.

Writes base.npy (float32), queries.npy and, when the tarn program is at hand, truth.npy (`tarn bench truth`). Prints an
estimate of the local intrinsic dimension (maximum likelihood; Levina and Bickel, NIPS 2004).

    bench/make_synthetic.py --rows 1000000 --dim 128 --seed 1 --out DIR
"""
import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

CENTRE_DIMS, SPREAD_DIMS, SPREAD, NOISE = 24, 32, 0.6, 0.1


class Mixture:
    def __init__(self, random, clusters, dim):
        self.random, self.dim = random, dim
        centre_map = random.standard_normal((CENTRE_DIMS, dim), dtype=np.float32) / np.sqrt(dim)
        self.centres = random.standard_normal((clusters, CENTRE_DIMS), dtype=np.float32) @ centre_map
        # 64 sets of directions, shared by the clusters: a set for each of many clusters would fill the memory.
        strengths = np.linspace(1.4, 0.6, SPREAD_DIMS, dtype=np.float32)[:, None]
        self.maps = random.standard_normal((64, SPREAD_DIMS, dim), dtype=np.float32) * strengths / np.sqrt(dim)
        shares = 1 / (np.arange(clusters) + 10)
        self.shares = shares / shares.sum()

    def draw(self, count):
        out = np.empty((count, self.dim), dtype=np.float32)
        labels = self.random.choice(len(self.centres), count, p=self.shares)
        for number, directions in enumerate(self.maps):
            chosen = np.flatnonzero(labels % len(self.maps) == number)
            spread = self.random.standard_normal((len(chosen), SPREAD_DIMS), dtype=np.float32) @ directions
            noise = self.random.standard_normal((len(chosen), self.dim), dtype=np.float32) * (NOISE / np.sqrt(self.dim))
            out[chosen] = self.centres[labels[chosen]] + SPREAD * spread + SPREAD * noise
        return out


def intrinsic_dimension(base, queries, k=50):
    estimates = []
    for query in queries[:100]:
        near = np.sort(np.sqrt(np.partition(((base - query) ** 2).sum(axis=1), k)[:k]))
        estimates.append(1 / np.log(near[-1] / near[:-1]).mean())
    return float(np.median(estimates))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--metric", default="euclidean", help="of the true neighbours")
    parser.add_argument("--out", required=True, help="a folder")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    args = parser.parse_args()
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    mixture = Mixture(np.random.default_rng(args.seed), max(1, int(args.rows ** 0.5)), args.dim)
    base, queries = mixture.draw(args.rows), mixture.draw(args.queries)
    np.save(folder / "base.npy", base)
    np.save(folder / "queries.npy", queries)
    print(f"{args.rows} x {args.dim}, local intrinsic dimension about "
          f"{intrinsic_dimension(base[:100_000], queries):.1f} (of the first {min(args.rows, 100_000)} rows)")
    if not Path(args.tarn).exists():
        sys.exit(f"there is no {args.tarn}: truth.npy is not made")
    subprocess.run([args.tarn, "bench", "truth", "--base", folder / "base.npy", "--queries", folder / "queries.npy",
                    "--metric", args.metric, "--passes", "1", "--out", folder / "truth.npy"], check=True)


if __name__ == "__main__":
    main()
