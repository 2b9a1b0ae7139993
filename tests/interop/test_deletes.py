# SPDX-License-Identifier: Apache-2.0
"""Tables on which others deleted rows by merge-on-read: the golden tables of Spark and PyIceberg, and tables whose
delete files are made here by hand; PyIceberg is asked what is live, where it reads such deletes."""
import fcntl
import json
import random
import shutil
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import (DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry,
                                ManifestEntryStatus, ManifestWriterV2, write_manifest_list)
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import StaticTable
from pyiceberg.typedef import Record

from conftest import Lake, ROOT

# The golden tables know themselves under this name.
PLACE = Path("/tmp/tarn-golden")


@pytest.fixture
def golden():
    """Unpacks a golden table under its name; no other test has it meanwhile."""
    PLACE.mkdir(exist_ok=True)
    with open(PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def unpack(name):
            source, table = ROOT / "tests" / "golden" / name, PLACE / name / "warehouse" / "db" / "vectors"
            shutil.rmtree(PLACE / name, ignore_errors=True)
            shutil.copytree(source / "data", table / "data")
            (table / "metadata").mkdir()
            for file in source.iterdir():
                if file.is_file():
                    shutil.copy(file, table / "metadata")
            (table / "metadata" / "version-hint.text").write_text("5")
            return Lake(PLACE / name / "warehouse")
        yield unpack


def rows_of(lake, table, *options):
    done = lake.run("scan", table, "--json", *options)
    return sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda row: row["id"])


@pytest.mark.parametrize("name", ["spark_v2", "spark_v3"])
def test_spark_tables_give_the_rows_that_pyiceberg_sees(golden, name):
    lake = golden(name)
    rows = rows_of(lake, "db.vectors")
    assert len(rows) == 150 and sum(row["id"] for row in rows) == 11519
    seen = StaticTable.from_metadata(str(lake.metadata("db.vectors"))).scan().to_arrow().sort_by("id")
    assert [row["id"] for row in rows] == seen["id"].to_pylist()
    assert [row["text"] for row in rows] == seen["text"].to_pylist()
    ours, theirs = [row["embedding"] for row in rows], seen["embedding"].to_pylist()
    assert np.array_equal(np.array(ours, np.float32), np.array(theirs, np.float32))
    text = lake.run("info", "db.vectors").stdout
    assert "150 (155 in files, 5 deleted)" in text and "delete files (2)" in text
    assert "is sound" in lake.run("verify", "db.vectors").stdout


def test_older_states_by_snapshot_time_and_ref(golden):
    lake = golden("spark_v2")
    log = json.loads(lake.metadata("db.vectors").read_text())["snapshot-log"]
    counts = [100, 150, 147, 150]
    for entry, count in zip(log, counts):
        assert len(rows_of(lake, "db.vectors", "--snapshot", entry["snapshot-id"])) == count
        assert len(rows_of(lake, "db.vectors", "--as-of", entry["timestamp-ms"])) == count
    assert len(rows_of(lake, "db.vectors", "--ref", "main")) == 150
    early = lake.run("scan", "db.vectors", "--as-of", "2020-01-01T00:00:00Z", code=1).stderr
    assert str(log[0]["snapshot-id"]) in early
    assert "main" in lake.run("info", "db.vectors", "--ref", "nope", code=1).stderr


def test_appending_leaves_the_deletes_in_force(golden, tmp_path):
    lake = golden("spark_v2")
    new = pa.table({"id": pa.array([3, 900], pa.int64()), "text": ["back", "new"],
                    "embedding": pa.array([[1, 2, 3, 4], [5, 6, 7, 8]], pa.list_(pa.float32()))})
    pq.write_table(new, tmp_path / "new.parquet")
    lake.run("ingest", "db.vectors", tmp_path / "new.parquet")
    rows = rows_of(lake, "db.vectors")
    assert len(rows) == 152 and [row["text"] for row in rows if row["id"] == 3] == ["back"]
    seen = lake.iceberg("db.vectors")
    assert sorted(seen["id"].to_pylist()) == [row["id"] for row in rows]


def test_damage_in_a_deletion_vector_is_said_and_no_row_comes_back(golden):
    lake = golden("spark_v3")
    for file in lake.files("db.vectors")[0].parent.glob("*.puffin"):
        data = bytearray(file.read_bytes())
        data[30] ^= 1
        file.write_bytes(data)
    assert "deletion vector is damaged" in lake.run("scan", "db.vectors", code=1).stderr
    assert "deletion vector is damaged" in lake.run("verify", "db.vectors", code=1).stdout


class DeleteManifest(ManifestWriterV2):
    """What PyIceberg writes for data files, with delete files in it."""

    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def commit_deletes(lake, table, files):
    """Adds delete files to a table as one more snapshot, by hand: (path, content, equality ids, records)."""
    path = lake.metadata(table)
    static = StaticTable.from_metadata(str(path))
    metadata = json.loads(path.read_text())
    io, folder, snapshot_id = PyArrowFileIO(), path.parent, random.getrandbits(62)
    sequence = metadata["last-sequence-number"] + 1
    manifest = folder / f"{uuid.uuid4()}-m0.avro"
    with DeleteManifest(static.metadata.spec(), static.metadata.schema(), io.new_output(f"file://{manifest}"),
                        snapshot_id, "deflate") as writer:
        for file, content, ids, records in files:
            entry = DataFile.from_args(content=content, file_path=f"file://{file}", file_format=FileFormat.PARQUET,
                                       partition=Record(), record_count=records,
                                       file_size_in_bytes=file.stat().st_size, equality_ids=ids or None)
            writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id,
                                                     data_file=entry))
        done = writer
    current = next(s for s in metadata["snapshots"] if s["snapshot-id"] == metadata["current-snapshot-id"])
    manifest_list = folder / f"snap-{snapshot_id}-1-{uuid.uuid4()}.avro"
    with write_manifest_list(2, io.new_output(f"file://{manifest_list}"), snapshot_id, current["snapshot-id"],
                             sequence, "deflate") as lines:
        lines.add_manifests(static.current_snapshot().manifests(io) + [done.to_manifest_file()])
    metadata["last-sequence-number"] = sequence
    metadata["last-updated-ms"] += 1
    metadata["snapshots"].append({
        "snapshot-id": snapshot_id, "parent-snapshot-id": current["snapshot-id"], "sequence-number": sequence,
        "timestamp-ms": metadata["last-updated-ms"], "manifest-list": f"file://{manifest_list}",
        "summary": {"operation": "delete"}, "schema-id": metadata["current-schema-id"]})
    metadata["current-snapshot-id"] = metadata["refs"]["main"]["snapshot-id"] = snapshot_id
    metadata["snapshot-log"].append({"snapshot-id": snapshot_id, "timestamp-ms": metadata["last-updated-ms"]})
    version = int(path.name[1:].split(".")[0]) + 1
    (folder / f"v{version}.metadata.json").write_text(json.dumps(metadata))
    (folder / "version-hint.text").write_text(str(version))


def with_ids(schema, **ids):
    return pa.schema([field.with_metadata({b"PARQUET:field_id": str(ids[field.name]).encode()}) for field in schema])


def position_deletes(path, records):
    schema = with_ids(pa.schema([pa.field("file_path", pa.string(), False), pa.field("pos", pa.int64(), False)]),
                      file_path=2147483546, pos=2147483545)
    columns = [pa.array([file for file, _ in records]), pa.array([row for _, row in records], pa.int64())]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), path)
    return path, DataFileContent.POSITION_DELETES, [], len(records)


@pytest.fixture
def vectors(lake, tmp_path):
    """A table of two files, indexed; its vectors."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(1200, 16)).astype(np.float32)
    table = pa.table({"id": pa.array(range(1200), pa.int64()), "kind": [f"k{i % 7}" for i in range(1200)],
                      "v": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 16)})
    pq.write_table(table, tmp_path / "in.parquet")
    lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v", "--metric", "euclidean", "--batch-rows", 700)
    return values


def search(lake, query, *options):
    done = lake.run("search", "db.t", "--vector", json.dumps(query.tolist()), "--k", 10, "--columns", "id", "--json",
                    *options)
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def test_position_deletes_hold_in_scans_and_searches_as_in_pyiceberg(lake, tmp_path, vectors):
    files = {file: pq.read_table(file, columns=["id"])["id"].to_pylist() for file in lake.files("db.t")}
    gone = set(random.Random(5).sample(range(1200), 500))
    # Other engines write the same place with other slashes.
    records = sorted((f"file:{file}" if row % 2 else f"file://{file}", row)
                     for file, ids in files.items() for row, id in enumerate(ids) if id in gone)
    commit_deletes(lake, "db.t", [position_deletes(tmp_path / "lake/db/t/data/deletes.parquet", records)])
    assert [row["id"] for row in rows_of(lake, "db.t", "--columns", "id")] == sorted(set(range(1200)) - gone)
    live = np.array(sorted(set(range(1200)) - gone))
    for query in vectors[::97]:
        order = live[np.argsort(np.linalg.norm(vectors[live].astype(np.float64) - query, axis=1), kind="stable")]
        assert search(lake, query, "--exact") == order[:10].tolist()
        found = search(lake, query, "--ef", 200)
        assert len(found) == 10 and not set(found) & gone and len(set(found) & set(order[:10].tolist())) >= 9


def test_pyiceberg_sees_the_same_rows_after_position_deletes(lake, tmp_path, vectors):
    file = lake.files("db.t")[0]
    records = [(f"file://{file}", row) for row in range(0, 500, 3)]
    commit_deletes(lake, "db.t", [position_deletes(tmp_path / "lake/db/t/data/deletes.parquet", records)])
    assert [row["id"] for row in rows_of(lake, "db.t")] == sorted(lake.iceberg("db.t")["id"].to_pylist())


def test_equality_deletes_hold_in_scans_and_searches(lake, tmp_path, vectors):
    schema = StaticTable.from_metadata(str(lake.metadata("db.t"))).schema()
    kind = schema.find_field("kind").field_id
    keys = pa.Table.from_arrays([pa.array(["k2", "k5", None])],
                                schema=with_ids(pa.schema([pa.field("kind", pa.string())]), kind=kind))
    file = tmp_path / "lake/db/t/data/equality.parquet"
    pq.write_table(keys, file)
    commit_deletes(lake, "db.t", [(file, DataFileContent.EQUALITY_DELETES, [kind], 3)])
    live = np.array([i for i in range(1200) if i % 7 not in (2, 5)])
    assert [row["id"] for row in rows_of(lake, "db.t", "--columns", "id")] == live.tolist()
    assert "equality" in lake.run("info", "db.t").stdout
    for query in vectors[::211]:
        order = live[np.argsort(np.linalg.norm(vectors[live].astype(np.float64) - query, axis=1), kind="stable")]
        assert search(lake, query, "--exact") == order[:10].tolist()
    assert json.loads(lake.run("search", "db.t", "--like-id", 1194, "--k", 1, "--json").stdout)["id"] == 1194
    assert lake.run("search", "db.t", "--like-id", 2, "--k", 1, code=1).stderr
    assert "is sound" in lake.run("verify", "db.t").stdout
