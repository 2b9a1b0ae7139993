# SPDX-License-Identifier: Apache-2.0
"""As test_kill.py, over an SQL catalog: killed at every point of a commit, the database and its metadata files agree."""
import os

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError

from test_kill import SIGKILL, VISITS, Ledger, points, run, tarn_ids

# What a kill may leave unfinished does not depend on the catalog elsewhere.
POINTS = [point for point in points() if point.startswith(("sql/", "commit/")) and "/drop/" not in point]


def iceberg_ids(folder):
    catalog = SqlCatalog("default", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/lake")
    try:
        rows = catalog.load_table("db.t").scan().to_arrow()
    except NoSuchTableError:
        return []
    return rows.column("id").to_pylist() if "id" in rows.column_names else []


def test_there_are_points_in_the_catalog():
    assert {"sql/metadata-written", "sql/committing", "sql/committed"} <= set(POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_loses_nothing_and_doubles_nothing(point, tmp_path):
    for visit in VISITS:
        folder = tmp_path / str(visit)
        os.mkdir(folder)
        catalog = f"sqlite:///{folder}/catalog.db?warehouse={folder}/lake"
        code, lines, errors = run(catalog, "write", "1", crash_at=f"{point}:{visit}")
        if code == 0 and (visit > 1 or point == "sql/old-deleted"):
            break  # visited less often
        assert code == SIGKILL, f"{point} was never reached: {errors}"
        ledger = Ledger()
        ledger.read(lines)
        there = ledger.check(tarn_ids(catalog), "tarn")
        assert ledger.check(iceberg_ids(folder), "pyiceberg") == there
        ledger.tried = [group for group in ledger.tried if group & there]
        code, more, errors = run(catalog, "write", "2")
        assert code == 0, f"after {point}:{visit}: {errors}"
        ledger.read(more[:-1])
        assert ledger.check(tarn_ids(catalog), "tarn, resumed") >= there
        assert set(iceberg_ids(folder)) >= there
