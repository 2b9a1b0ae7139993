#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small commits: tarn beside PyIceberg, both appending 100 rows a commit to a table of one and the same SQLite catalog.

Rounds alternate; both make a new table in each and append to it as fast as they can. PyIceberg syncs nothing; tarn is
measured so, too, and with every file and folder synced. Ratio > 1: tarn commits more often.

    ./dev bench commits [--commits 100] [--rounds 5]

How a commit's time grows with their number, and what they leave on the disk, is tarn's own affair:

    ./dev bench commits --growth 5000
    ./dev bench commits --day       # a flush and an index commit every 30 s for 24 hours, in a clock that runs faster
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

DAY_SPEED = 300


def tarn(options, folder, *args, sync=True, speed=None):
    catalog = f"sqlite:///{folder}/catalog.db?name=bench&warehouse={folder}/warehouse"
    command = [options.tarn, "-C", catalog, *([] if sync else ["--no-sync"]), "bench", "commits", *map(str, args)]
    if speed:
        command = ["faketime", "-f", f"+0 x{speed}", *command]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def pyiceberg(folder, table, commits, rows):
    catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")
    catalog.create_namespace_if_not_exists("db")
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("text", pa.string())])
    batches = [pa.table({"id": range(i * rows, (i + 1) * rows),
                         "text": [f"row number {n}" for n in range(i * rows, (i + 1) * rows)]}, schema=schema)
               for i in range(commits)]
    # The same retention of old metadata files.
    keep = {"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "100"}
    opened = catalog.create_table(f"db.{table}", schema=schema, properties=keep)
    millis = []
    for batch in batches:
        start = time.perf_counter()
        opened.append(batch)
        millis.append(1000 * (time.perf_counter() - start))
    assert len(opened.scan().to_arrow()) == commits * rows
    return commits / (sum(millis) / 1000)


def beside(options, folder):
    rates = {"pyiceberg": [], "tarn, nothing synced": [], "tarn, all synced": []}
    for i in range(options.rounds):
        rates["pyiceberg"].append(pyiceberg(folder, f"p{i}", options.commits, 100))
        for name, sync in (("tarn, nothing synced", False), ("tarn, all synced", True)):
            done = tarn(options, folder, f"db.t{i}{int(sync)}", "--commits", options.commits, sync=sync)
            rates[name].append(done["commits"] / done["seconds"])
    peer = rates["pyiceberg"]
    for name, some in rates.items():
        ratios = [mine / theirs for mine, theirs in zip(some, peer)]
        print(f"{name:22} {statistics.median(some):8.1f} commits/s  ratio {statistics.median(ratios):6.2f} "
              f"(of {', '.join(f'{r:.1f}' for r in ratios)})")


def growth(options, folder):
    for name, sync in (("nothing synced", False), ("all synced", True)):
        done = tarn(options, folder, f"db.g{int(sync)}", "--commits", options.growth, sync=sync)
        p50 = done["p50_ms"]
        print(f"{name:15} p50 in ms: " + ", ".join(f"{nth}: {ms:.2f}" for nth, ms in p50.items()) +
              f"; last / 100th {p50['last'] / p50['100']:.2f}; metadata {done['metadata_bytes'] / 1e6:.1f} MB in "
              f"{done['metadata_files']:,} files, {done['snapshots']:,} snapshots")


def day(options, folder):
    done = tarn(options, folder, "db.day", "--commits", 2880, "--rows", 200, "--dim", 16, "--index", "--pause-ms", 30000,
                sync=False, speed=DAY_SPEED)
    print(f"a day: {done['commits']:,} flushes and as many index commits; metadata {done['metadata_bytes'] / 1e6:.1f} MB in "
          f"{done['metadata_files']:,} files, {done['snapshots']:,} snapshots")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth", type=int, help="tarn alone, so many commits to one table")
    parser.add_argument("--day", action="store_true", help="tarn alone, a simulated day")
    parser.add_argument("--folder", help="where to write (default: a temporary folder)")
    parser.add_argument("--tarn", default=os.environ.get("TARN_BINARY", "build/release/src/cli/tarn"))
    options = parser.parse_args()
    if options.day and shutil.which("faketime") is None:
        parser.error("--day needs the program faketime")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        (growth if options.growth else day if options.day else beside)(options, Path(folder))


if __name__ == "__main__":
    main()
