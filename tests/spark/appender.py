# SPDX-License-Identifier: Apache-2.0
"""Appends rows through PyIceberg, as a process of its own: appender.py NAME DATABASE WAREHOUSE FIRST COMMITS"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyiceberg.catalog.sql import SqlCatalog  # noqa: E402
from pyiceberg.exceptions import CommitFailedException  # noqa: E402

from spark.data import table  # noqa: E402


def main(name, database, warehouse, first, commits):
    catalog = SqlCatalog(name, uri=f"sqlite:///{database}", warehouse=warehouse)
    for number in range(int(commits)):
        data = table(int(first) + 10 * number, 10)
        while True:
            target = catalog.load_table("db.t")
            try:
                target.append(data.cast(target.schema().as_arrow()))
                break
            except CommitFailedException:
                pass


main(*sys.argv[1:])
