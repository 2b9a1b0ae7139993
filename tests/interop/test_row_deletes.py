# SPDX-License-Identifier: Apache-2.0
"""After `tarn delete`, PyIceberg and DuckDB read the rows that tarn does, in both kinds of catalog."""
import json
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import BINARY, duckdb_connection
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

ROWS = 600


def sample():
    vectors = np.random.default_rng(5).normal(size=(ROWS, 8)).astype(np.float32)
    return pa.table({"id": range(ROWS), "text": [None if i % 7 == 0 else f"row {i % 10}" for i in range(ROWS)],
                     "v": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 8)})


class Place:
    """A catalog of one kind."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder

    def tarn(self, *args):
        catalog = (str(self.folder / "lake") if self.kind == "folder" else
                   f"sqlite:///{self.folder}/catalog.db?name=lake&warehouse=file://{self.folder}/lake")
        done = subprocess.run([BINARY, "-C", catalog, "--no-sync", *map(str, args)], capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == 0, f"tarn {args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def iceberg(self):
        if self.kind == "sql":
            catalog = SqlCatalog("lake", uri=f"sqlite:///{self.folder}/catalog.db", warehouse=f"file://{self.folder}/lake")
            return catalog.load_table("db.t")
        metadata = self.folder / "lake" / "db" / "t" / "metadata"
        return StaticTable.from_metadata(str(metadata / f"v{(metadata / 'version-hint.text').read_text()}.metadata.json"))

    def rows(self):
        """(id, text) as all three read them, who must agree."""
        lines = self.tarn("scan", "db.t", "--columns", "id,text", "--json").splitlines()
        ours = sorted((json.loads(line)["id"], json.loads(line).get("text")) for line in lines)
        table = self.iceberg()
        read = table.scan(selected_fields=("id", "text")).to_arrow()
        assert sorted(zip(read["id"].to_pylist(), read["text"].to_pylist())) == ours
        metadata = table.metadata_location
        found = duckdb_connection().execute(f"SELECT id, text FROM iceberg_scan('{metadata}') ORDER BY id").fetchall()
        assert found == ours
        return [row[0] for row in ours]


@pytest.fixture(params=["folder", "sql"])
def place(request, tmp_path):
    place = Place(request.param, tmp_path)
    pq.write_table(sample(), tmp_path / "rows.parquet")
    place.tarn("ingest", "db.t", tmp_path / "rows.parquet", "--vector", "v", "--batch-rows", 200, "--deferred")
    return place


def test_every_engine_sees_what_was_deleted_before_and_after_an_index_build(place):
    left = [i for i in range(ROWS) if not (i % 3 == 0)]
    ids = ", ".join(str(i) for i in range(0, ROWS, 3))
    assert f"deleted {ROWS - len(left)} rows of db.t, snapshot" in place.tarn("delete", "db.t", "--where", f"id IN ({ids})")
    assert place.rows() == left
    # The build replaces the files; what is deleted in them stays deleted.
    place.tarn("index", "build", "db.t")
    assert place.rows() == left
    assert json.loads(place.tarn("index", "status", "db.t", "--json"))["pending"] == {"files": 0, "rows": 0}
    # A second delete beside the first, in replaced files: position deletes over position deletes.
    place.tarn("delete", "db.t", "--where", "text = 'row 5' OR text IS NULL AND id > 300")
    left = [i for i in left if not ((i % 7 != 0 and i % 10 == 5) or (i % 7 == 0 and i > 300))]
    assert place.rows() == left
    # And a whole file with them.
    assert "1 file" in place.tarn("delete", "db.t", "--where", "id BETWEEN 200 AND 399")
    left = [i for i in left if not 200 <= i <= 399]
    assert place.rows() == left
    assert "is sound" in place.tarn("verify", "db.t")


def test_rows_that_come_after_a_delete_are_not_deleted(place, tmp_path):
    place.tarn("delete", "db.t", "--where", "id < 100")
    pq.write_table(sample().slice(0, 50), tmp_path / "again.parquet")
    place.tarn("ingest", "db.t", tmp_path / "again.parquet")
    assert place.rows() == [*range(50), *range(100, ROWS)]
    place.tarn("delete", "db.t", "--where", "true")
    assert place.rows() == []
    place.tarn("ingest", "db.t", tmp_path / "again.parquet")
    assert place.rows() == list(range(50))
    assert "is sound" in place.tarn("verify", "db.t")


def test_older_snapshots_keep_the_rows(place):
    before = place.iceberg().current_snapshot().snapshot_id
    place.tarn("delete", "db.t", "--where", "id >= 10")
    assert place.rows() == list(range(10))
    assert place.iceberg().scan(snapshot_id=before).to_arrow().num_rows == ROWS
    place.tarn("rollback", "db.t", "--snapshot", before)
    assert place.rows() == list(range(ROWS))


def test_searches_leave_deleted_rows_out(place):
    place.tarn("index", "build", "db.t")
    search = ("search", "db.t", "--like-id", 7, "--k", 5, "--columns", "id", "--json")
    first = [json.loads(line)["id"] for line in place.tarn(*search).splitlines()]
    place.tarn("delete", "db.t", "--where", f"id IN ({first[1]}, {first[3]})")
    second = [json.loads(line)["id"] for line in place.tarn(*search).splitlines()]
    assert second[:3] == [first[0], first[2], first[4]]
    assert len(second) == 5 and not {first[1], first[3]} & set(second)
