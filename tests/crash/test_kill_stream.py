# SPDX-License-Identifier: Apache-2.0
"""A process that streams small batches into a table is killed at every crash point that it passes, and at random
instants, with and without lost replies of the store. Afterwards, once the next writer has taken up its log, every
acknowledged batch is in the table once, what was in flight once or not at all, and nothing else; a batch that is sent
again under its id is there once. TARN_KILL_ROUNDS says how many random kills there are."""
import os
import random
import subprocess
import time

import pytest

from test_kill import CHILD, SIGKILL, VISITS, Ledger, Place, points

ROUNDS = int(os.environ.get("TARN_KILL_ROUNDS", "50"))
POINTS = [point for point in points() if point.startswith("memtable/")]
# What a flush shares with every commit: it is reached if the batches are enough.
SHARED = [point for point in points() if point.startswith(("commit/", "hadoop/", "file/", "snapshot/", "wal/"))]


def settle(place, ledger):
    """The next writer takes up the log; Tarn and PyIceberg see the same rows then."""
    code, lines, errors = place.run("recover")
    assert code == 0 and lines == ["recovered"], errors
    there = ledger.check(place.tarn_ids(), "tarn")
    if place.iceberg_table() is not None:
        assert ledger.check(place.iceberg_ids(), "pyiceberg") == there
    return there


def resend(place, ledger, there):
    """What had no answer is sent again, where it has an id; without one nobody can know."""
    for group in list(ledger.tried):
        first = min(group)
        if first % 2 == 0:
            if group & there:
                ledger.sure |= group
            ledger.tried.remove(group)
            continue
        code, lines, errors = place.run("resend", str(first), str(len(group)))
        assert code == 0, errors
        ledger.tried.remove(group)
        ledger.read(lines)


@pytest.mark.parametrize("kind", ["hadoop", "sql"])
def test_the_stream_ends_well_when_nobody_kills_it(kind, tmp_path):
    place = Place(kind, tmp_path / "lake")
    code, lines, errors = place.run("stream", "1", "120")
    assert code == 0, errors
    assert lines[-1] == "done"
    ledger = Ledger()
    ledger.read(lines[:-1])
    assert not ledger.tried and len(ledger.sure) > 400
    assert settle(place, ledger) == ledger.sure


def test_a_stream_with_lost_replies_ends_well(tmp_path):
    place = Place("hadoop", tmp_path / "lake")
    code, lines, errors = place.run("stream", "1", "200", "lossy")
    assert code == 0, errors
    ledger = Ledger()
    ledger.read(lines[:-1])
    assert settle(place, ledger) == ledger.sure
    place.sweep()
    assert settle(place, ledger) == ledger.sure


@pytest.mark.parametrize("point", POINTS + SHARED)
def test_a_kill_loses_no_accepted_batch(point, tmp_path):
    for visit in VISITS:
        place = Place("hadoop", tmp_path / str(visit))
        code, lines, errors = place.run("stream", "1", "60", crash_at=f"{point}:{visit}")
        if code == 0 and (visit > 1 or point in SHARED):
            break  # visited less often, or not by a stream
        assert code == SIGKILL, f"{point} was never reached: {errors}"
        ledger = Ledger()
        ledger.read(lines)
        resend(place, ledger, settle(place, ledger))
        assert settle(place, ledger) == ledger.sure
        code, more, errors = place.run("stream", "2", "10")
        assert code == 0, f"after {point}:{visit}: {errors}"
        ledger.read(more[:-1])
        assert settle(place, ledger) == ledger.sure


def test_kills_at_random_instants_lose_no_accepted_batch(tmp_path):
    seed = int(os.environ.get("TARN_KILL_SEED", "5"))
    print("seed", seed)
    chance = random.Random(seed)
    place, ledger = Place("hadoop", tmp_path / "lake"), Ledger()
    for round in range(1, ROUNDS + 1):
        lossy = ["lossy"] if chance.random() < 0.5 else []
        said = tmp_path / f"said-{round}"
        with said.open("w") as out:
            writer = subprocess.Popen([CHILD, place.uri, "stream", str(round), "1000000", *lossy], stdout=out)
            while not said.stat().st_size and writer.poll() is None:
                time.sleep(0.001)  # until it has opened its log
            time.sleep(chance.uniform(0, 0.15))
            writer.kill()
            assert writer.wait(timeout=60) == SIGKILL
        ledger.read(said.read_text().splitlines())
        if round % 5 == 0 or round == ROUNDS:
            # Every other time the log of a kill is taken up by the writer that is killed next.
            resend(place, ledger, settle(place, ledger))
    assert settle(place, ledger) == ledger.sure
    assert len(ledger.sure) > 10 * ROUNDS
