# SPDX-License-Identifier: Apache-2.0
"""A process that writes to a table is killed at every crash point, at several of its visits. Afterwards Tarn and
PyIceberg see every acknowledged row once, what was in flight whole or not at all, and nothing else, also once the
files that nothing names are deleted; a fresh process goes on from there."""
import os
import re
import subprocess
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

from conftest import BINARY

CHILD = Path(BINARY).resolve().parents[2] / "tests" / "crash_child"
# Visits of a point at which the process is killed; points are visited very differently often.
VISITS = [int(n) for n in os.environ.get("TARN_KILL_VISITS", "1,2,5").split(",")]
SIGKILL = -9


def points():
    return subprocess.run([CHILD, "--points"], capture_output=True, text=True, check=True).stdout.split()


class Place:
    """A catalog of one kind, with the table that is written to."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        folder.mkdir()

    @property
    def uri(self):
        if self.kind == "hadoop":
            return str(self.folder / "warehouse")
        return f"sqlite:///{self.folder}/catalog.db?name=lake&warehouse={self.folder}/warehouse"

    def run(self, *args, crash_at=None):
        environment = {k: v for k, v in os.environ.items() if k != "TARN_CRASH_AT"}
        if crash_at:
            environment["TARN_CRASH_AT"] = crash_at
        done = subprocess.run([CHILD, self.uri, *args], capture_output=True, text=True, timeout=300, env=environment)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def tarn_ids(self):
        code, lines, errors = self.run("check")
        assert code == 0, errors
        findings = [line for line in lines if line.startswith("finding")]
        assert not findings, findings
        return [int(line.split()[1]) for line in lines if line.startswith("id ")]

    def sweep(self):
        """Deletes every orphan, however young: nobody writes. Returns how many there were."""
        done = subprocess.run([BINARY, "-C", self.uri, "--no-sync", "orphans", "db.t", "--older-than", "0s", "--force",
                               "--delete"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and not done.stderr, done.stderr
        found = re.search(r"(\d+) orphans of .*; deleted (\d+)$", done.stdout)
        assert found and found[1] == found[2], done.stdout
        return int(found[1])

    def iceberg_table(self):
        """None where there is none yet."""
        if self.kind == "hadoop":
            metadata = self.folder / "warehouse" / "db" / "t" / "metadata"
            found = [re.fullmatch(r"v(\d+)\.metadata\.json", f.name) for f in metadata.glob("*")]
            versions = [int(match[1]) for match in found if match]
            if not versions:
                return None
            return StaticTable.from_metadata(str(metadata / f"v{max(versions)}.metadata.json"))
        if not (self.folder / "catalog.db").exists():
            return None
        catalog = SqlCatalog("lake", uri=f"sqlite:///{self.folder}/catalog.db",
                             warehouse=f"file://{self.folder}/warehouse")
        return catalog.load_table("db.t") if catalog.table_exists("db.t") else None

    def iceberg_ids(self):
        rows = self.iceberg_table().scan().to_arrow()
        return rows.column("id").to_pylist() if "id" in rows.column_names else []


class Ledger:
    """What a process said before it was killed."""

    def __init__(self):
        self.sure, self.tried = set(), []  # rows that must be there; groups that may be, whole
        self.deleted = []  # groups that may be gone, whole

    @property
    def maybe_gone(self):
        return set().union(*self.deleted)

    def read(self, lines):
        for line in lines:
            word, *numbers = line.split()
            first, rows = (list(map(int, numbers)) + [1, 1])[:2]
            ids = set(range(first, first + rows))
            if word == "try":
                self.tried.append(ids)
            elif word == "ack":
                self.tried.remove(ids)
                self.sure |= ids
            elif word == "try-delete":
                self.deleted.append(ids)
            elif word == "ack-delete":
                self.deleted.remove(ids)
                self.sure -= ids

    def check(self, ids, who):
        found = set(ids)
        assert len(found) == len(ids), f"{who}: rows are there twice: {len(ids) - len(found)}"
        missing = self.sure - self.maybe_gone - found
        assert not missing, f"{who}: acknowledged rows are gone: {sorted(missing)[:5]}"
        for group in self.deleted:
            assert not group & found or group <= found, f"{who}: a part of a delete is there: {sorted(group & found)[:5]}"
        rest = found - self.sure
        for group in self.tried:
            part = group & rest
            # One commit may hold several groups; each is there whole or not at all.
            assert not part or group - self.maybe_gone <= part | self.maybe_gone, \
                f"{who}: part of a commit is there: {sorted(part)[:5]}"
            rest -= group
        assert not rest, f"{who}: rows that nobody wrote: {sorted(rest)[:5]}"
        return found


def kinds_of(point):
    if point.startswith(("wal/", "memtable/")):
        return []  # test_kill_log.py, test_kill_stream.py
    if point.startswith("sql/"):
        return ["sql"]
    if point.startswith(("hadoop/", "store/")):
        return ["hadoop"]
    # What lies above the catalogs is killed over both, at the places that matter for them.
    return ["hadoop", "sql"] if point.startswith("commit/") else ["hadoop"]


# Killed there, a process has written files that it has not published.
LEAVE_ORPHANS = {"writer/staged", "snapshot/list/written", "snapshot/manifest/written", "index/build/written"}
CASES = [(point, kind) for point in points() for kind in kinds_of(point)]


def test_there_are_enough_crash_points():
    assert len(points()) >= 40
    assert len(set(points())) == len(points())


@pytest.mark.parametrize("kind", ["hadoop", "sql"])
def test_the_workload_ends_well_when_nobody_kills_it(kind, tmp_path):
    place = Place(kind, tmp_path / "lake")
    code, lines, errors = place.run("write", "1")
    assert code == 0, errors
    assert lines[-1] == "done"
    ledger = Ledger()
    ledger.read(lines[:-1])
    assert not ledger.tried
    there = ledger.check(place.tarn_ids(), "tarn")
    assert there == ledger.check(place.iceberg_ids(), "pyiceberg")
    place.sweep()
    assert place.sweep() == 0
    assert set(place.tarn_ids()) == set(place.iceberg_ids()) == there


@pytest.mark.parametrize("point,kind", CASES)
def test_a_kill_loses_nothing_and_doubles_nothing(point, kind, tmp_path):
    for visit in VISITS:
        place = Place(kind, tmp_path / str(visit))
        code, lines, errors = place.run("write", "1", crash_at=f"{point}:{visit}")
        if code == 0 and visit > 1:
            break  # visited less often
        assert code == SIGKILL, f"{point} was never reached: {errors}"
        ledger = Ledger()
        ledger.read(lines)
        there = ledger.check(place.tarn_ids(), "tarn")
        if place.iceberg_table() is not None:
            orphans = place.sweep()
            assert orphans > 0 or point not in LEAVE_ORPHANS
            assert sorted(place.tarn_ids()) == sorted(there)
            assert ledger.check(place.iceberg_ids(), "pyiceberg") == there

        # A fresh process takes it up. What was in flight is settled by now.
        ledger.tried = [group for group in ledger.tried if group & there]
        code, more, errors = place.run("write", "2")
        assert code == 0, f"after {point}:{visit}: {errors}"
        ledger.read(more[:-1])
        assert ledger.check(place.tarn_ids(), "tarn, resumed") >= there
        assert set(place.iceberg_ids()) >= there
