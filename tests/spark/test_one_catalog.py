# SPDX-License-Identifier: Apache-2.0
"""One SQLite catalog and one table: Spark, PyIceberg and tarn write it at the same time, and every row is there once."""
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from conftest import BINARY
from spark.data import rows, select_sql, table, vector_sql

APPENDER = Path(__file__).with_name("appender.py")


class Crew:
    """Writers of one lake that work at the same time: processes, and threads that talk to Spark."""

    def __init__(self, lake):
        self.lake, self.processes, self.threads, self.errors = lake, [], [], []
        # Java gives up after four tries, which are few where others commit all the time.
        lake.sql("ALTER TABLE {} SET TBLPROPERTIES ('commit.retry.num-retries' = '100', 'commit.retry.min-wait-ms' = '20', "
                 "'commit.retry.max-wait-ms' = '500')")

    def run(self, *command):
        self.processes.append(subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL,
                                               stderr=subprocess.PIPE, text=True))

    def pyiceberg(self, first, commits):
        lake = self.lake
        self.run(sys.executable, APPENDER, lake.name, lake.database, lake.warehouse, first, commits)

    def tarn(self, first, commits, *options):
        names = []
        for number in range(commits):
            names.append(self.lake.new_file("parquet"))
            pq.write_table(table(first + 10 * number, 10), names[-1])
        script = 'set -e; tarn=$1; lake=$2; options=$3; shift 3; for f; do "$tarn" -C "$lake" ingest db.t "$f" $options; done'
        self.run("bash", "-c", script, "bash", BINARY, self.lake.uri, " ".join(options), *names)

    def index_builds(self, times):
        script = 'set -e; for i in $(seq $3); do "$1" -C "$2" index build db.t --small-files; sleep 0.2; done'
        self.run("bash", "-c", script, "bash", BINARY, self.lake.uri, times)

    def spark(self, *statements):
        """Statements one after the other; what another's commit made void is tried again."""
        def work():
            try:
                for statement in statements:
                    for _ in range(50):
                        try:
                            self.lake.sql(statement)
                            break
                        except Exception as error:
                            if "ValidationException" not in str(error) and "CommitFailed" not in str(error):
                                raise
                    else:
                        raise AssertionError(f"never went through: {statement}")
            except Exception as error:
                self.errors.append(error)
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()

    def finish(self):
        for thread in self.threads:
            thread.join()
        for process in self.processes:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
        assert not self.errors, self.errors


@pytest.fixture
def crew(database):
    database.ingest("db.t", table(0, 600), "--vector", "embedding", "--metric", "euclidean", "--deferred",
                    *[part for what in ("delete", "update", "merge")
                      for part in ("--property", f"write.{what}.mode=merge-on-read")])
    return Crew(database)


def inserts(first, commits):
    return ["INSERT INTO {} " + select_sql(first + 10 * number, 10) for number in range(commits)]


def appended(*ranges):
    return [one for first, commits in ranges for one in rows(first, 10 * commits)]


def test_appends_of_all_three(crew):
    crew.spark(*inserts(1000, 8))
    crew.spark(*inserts(2000, 8))
    crew.pyiceberg(3000, 6)
    crew.tarn(4000, 15)
    crew.tarn(5000, 15, "--deferred")
    crew.finish()
    expected = rows(0, 600) + appended((1000, 8), (2000, 8), (3000, 6), (4000, 15), (5000, 15))
    assert crew.lake.agree() == expected
    assert len(crew.lake.pyiceberg().snapshots()) == 1 + 8 + 8 + 6 + 15 + 15
    crew.lake.check_search(expected)
    crew.lake.is_sound()


def test_index_builds_among_deletes_and_appends(crew):
    crew.spark(*[f"DELETE FROM {{}} WHERE id % 100 = {number} AND id < 600" for number in range(8)])
    crew.spark(*inserts(1000, 6))
    crew.tarn(2000, 10, "--deferred")
    crew.index_builds(6)
    crew.finish()
    expected = [one for one in rows(0, 600) if one["id"] % 100 >= 8] + appended((1000, 6), (2000, 10))
    assert crew.lake.agree() == expected
    crew.lake.check_search(expected)
    crew.lake.is_sound()


def test_compaction_of_spark_among_deletes_and_index_builds_of_tarn(crew):
    options = "options => map('rewrite-all', 'true')"
    compact = f"CALL {crew.lake.name}.system.rewrite_data_files(table => 'db.t', {options})"
    crew.spark(*[compact] * 4)
    crew.spark(*[f"UPDATE {{}} SET kind = 'new', embedding = {vector_sql(salt=6)} WHERE id = {number}"
                 for number in range(5)])
    crew.pyiceberg(1000, 4)
    crew.tarn(2000, 10)
    crew.index_builds(4)
    crew.finish()
    seen = crew.lake.agree()
    expected = rows(0, 600) + appended((1000, 4), (2000, 10))
    assert [one["id"] for one in seen] == [one["id"] for one in expected]
    assert seen[5:] == expected[5:] and [one["kind"] for one in seen[:5]] == ["new"] * 5
    crew.lake.check_search(seen)
    crew.lake.is_sound()


def test_merges_of_spark_among_appends_of_tarn(crew):
    merge = (f"MERGE INTO {{}} t USING (SELECT id, 'merged' kind, {vector_sql()} embedding FROM range({{first}}, {{last}})) s "
             "ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
    crew.spark(*[merge.replace("{first}", str(590 + 20 * n)).replace("{last}", str(610 + 20 * n)) for n in range(4)])
    crew.tarn(2000, 12)
    crew.pyiceberg(3000, 4)
    crew.index_builds(3)
    crew.finish()
    merged = [one | {"kind": "merged"} for one in rows(590, 80)]
    expected = rows(0, 590) + merged + appended((2000, 12), (3000, 4))
    assert crew.lake.agree() == expected
    crew.lake.check_search(expected)
    crew.lake.is_sound()
