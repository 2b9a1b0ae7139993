# SPDX-License-Identifier: Apache-2.0
"""One SQLite database, two programs: PyIceberg's SqlCatalog and tarn make, fill, rename and drop each other's tables."""
import json
import subprocess
import sys
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import BINARY
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.schema import Schema
from pyiceberg.types import FloatType, ListType, LongType, NestedField, StringType

SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "text", StringType(), required=False),
    NestedField(3, "embedding", ListType(element_id=4, element=FloatType(), element_required=True), required=True),
)
ARROW = pa.schema([
    pa.field("id", pa.int64(), nullable=False),
    pa.field("text", pa.string()),
    pa.field("embedding", pa.list_(pa.field("element", pa.float32(), nullable=False)), nullable=False),
])


def rows(first, count):
    return pa.Table.from_pylist([{"id": i, "text": f"row {i}", "embedding": [i % 7 + 1.0, i % 5, i % 3, 1.0]}
                                 for i in range(first, first + count)], schema=ARROW)


class Shared:
    """A database with a warehouse beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.database = f"sqlite:///{folder}/catalog.db"
        self.warehouse = f"file://{folder}/lake"

    def theirs(self):
        return SqlCatalog("shared", uri=self.database, warehouse=self.warehouse)

    def tarn(self, *args, code=0):
        done = subprocess.run([BINARY, "-C", f"{self.database}?name=shared&warehouse={self.warehouse}", "--no-sync",
                               *map(str, args)], capture_output=True, text=True, timeout=300)
        assert done.returncode == code, f"tarn {args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def ingest(self, table, data, *options):
        file = self.folder / f"in-{data['id'][0].as_py()}.parquet"
        pq.write_table(data, file)
        return self.tarn("ingest", table, file, *options)

    def scan(self, table):
        out = self.folder / "scan.parquet"
        out.unlink(missing_ok=True)
        self.tarn("scan", table, "--out", out)
        return pq.read_table(out).sort_by("id")


@pytest.fixture
def shared(tmp_path):
    return Shared(tmp_path)


def as_lists(table):
    return table.sort_by("id").to_pylist()


def test_tarn_reads_and_fills_a_table_that_pyiceberg_made(shared):
    catalog = shared.theirs()
    catalog.create_namespace("db", {"owner": "me"})
    table = catalog.create_table("db.t", SCHEMA)
    table.append(rows(0, 100))
    assert shared.tarn("list").stdout == "db.t\n"
    assert shared.tarn("namespace", "properties", "db").stdout == "owner=me\n"
    assert as_lists(shared.scan("db.t")) == as_lists(rows(0, 100))
    shared.ingest("db.t", rows(100, 50))
    table.refresh()
    assert as_lists(table.scan().to_arrow()) == as_lists(rows(0, 150))
    table.append(rows(150, 10))
    assert as_lists(shared.scan("db.t")) == as_lists(rows(0, 160))
    assert table.metadata_location.split("/")[-1].startswith("00003-")
    assert "is sound" in shared.tarn("verify", "db.t").stdout


def test_pyiceberg_reads_and_fills_a_table_that_tarn_made(shared):
    shared.ingest("db.vectors", rows(0, 200), "--vector", "embedding", "--metric", "euclidean")
    catalog = shared.theirs()
    assert catalog.list_namespaces() == [("db",)] and catalog.list_tables("db") == [("db", "vectors")]
    table = catalog.load_table("db.vectors")
    assert table.location() == f"{shared.warehouse}/db/vectors"
    assert as_lists(table.scan().to_arrow()) == as_lists(rows(0, 200))
    table.append(rows(200, 40).cast(table.schema().as_arrow()))
    assert as_lists(shared.scan("db.vectors")) == as_lists(rows(0, 240))
    found = shared.tarn("search", "db.vectors", "--like-id", 239, "--k", 1, "--json", "--columns", "id")
    assert json.loads(found.stdout)["_distance"] == 0
    # The catalog's tables are those that PyIceberg would have made.
    other = shared.folder / "other.db"
    SqlCatalog("shared", uri=f"sqlite:///{other}", warehouse=shared.warehouse)
    assert schema_of(other) == schema_of(shared.folder / "catalog.db")


def schema_of(database):
    import sqlite3
    with sqlite3.connect(database) as connection:
        names = ("iceberg_tables", "iceberg_namespace_properties")
        return [connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names]


def test_names_given_by_one_are_those_of_the_other(shared):
    catalog = shared.theirs()
    shared.tarn("namespace", "create", "a.b", "--property", f"location={shared.warehouse}/elsewhere")
    assert catalog.load_namespace_properties("a.b")["location"] == f"{shared.warehouse}/elsewhere"
    assert catalog.create_table("a.b.theirs", SCHEMA).location() == f"{shared.warehouse}/elsewhere/theirs"
    shared.tarn("create", "a.b.ours")
    assert catalog.load_table("a.b.ours").location() == f"{shared.warehouse}/elsewhere/ours"
    assert shared.tarn("namespace", "list").stdout == "a\n"
    assert shared.tarn("namespace", "list", "a").stdout == "a.b\n"
    catalog.update_namespace_properties("a.b", removals={"location"}, updates={"owner": "x"})
    assert shared.tarn("namespace", "properties", "a.b", "--set", "k=v", "--remove", "owner").stdout == "k=v\n"
    assert catalog.load_namespace_properties("a.b") == {"exists": "true", "k": "v"}
    assert "not empty" in shared.tarn("namespace", "drop", "a.b", code=1).stderr
    catalog.drop_table("a.b.theirs")
    shared.tarn("drop", "a.b.ours", "--yes")
    shared.tarn("namespace", "drop", "a.b")
    assert catalog.list_namespaces() == []


def test_renamed_dropped_and_registered_tables_are_so_for_both(shared):
    catalog = shared.theirs()
    shared.ingest("db.t", rows(0, 20))
    catalog.rename_table("db.t", "db.u")
    assert "no table db.t" in shared.tarn("info", "db.t", code=1).stderr
    shared.tarn("rename", "db.u", "db.v")
    assert "no namespace" in shared.tarn("rename", "db.v", "nowhere.v", code=1).stderr
    table = catalog.load_table("db.v")
    shared.ingest("db.t", rows(500, 5))
    table.append(rows(20, 20).cast(table.schema().as_arrow()))
    assert as_lists(shared.scan("db.v")) == as_lists(rows(0, 40))
    # A table of the old name has a folder of its own, so that dropping it costs the other nothing.
    shared.tarn("drop", "db.t", "--yes")
    assert as_lists(catalog.load_table("db.v").scan().to_arrow()) == as_lists(rows(0, 40))
    # PyIceberg drops without deleting; both can take the table up again.
    location = catalog.load_table("db.v").metadata_location
    catalog.drop_table("db.v")
    shared.tarn("register", "db.w", location)
    assert as_lists(shared.scan("db.w")) == as_lists(rows(0, 40))
    shared.tarn("unregister", "db.w")
    catalog.register_table("db.x", location)
    assert as_lists(shared.scan("db.x")) == as_lists(rows(0, 40))
    shared.tarn("drop", "db.x", "--yes")
    with pytest.raises(NoSuchTableError):
        catalog.load_table("db.x")
    assert list((shared.folder / "lake").rglob("*.parquet")) == []
    assert list((shared.folder / "lake").rglob("*.json")) == []


def test_pyicebergs_purge_and_deletes_are_understood(shared):
    catalog = shared.theirs()
    shared.ingest("db.t", rows(0, 30))
    table = catalog.load_table("db.t")
    table.delete("id < 10")
    assert as_lists(shared.scan("db.t")) == as_lists(rows(10, 20))
    with table.update_schema() as update:
        update.add_column("extra", StringType())
    assert shared.scan("db.t")["extra"].null_count == 20
    catalog.purge_table("db.t")
    assert "no table db.t" in shared.tarn("scan", "db.t", code=1).stderr
    assert shared.tarn("namespace", "list").stdout == "db\n"


def test_compressed_metadata_is_read_and_committed_to(shared):
    catalog = shared.theirs()
    catalog.create_namespace("db")
    table = catalog.create_table("db.t", SCHEMA)
    table.append(rows(0, 5))
    import gzip
    import sqlite3
    path = table.metadata_location.removeprefix("file://")
    packed = path.replace(".metadata.json", ".gz.metadata.json")
    with open(path, "rb") as plain, gzip.open(packed, "wb") as out:
        out.write(plain.read())
    with sqlite3.connect(shared.folder / "catalog.db") as connection:
        connection.execute("UPDATE iceberg_tables SET metadata_location = ?", (f"file://{packed}",))
    assert as_lists(shared.scan("db.t")) == as_lists(rows(0, 5))
    shared.ingest("db.t", rows(5, 5))
    assert as_lists(catalog.load_table("db.t").scan().to_arrow()) == as_lists(rows(0, 10))


APPENDER = textwrap.dedent("""
    import sys
    sys.path.insert(0, sys.argv[1])
    import test_sql_catalog as shared_test
    from pathlib import Path
    from pyiceberg.exceptions import CommitFailedException
    shared = shared_test.Shared(Path(sys.argv[2]))
    first, commits = int(sys.argv[3]), int(sys.argv[4])
    catalog = shared.theirs()
    for i in range(commits):
        data = shared_test.rows(first + 10 * i, 10)
        while True:
            table = catalog.load_table("db.t")
            try:
                table.append(data.cast(table.schema().as_arrow()))
                break
            except CommitFailedException:
                pass
""")


def test_processes_of_both_kinds_that_race_lose_no_row(shared):
    shared.theirs().create_namespace("db")
    shared.theirs().create_table("db.t", SCHEMA)
    from pathlib import Path
    here = str(Path(__file__).resolve().parent)
    path = f"{here}:{Path(here).parent}"
    processes = [subprocess.Popen([sys.executable, "-c", APPENDER, here, shared.folder, str(first), "6"],
                                  env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE, text=True)
                 for first in (1000, 2000)]
    uri = f"{shared.database}?name=shared&warehouse={shared.warehouse}"
    script = "set -e; for i in 0 1 2 3 4 5 6 7 8 9; do \"$0\" -C \"$1\" ingest db.t $2-$i.parquet; done"
    for first in (3000, 4000):
        for i in range(10):
            pq.write_table(rows(first + 10 * i, 10), shared.folder / f"w{first}-{i}.parquet")
        processes.append(subprocess.Popen(["bash", "-c", script, BINARY, uri, shared.folder / f"w{first}"],
                                          stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True))
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    expected = [row for first, commits in ((1000, 6), (2000, 6), (3000, 10), (4000, 10))
                for row in as_lists(rows(first, 10 * commits))]
    table = shared.theirs().load_table("db.t")
    assert as_lists(table.scan().to_arrow()) == expected
    assert as_lists(shared.scan("db.t")) == expected
    assert len(table.snapshots()) == 32 and "is sound" in shared.tarn("verify", "db.t").stdout


def test_a_hadoop_table_moves_into_the_catalog(shared):
    lake = shared.folder / "hadoop"
    pq.write_table(rows(0, 10), shared.folder / "h.parquet")
    for _ in range(2):
        subprocess.run([BINARY, "-C", lake, "ingest", "db.t", shared.folder / "h.parquet"], check=True,
                       capture_output=True)
    shared.tarn("register", "db.t", lake / "db" / "t" / "metadata" / "v3.metadata.json")
    table = shared.theirs().load_table("db.t")
    table.append(rows(10, 5).cast(table.schema().as_arrow()))
    assert len(shared.scan("db.t")) == 25
    for arguments in (("rename", "db.t", "db.u"), ("register", "db.u", "x.json"), ("unregister", "db.t"),
                      ("namespace", "create", "n", "--property", "a=b")):
        done = subprocess.run([BINARY, "-C", lake, *arguments], capture_output=True, text=True)
        assert done.returncode == 1 and "Hadoop catalog cannot" in done.stderr
    subprocess.run([BINARY, "-C", lake, "namespace", "create", "n"], check=True, capture_output=True)
    listed = subprocess.run([BINARY, "-C", f"file://{lake}", "namespace", "list"], capture_output=True, text=True)
    assert listed.stdout == "db\nn\n"
