# SPDX-License-Identifier: Apache-2.0
"""A process that writes a log is killed at every crash point of the log, and at random instants. Afterwards every
acknowledged record that the table does not cover is there, whole and in its place, and nothing that was not written;
the next process goes on from there. TARN_KILL_ROUNDS says how many random kills there are of each policy."""
import os
import random
import subprocess
import time

import pytest

from test_kill import CHILD, SIGKILL, VISITS, points

ROUNDS = int(os.environ.get("TARN_KILL_ROUNDS", "8"))
POLICIES = ["every", "interval", "none"]
LOG_POINTS = [point for point in points() if point.startswith("wal/")]


class Log:
    def __init__(self, folder):
        self.folder, self.acknowledged, self.tried, self.covered = folder, 0, 0, 0

    def command(self, *args):
        return [str(CHILD), str(self.folder), *map(str, args)]

    def run(self, *args, crash_at=None):
        environment = {k: v for k, v in os.environ.items() if k != "TARN_CRASH_AT"}
        if crash_at:
            environment["TARN_CRASH_AT"] = crash_at
        done = subprocess.run(self.command(*args), capture_output=True, text=True, timeout=120, env=environment)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def read(self, lines):
        for line in lines:
            word, *numbers = line.split()
            if word == "cover":
                self.covered = int(numbers[0])
            elif word in ("try", "ack"):
                last = int(numbers[0]) + int(numbers[1]) - 1
                self.tried = max(self.tried, last)
                if word == "ack":
                    self.acknowledged = max(self.acknowledged, last)

    def check(self):
        code, lines, errors = self.run("check-log", self.covered)
        assert code == 0, errors
        found = [int(line.split()[1]) for line in lines]
        last = self.covered + len(found)
        assert found == list(range(self.covered + 1, last + 1))
        assert self.acknowledged <= last <= max(self.tried, self.covered)
        # What was found stays.
        self.acknowledged = self.tried = last


def test_the_log_has_crash_points():
    assert len(LOG_POINTS) >= 15


@pytest.mark.parametrize("policy", POLICIES)
def test_the_workload_of_a_log_ends_well_when_nobody_kills_it(policy, tmp_path):
    log = Log(tmp_path / "log")
    code, lines, errors = log.run("write-log", policy, 40)
    assert code == 0, errors
    assert lines[-1] == "done"
    log.read(lines)
    assert log.acknowledged == log.tried > 100
    log.check()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("point", LOG_POINTS)
def test_a_kill_takes_no_acknowledged_record(point, policy, tmp_path):
    for visit in VISITS:
        log = Log(tmp_path / str(visit))
        code, lines, errors = log.run("write-log", policy, 12, crash_at=f"{point}:{visit}")
        if code == 0 and visit > 1:
            break  # visited less often
        assert code == SIGKILL, f"{point} was never reached: {errors}"
        log.read(lines)
        log.check()
        code, lines, errors = log.run("write-log", policy, 12)
        assert code == 0, errors
        log.read(lines)
        log.check()


@pytest.mark.parametrize("policy", POLICIES)
def test_kills_at_random_instants_take_no_acknowledged_record(policy, tmp_path):
    chance = random.Random(11)
    log = Log(tmp_path / "log")
    for round in range(ROUNDS):
        said = tmp_path / f"said-{round}"
        with said.open("w") as out:
            writer = subprocess.Popen(log.command("write-log", policy, 1_000_000), stdout=out)
            while not said.stat().st_size and writer.poll() is None:
                time.sleep(0.001)  # until it has opened the log
            time.sleep(chance.uniform(0, 0.1))
            writer.kill()
            assert writer.wait(timeout=60) == SIGKILL
        log.read(said.read_text().splitlines())
        log.check()
    assert log.acknowledged > ROUNDS
