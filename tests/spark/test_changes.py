# SPDX-License-Identifier: Apache-2.0
"""Rows that Spark inserts, deletes, updates and merges in tarn's tables: tarn reads and searches what is left."""
import pyarrow.parquet as pq
import pytest

from spark.data import row, rows, select_sql, table, vector, vector_sql

MODES = ["merge-on-read", "copy-on-write"]


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def make(lake, mode, count=1200, index=("--index", "hnsw")):
    properties = [part for what in ("delete", "update", "merge")
                  for part in ("--property", f"write.{what}.mode={mode}")]
    lake.ingest("db.t", table(0, count), "--vector", "embedding", "--metric", "euclidean", "--batch-rows", 600, *index,
                *properties)


def test_inserted_rows_are_found_beside_those_of_tarn(lake):
    make(lake, "merge-on-read")
    lake.sql("INSERT INTO {} " + select_sql(1200, 300))
    lake.ingest("db.t", table(1500, 100))
    assert lake.agree() == rows(0, 1600)
    lake.check_search(rows(0, 1600))
    lake.is_sound()


@pytest.mark.parametrize("index", [["--index", "hnsw"], ["--index", "ivf_pq"], ["--index", "none"]],
                         ids=["hnsw", "ivf_pq", "none"])
def test_deleted_rows_are_no_neighbours(lake, mode, index):
    make(lake, mode, index=index)
    lake.sql("DELETE FROM {} WHERE id % 3 = 1")
    left = [one for one in rows(0, 1200) if one["id"] % 3 != 1]
    assert lake.agree() == left
    lake.check_search(left)
    lake.sql("DELETE FROM {} WHERE id >= 600")
    left = [one for one in left if one["id"] < 600]
    assert lake.agree() == left
    lake.check_search(left)
    lake.is_sound()


def test_updated_vectors_are_found_at_their_new_place(lake, mode):
    make(lake, mode)
    lake.sql(f"UPDATE {{}} SET kind = 'moved', embedding = {vector_sql(salt=999)} WHERE id % 50 = 7")
    expected = [row(i, kind="moved", embedding=vector(i, 999)) if i % 50 == 7 else row(i) for i in range(1200)]
    assert lake.agree() == expected
    lake.check_search(expected)
    for i in (7, 657):
        found = lake.tarn("search", "db.t", "--vector", str(vector(i, 999)), "--k", 1, "--json", "--columns", "id,kind")
        assert f'"id":{i},"kind":"moved","_distance":0' in found.replace(" ", "")
    lake.is_sound()


def test_merged_rows_are_updated_deleted_and_added(lake, mode):
    make(lake, mode)
    source = f"(SELECT id, concat('m', id % 5) kind, {vector_sql(salt=5)} embedding FROM range(1000, 1300))"
    lake.sql(f"""MERGE INTO {{}} t USING {source} s ON t.id = s.id
        WHEN MATCHED AND s.id % 10 = 0 THEN DELETE
        WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *""")
    expected = rows(0, 1000) + [row(i, kind=f"m{i % 5}", embedding=vector(i, 5)) for i in range(1000, 1300)
                                if i % 10 or i >= 1200]
    assert lake.agree() == expected
    lake.check_search(expected)
    # A second merge over rows that the first one moved.
    lake.sql(f"""MERGE INTO {{}} t USING (SELECT id FROM range(1100, 1250)) s ON t.id = s.id
        WHEN MATCHED THEN UPDATE SET embedding = {vector_sql('t.id')}""")
    for one in expected:
        if 1100 <= one["id"] < 1250:
            one["embedding"] = vector(one["id"])
    assert lake.agree() == expected
    lake.check_search(expected)
    lake.is_sound()


@pytest.mark.parametrize("granularity", ["file", "partition"])
def test_indexes_built_after_deletes_keep_the_deletes(lake, granularity):
    make(lake, "merge-on-read", index=["--deferred", "--property", f"write.delete.granularity={granularity}"])
    lake.sql("DELETE FROM {} WHERE id % 4 = 1")
    lake.sql(f"UPDATE {{}} SET embedding = {vector_sql(salt=3)} WHERE id % 100 = 2")
    expected = [row(i, embedding=vector(i, 3 if i % 100 == 2 else 0)) for i in range(1200) if i % 4 != 1]
    assert lake.agree() == expected
    lake.tarn("index", "build", "db.t", "--small-files")
    assert "3 of 3 files indexed" in lake.tarn("info", "db.t")
    assert lake.agree() == expected
    lake.check_search(expected)
    lake.is_sound()
    # And what Spark deletes now counts as well.
    lake.sql("DELETE FROM {} WHERE id % 4 = 2")
    expected = [one for one in expected if one["id"] % 4 != 2]
    assert lake.agree() == expected
    lake.check_search(expected)


def test_rows_without_a_proper_vector_are_rows_and_no_neighbours(lake):
    make(lake, "merge-on-read", 600)
    odd = {1000: None, 1001: [], 1002: [1.0, 2.0], 1003: vector(1003) + [1.0], 1004: [0.0] * 16}
    for number, values in odd.items():
        spelled = "NULL" if values is None else f"cast(array({', '.join(map(str, values))}) AS array<float>)"
        lake.sql(f"INSERT INTO {{}} VALUES ({number}, 'odd', {spelled})")
    expected = rows(0, 600) + [{"id": number, "kind": "odd", "embedding": values} for number, values in odd.items()]
    assert lake.agree() == expected
    lake.check_search(expected)
    lake.tarn("index", "build", "db.t", "--small-files")
    lake.call("rewrite_data_files", options="map('rewrite-all', 'true')")
    lake.tarn("index", "build", "db.t")
    assert "1 of 1 files indexed" in lake.tarn("info", "db.t")
    assert lake.agree() == expected
    lake.check_search(expected)
    lake.is_sound()


def test_numbers_that_are_no_vectors_do_not_disturb_a_search(lake):
    make(lake, "merge-on-read", 600)
    for number, value in ((1000, "NaN"), (1001, "Infinity")):
        lake.sql(f"INSERT INTO {{}} SELECT {number}, 'odd', transform(sequence(0, 15), i -> float('{value}'))")
    for _ in range(2):
        assert [one["id"] for one in lake.scan()] == [*range(600), 1000, 1001]
        lake.check_search(rows(0, 600))
        lake.is_sound()
        lake.tarn("index", "build", "db.t", "--small-files")


def test_overwritten_tables_hold_the_new_rows_alone(lake):
    make(lake, "merge-on-read", 600)
    lake.sql("INSERT OVERWRITE {} " + select_sql(5000, 700))
    assert lake.agree() == rows(5000, 700)
    lake.check_search(rows(5000, 700))
    lake.sql("TRUNCATE TABLE {}")
    assert lake.agree() == []
    lake.ingest("db.t", table(0, 600))
    assert lake.agree() == rows(0, 600)
    lake.check_search(rows(0, 600))
    lake.is_sound()


def test_many_turns_of_both_leave_what_a_list_of_rows_would_hold(lake):
    make(lake, "merge-on-read", 600)
    held = {i: row(i) for i in range(600)}
    for turn in range(4):
        first = 600 + 100 * turn
        lake.ingest("db.t", table(first, 50), *(["--deferred"] if turn % 2 else []))
        lake.sql("INSERT INTO {} " + select_sql(first + 50, 50))
        held |= {i: row(i) for i in range(first, first + 100)}
        lake.sql(f"UPDATE {{}} SET kind = 'u{turn}' WHERE id % 13 = {turn}")
        held |= {i: one | {"kind": f"u{turn}"} for i, one in held.items() if i % 13 == turn}
        lake.sql(f"DELETE FROM {{}} WHERE id % 17 = {turn}")
        held = {i: one for i, one in held.items() if i % 17 != turn}
        lake.tarn("index", "build", "db.t", "--small-files")
        assert lake.agree() == list(held.values())
    lake.check_search(list(held.values()))
    lake.is_sound()


def test_no_row_is_lost_when_spark_begins_to_pack_metadata(lake):
    make(lake, "merge-on-read", 600)
    lake.sql("ALTER TABLE {} SET TBLPROPERTIES ('write.metadata.compression-codec' = 'gzip')")
    lake.sql("INSERT INTO {} " + select_sql(600, 100))
    lake.ingest("db.t", table(700, 100))
    lake.sql("DELETE FROM {} WHERE id < 10")
    lake.ingest("db.t", table(800, 100))
    assert lake.agree() == rows(10, 890)
    lake.sql("ALTER TABLE {} UNSET TBLPROPERTIES ('write.metadata.compression-codec')")
    lake.ingest("db.t", table(900, 100))
    lake.sql("INSERT INTO {} " + select_sql(1000, 100))
    assert lake.agree() == rows(10, 1090)
    lake.is_sound()


def test_a_table_that_spark_replaced_keeps_its_past(lake):
    make(lake, "merge-on-read", 600)
    before = lake.sql("SELECT snapshot_id FROM {}.snapshots")[-1]["snapshot_id"]
    lake.sql("CREATE OR REPLACE TABLE {} USING iceberg AS " + select_sql(700, 200))
    assert lake.agree() == rows(700, 200)
    assert lake.scan("db.t", "--snapshot", before) == rows(0, 600)
    lake.check_search(rows(700, 200))
    lake.tarn("rollback", "db.t", "--snapshot", before, "--any")
    assert lake.agree() == rows(0, 600)
    lake.check_search(rows(0, 600))
    lake.is_sound()


def test_partitions_that_came_and_went_leave_a_table_that_tarn_fills(lake):
    make(lake, "merge-on-read", 600)
    lake.sql("ALTER TABLE {} WRITE ORDERED BY id DESC")
    lake.sql("ALTER TABLE {} SET IDENTIFIER FIELDS id")
    lake.ingest("db.t", table(600, 50))
    lake.sql("ALTER TABLE {} ADD PARTITION FIELD bucket(2, id)")
    lake.sql("INSERT INTO {} " + select_sql(650, 100))
    lake.sql("DELETE FROM {} WHERE id % 3 = 0")
    left = [one for one in rows(0, 750) if one["id"] % 3]
    assert lake.agree() == left
    lake.tarn("index", "build", "db.t", "--small-files")
    assert lake.agree() == left
    file = lake.new_file("parquet")
    pq.write_table(table(750, 50), file)
    assert "partitioned" in lake.tarn("ingest", "db.t", file, code=1)
    lake.sql("ALTER TABLE {} DROP PARTITION FIELD bucket(2, id)")
    lake.tarn("ingest", "db.t", file)
    lake.sql("DELETE FROM {} WHERE id % 3 = 1")
    left = [one for one in left if one["id"] % 3 == 2] + [one for one in rows(750, 50) if one["id"] % 3 != 1]
    assert lake.agree() == left
    lake.check_search(left)
    lake.is_sound()
