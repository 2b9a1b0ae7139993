# SPDX-License-Identifier: Apache-2.0
"""Many processes write to one table at the same time: every commit of each is there, once.
TARN_RACE_COMMITS says how many each makes."""
import os
import subprocess
import time

import pytest

from test_kill import CHILD, Place

WRITERS = 8
COMMITS = int(os.environ.get("TARN_RACE_COMMITS", "25"))
ROWS = 2


@pytest.mark.parametrize("kind", ["hadoop", "sql"])
def test_the_commits_of_racing_processes_are_all_there_once(kind, tmp_path):
    place = Place(kind, tmp_path / "lake")
    start = time.monotonic()
    # They race for making the table, too.
    writers = [subprocess.Popen([CHILD, place.uri, "append", str(series), str(COMMITS)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for series in range(1, WRITERS + 1)]
    expected = []
    for series, writer in enumerate(writers, 1):
        lines, errors = writer.communicate(timeout=3600)
        assert writer.returncode == 0, errors
        first = [series * 1_000_000 + ROWS * i for i in range(COMMITS)]
        assert lines.splitlines() == [f"{word} {id} {ROWS}" for id in first for word in ("try", "ack")] + ["done"]
        expected += [id + row for id in first for row in range(ROWS)]
    print(f"{kind}: {WRITERS} x {COMMITS} commits in {time.monotonic() - start:.1f} s")
    assert sorted(place.tarn_ids()) == expected
    table = place.iceberg_table()
    assert sorted(table.scan(selected_fields=("id",)).to_arrow()["id"].to_pylist()) == expected
    # One snapshot a commit, each the child of the one before.
    snapshots = {snapshot.snapshot_id: snapshot for snapshot in table.metadata.snapshots}
    assert len(snapshots) == WRITERS * COMMITS
    count, snapshot = 0, table.current_snapshot()
    while snapshot is not None:
        count, snapshot = count + 1, snapshots.get(snapshot.parent_snapshot_id)
    assert count == WRITERS * COMMITS
    assert sorted(s.sequence_number for s in snapshots.values()) == list(range(1, WRITERS * COMMITS + 1))
