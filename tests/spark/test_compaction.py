# SPDX-License-Identifier: Apache-2.0
"""Spark's maintenance of tarn's tables: compaction, rewritten deletes and manifests, expiry, orphan removal."""
import json

import pytest

from spark.data import row, rows, select_sql, table, vector_sql

# Without it Spark leaves groups of fewer than five files as they are.
ALL = {"options": "map('rewrite-all', 'true')"}


def make(lake, *options, files=4, properties=()):
    given = [part for value in properties for part in ("--property", value)]
    lake.ingest("db.t", table(0, 300 * files), "--vector", "embedding", "--metric", "euclidean", "--batch-rows", 300,
                *options, *given)


MERGE_ON_READ = [f"write.{what}.mode=merge-on-read" for what in ("delete", "update", "merge")]


@pytest.mark.parametrize("index", [["--index", "hnsw"], ["--index", "ivf_pq"], ["--deferred"]],
                         ids=["hnsw", "ivf_pq", "deferred"])
def test_compaction_keeps_every_row(lake, index):
    make(lake, *index)
    assert lake.call("rewrite_data_files", **ALL)["rewritten_data_files_count"] == 4
    assert lake.agree() == rows(0, 1200)
    lake.check_search(rows(0, 1200))
    lake.is_sound()
    lake.ingest("db.t", table(1200, 600))
    assert lake.agree() == rows(0, 1800)
    lake.check_search(rows(0, 1800))


def test_compaction_folds_deletes_in_for_good(lake):
    make(lake, properties=MERGE_ON_READ)
    lake.sql("DELETE FROM {} WHERE id % 5 = 1")
    lake.sql(f"UPDATE {{}} SET embedding = {vector_sql(salt=8)} WHERE id = 100")
    before = lake.agree()
    assert len(before) == 960
    lake.call("rewrite_data_files", options="map('rewrite-all', 'true', 'remove-dangling-deletes', 'true')")
    assert lake.agree() == before
    assert "deleted)" not in lake.tarn("info", "db.t")
    lake.check_search(before)
    lake.is_sound()


def test_sorted_files_keep_every_row(lake):
    make(lake)
    lake.call("rewrite_data_files", strategy="'sort'", sort_order="'id DESC'", **ALL)
    assert lake.agree() == rows(0, 1200)
    lake.check_search(rows(0, 1200))
    lake.is_sound()


def test_rewritten_position_deletes_delete_the_same_rows(lake):
    make(lake, properties=[*MERGE_ON_READ, "write.delete.granularity=file"])
    for remainder in range(3):
        lake.sql(f"DELETE FROM {{}} WHERE id % 7 = {remainder}")
    left = [one for one in rows(0, 1200) if one["id"] % 7 > 2]
    assert lake.agree() == left
    assert lake.call("rewrite_position_delete_files", **ALL)["rewritten_delete_files_count"] > 0
    assert lake.agree() == left
    lake.check_search(left)
    lake.is_sound()


def test_rewritten_manifests_name_the_same_files(lake):
    make(lake)
    for first in range(1200, 1500, 100):
        lake.ingest("db.t", table(first, 100))
    lake.sql("INSERT INTO {} " + select_sql(1500, 100))
    assert lake.call("rewrite_manifests")["rewritten_manifests_count"] > 0
    assert lake.agree() == rows(0, 1600)
    lake.check_search(rows(0, 1600))
    lake.ingest("db.t", table(1600, 100))
    assert lake.agree() == rows(0, 1700)
    lake.is_sound()


def test_expired_snapshots_and_removed_orphans_cost_no_row(lake):
    make(lake, "--deferred", files=3, properties=MERGE_ON_READ)
    lake.sql("DELETE FROM {} WHERE id < 20")
    lake.tarn("index", "build", "db.t", "--small-files")
    lake.call("rewrite_data_files", where="'id < 300'", **ALL)
    lake.ingest("db.t", table(900, 100))
    before = len(list(lake.table_folder().rglob("*.parquet")))
    gone = lake.call("expire_snapshots", older_than="current_timestamp()", retain_last=1)
    assert gone["deleted_data_files_count"] > 0
    stray = lake.table_folder() / "data" / "stray.parquet"
    stray.write_bytes(b"nobody's")
    assert len(list(lake.table_folder().rglob("*.parquet"))) < before
    assert "stray.parquet" not in str(lake.spark.rows(f"CALL {lake.name}.system.remove_orphan_files(table => 'db.t')"))
    lake.spark.remove_orphans(f"{lake.name}.db.t")
    assert not stray.exists()
    assert lake.agree() == rows(20, 980)
    lake.check_search(rows(20, 980))
    lake.is_sound()


def snapshots(lake):
    return lake.sql("SELECT count(*) n FROM {}.snapshots")[0]["n"]


@pytest.mark.parametrize("name", ["monday", "sensor:7"])
def test_batch_ids_outlive_expiry_and_compaction(lake, name):
    make(lake)
    data = table(1200, 100)
    lake.ingest("db.t", data, "--batch-id", name)
    lake.call("rewrite_data_files", **ALL)
    lake.call("expire_snapshots", older_than="current_timestamp()", retain_last=1)
    assert snapshots(lake) == 1
    lake.ingest("db.t", data, "--batch-id", name)
    assert snapshots(lake) == 1
    assert lake.agree() == rows(0, 1300)
    lake.ingest("db.t", table(1300, 100), "--batch-id", name[:-1] + "8")
    assert lake.agree() == rows(0, 1400)


@pytest.mark.parametrize("index", ["hnsw", "ivf_pq"])
def test_files_that_spark_compacted_get_their_index_back(lake, index):
    make(lake, "--index", index, "--property", f"tarn.index.type={index}", properties=MERGE_ON_READ)
    lake.sql("DELETE FROM {} WHERE id % 6 = 1")
    lake.call("rewrite_data_files", **ALL)
    lake.sql("INSERT INTO {} " + select_sql(1200, 600))
    lake.sql("DELETE FROM {} WHERE id % 6 = 2")
    left = [one for one in rows(0, 1800) if one["id"] % 6 != 2 and (one["id"] % 6 != 1 or one["id"] >= 1200)]
    assert lake.agree() == left
    lake.tarn("index", "build", "db.t", "--small-files")
    files = json.loads(lake.tarn("index", "status", "db.t", "--json"))["files"]
    assert [(file["state"], file["type"]) for file in files] == [("ready", index)] * 2
    assert lake.agree() == left
    lake.check_search(left)
    lake.is_sound()


def test_compacted_files_are_searched_row_by_row_until_then(lake):
    make(lake)
    lake.call("rewrite_data_files", **ALL)
    assert "files indexed" not in lake.tarn("info", "db.t")
    lake.check_search(rows(0, 1200), recall=1.0)
    odd = row(5000, kind=None, embedding=None)
    lake.sql("INSERT INTO {} VALUES (5000, NULL, NULL)")
    lake.call("rewrite_data_files", **ALL)
    assert lake.agree() == [*rows(0, 1200), odd]
    lake.check_search(rows(0, 1200), recall=1.0)
