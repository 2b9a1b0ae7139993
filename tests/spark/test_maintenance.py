# SPDX-License-Identifier: Apache-2.0
"""Tarn's maintenance of tables that Spark wrote into; Spark reads on."""
import json

import pytest

from spark.data import COLUMNS, MERGE_ON_READ, rows, select_sql, table, vector_sql


@pytest.fixture
def busy(lake):
    """A table with commits of both engines; LEFT are its rows."""
    lake.ingest("db.t", table(0, 600), "--vector", "embedding", "--metric", "euclidean", "--deferred",
                *[part for what in ("delete", "update", "merge")
                  for part in ("--property", f"write.{what}.mode=merge-on-read")])
    lake.sql("DELETE FROM {} WHERE id % 10 = 0")
    lake.tarn("index", "build", "db.t")
    lake.sql("INSERT INTO {} " + select_sql(600, 100))
    lake.sql("DELETE FROM {} WHERE id < 20 OR id = 650")
    return lake


LEFT = [one for one in rows(20, 680) if one["id"] % 10 or one["id"] >= 600 and one["id"] != 650]


def test_expired_snapshots_leave_the_newest_whole(busy):
    gone = [json.loads(line) for line in
            busy.tarn("expire", "db.t", "--older-than", "0s", "--retain-last", 1, "--json").splitlines()]
    assert [thing["kind"] for thing in gone].count("snapshot") == 4
    assert busy.sql("SELECT count(*) n FROM {}.snapshots") == [{"n": 1}]
    assert busy.agree() == LEFT
    busy.check_search(LEFT)
    busy.sql("DELETE FROM {} WHERE id > 500")
    assert busy.agree() == [one for one in LEFT if one["id"] <= 500]
    busy.is_sound()


def test_what_tags_and_branches_of_spark_need_does_not_expire(busy):
    first = busy.sql("SELECT snapshot_id FROM {}.snapshots ORDER BY committed_at")[0]["snapshot_id"]
    busy.sql(f"ALTER TABLE {{}} CREATE TAG first AS OF VERSION {first}")
    busy.sql("ALTER TABLE {} CREATE BRANCH side")
    busy.sql("INSERT INTO {}.branch_side " + select_sql(5000, 10))
    busy.tarn("expire", "db.t", "--older-than", "0s", "--retain-last", 1)
    assert busy.sql("SELECT * FROM {} VERSION AS OF 'first' ORDER BY id") == rows(0, 600)
    assert busy.sql("SELECT * FROM {} VERSION AS OF 'side' ORDER BY id") == LEFT + rows(5000, 10)
    assert busy.scan("db.t", "--ref", "first") == rows(0, 600)
    assert busy.agree() == LEFT


def test_orphans_are_those_that_no_engine_needs(busy):
    busy.call("rewrite_data_files", options="map('rewrite-all', 'true')")
    assert busy.tarn("orphans", "db.t", "--older-than", "0s", "--force", "--json") == ""
    stray = busy.table_folder() / "data" / "part-00000-of-a-failed-task.parquet"
    stray.write_bytes(b"x")
    assert stray.name in busy.tarn("orphans", "db.t", "--older-than", "0s", "--force", "--delete")
    assert not stray.exists()
    busy.tarn("expire", "db.t", "--older-than", "0s", "--retain-last", 1)
    busy.tarn("orphans", "db.t", "--older-than", "0s", "--force", "--delete")
    assert busy.agree() == LEFT
    busy.is_sound()


def test_rolled_back_deletes_are_undone_for_all(busy):
    ids = [line["snapshot_id"] for line in busy.sql("SELECT snapshot_id FROM {}.snapshots ORDER BY committed_at")]
    busy.tarn("rollback", "db.t", "--snapshot", ids[0])
    assert busy.agree() == rows(0, 600)
    busy.check_search(rows(0, 600))
    busy.sql("INSERT INTO {} " + select_sql(600, 10))
    assert busy.agree() == rows(0, 610)
    busy.tarn("rollback", "db.t", "--snapshot", ids[-1], "--any")
    assert busy.agree() == LEFT
    busy.check_search(LEFT)
    busy.is_sound()


def test_verification_reads_what_spark_wrote_in_every_version(lake):
    lake.sql("CREATE NAMESPACE IF NOT EXISTS {}", "db")
    for version in (2, 3):
        lake.sql(f"CREATE TABLE {{}} ({COLUMNS}) USING iceberg PARTITIONED BY (kind) "
                 f"TBLPROPERTIES ('format-version' = '{version}', {MERGE_ON_READ})", f"db.v{version}")
        lake.sql("INSERT INTO {} " + select_sql(0, 300), f"db.v{version}")
        lake.sql("DELETE FROM {} WHERE id % 7 = 0", f"db.v{version}")
        lake.is_sound(f"db.v{version}")
        lake.tarn("expire", f"db.v{version}", "--older-than", "0s", "--retain-last", 1)
        lake.is_sound(f"db.v{version}")
        assert lake.agree(f"db.v{version}") == [one for one in rows(0, 300) if one["id"] % 7]


def test_renamed_registered_and_dropped_tables_are_so_for_spark(database):
    lake = database
    lake.ingest("db.t", table(0, 100), "--vector", "embedding")
    lake.sql("INSERT INTO {} " + select_sql(100, 10))
    lake.tarn("rename", "db.t", "db.u")
    assert lake.sql("SELECT * FROM {} ORDER BY id", "db.u") == rows(0, 110)
    lake.sql("ALTER TABLE {} RENAME TO db.w", "db.u")
    assert lake.agree("db.w") == rows(0, 110)
    lake.tarn("unregister", "db.w")
    lake.tarn("namespace", "create", "other")
    location = next(iter(sorted((lake.table_folder() / "metadata").glob("*.metadata.json"), reverse=True)))
    lake.tarn("register", "other.x", location)
    lake.sql("INSERT INTO {} " + select_sql(110, 10), "other.x")
    assert lake.agree("other.x") == rows(0, 120)
    assert {line["namespace"] for line in lake.spark.rows(f"SHOW NAMESPACES IN {lake.name}")} == {"db", "other"}
    lake.tarn("drop", "other.x", "--yes")
    assert lake.spark.rows(f"SHOW TABLES IN {lake.name}.other") == []
    lake.spark.rows(f"CREATE TABLE {lake.name}.other.y (id BIGINT) USING iceberg")
    assert "other.y" in lake.tarn("list")
    lake.spark.rows(f"DROP TABLE {lake.name}.other.y PURGE")
    assert "other.y" not in lake.tarn("list")


def test_updates_of_spark_meet_indexes_of_tarn_in_either_order(busy):
    for turn in range(3):
        busy.sql(f"UPDATE {{}} SET embedding = {vector_sql(salt=turn + 1)} WHERE id % 10 = {turn + 1}")
        busy.ingest("db.t", table(1000 + 500 * turn, 500), "--deferred")
        busy.tarn("index", "build", "db.t")
    seen = busy.agree()
    assert [one["id"] for one in seen] == [one["id"] for one in LEFT] + list(range(1000, 2500))
    busy.check_search(seen)
    busy.is_sound()
