# SPDX-License-Identifier: Apache-2.0
"""One lake and all the engines over it: what each of them reads, and that they read the same."""
import datetime as dt
import sqlite3
import subprocess
import uuid
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

from conftest import BINARY, duckdb_connection
from spark.data import DIM


def plain(value):
    """One spelling for the same value whatever engine it comes from."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.timezone.utc).replace(tzinfo=None)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def in_order(rows):
    """Rows by id, then by everything else, for tables that hold an id twice."""
    return sorted((plain(row) for row in rows), key=lambda row: (row["id"] is None, row["id"] or 0, repr(row)))


class Lake:
    """A catalog and the engines over it. Statements name a table as {}."""

    def __init__(self, folder: Path, spark, name: str, uri: str):
        self.folder, self.spark, self.name, self.uri = folder, spark, name, uri

    def tarn(self, *args, code=0):
        done = subprocess.run([BINARY, "-C", self.uri, "--no-sync", *map(str, args)], capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == code, f"tarn {args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def new_file(self, ending):
        return self.folder / f"{uuid.uuid4()}.{ending}"

    def ingest(self, table, data, *options):
        path = self.new_file("parquet")
        pq.write_table(data, path)
        return self.tarn("ingest", table, path, *options)

    def sql(self, statement, table="db.t"):
        """What Spark says to a statement."""
        return self.spark.rows(statement.format(f"{self.name}.{table}"))

    def call(self, procedure, table="db.t", **arguments):
        """CALL catalog.system.procedure(table => ..., argument => ...); arguments are SQL."""
        given = "".join(f", {key} => {value}" for key, value in arguments.items())
        return self.spark.rows(f"CALL {self.name}.system.{procedure}(table => '{table}'{given})")[0]

    def table_folder(self, table="db.t") -> Path:
        return self.folder.joinpath("lake", *table.split("."))

    def metadata(self, table="db.t") -> str:
        raise NotImplementedError

    def pyiceberg(self, table="db.t"):
        return StaticTable.from_metadata(self.metadata(table))

    def scan(self, table="db.t", *options):
        """The rows that tarn reads."""
        out = self.new_file("parquet")
        self.tarn("scan", table, "--out", out, *options)
        return in_order(pq.read_table(out).to_pylist())

    def readings(self, table="db.t"):
        """Engine -> the rows that it reads."""
        duckdb = duckdb_connection().execute(f"SELECT * FROM iceberg_scan('{self.metadata(table)}')")
        return {"tarn": self.scan(table),
                "Spark": in_order(self.sql("SELECT * FROM {}", table)),
                "PyIceberg": in_order(self.pyiceberg(table).scan().to_arrow().to_pylist()),
                "DuckDB": in_order(duckdb.to_arrow_table().to_pylist())}

    def agree(self, table="db.t", without=()):
        """The rows, which all engines must read alike; `without` those that are known not to."""
        readings = self.readings(table)
        rows = readings.pop("tarn")
        for engine in without:
            del readings[engine]
        for engine, seen in readings.items():
            assert len(seen) == len(rows), f"{engine} reads {len(seen)} rows, tarn {len(rows)}"
            for theirs, ours in zip(seen, rows):
                wrong = {name: (theirs.get(name, "absent"), value) for name, value in ours.items()
                         if name not in theirs or theirs[name] != value}
                assert not wrong and list(theirs) == list(ours), f"row {ours['id']}, {engine} and tarn: {wrong}"
        return rows

    def is_sound(self, table="db.t"):
        assert "is sound" in self.tarn("verify", table)

    def check_search(self, rows, table="db.t", column="embedding", recall=0.9):
        """Searches find what a full comparison of `rows` finds, and nothing else."""
        live = {row["id"]: row[column] for row in rows if row[column] is not None and len(row[column]) == DIM}
        ids, stored = list(live), np.array(list(live.values()), np.float64)
        queries = stored[:: max(1, len(ids) // 20)] + 0.25
        np.save(self.folder / "queries.npy", queries.astype(np.float32))
        for options, floor in ((["--exact"], 1.0), (["--ef", 200, "--nprobe", 32], recall)):
            out = self.new_file("parquet")
            self.tarn("search", table, "--queries", self.folder / "queries.npy", "--k", 10, "--columns", "id",
                      "--column", column, "--out", out, *options)
            hits, found, wanted = pq.read_table(out).to_pylist(), 0, 0
            for number, query in enumerate(queries):
                mine = [hit for hit in hits if hit["_query"] == number]
                distances = np.linalg.norm(stored - query, axis=1)
                bound = np.sort(distances)[:10][-1]
                wanted += min(10, len(ids))
                assert len({hit["id"] for hit in mine}) == len(mine) == min(10, len(ids))
                for hit in mine:
                    assert hit["id"] in live, f"row {hit['id']} is no neighbour any more"
                    distance = distances[ids.index(hit["id"])]
                    assert abs(distance - hit["_distance"]) <= 1e-4 * distance + 1e-4
                    found += distance <= bound * (1 + 1e-5)
            assert found >= floor * wanted, f"recall {found / wanted} with {options}"


class FolderLake(Lake):
    """A Hadoop catalog: tarn's folder is Spark's warehouse."""

    def __init__(self, folder, spark, name):
        super().__init__(folder, spark, name, str(folder / "lake"))
        (folder / "lake").mkdir()
        spark.add_catalog(name, type="hadoop", warehouse=f"file://{folder}/lake")

    def metadata(self, table="db.t"):
        folder = self.table_folder(table) / "metadata"
        version = (folder / "version-hint.text").read_text()
        return str(next(folder.glob(f"v{version}.*metadata.json")))


class DatabaseLake(Lake):
    """A SQLite database: JdbcCatalog to Spark, SqlCatalog to PyIceberg and tarn."""

    def __init__(self, folder, spark, name):
        self.database, self.warehouse = folder / "catalog.db", f"file://{folder}/lake"
        super().__init__(folder, spark, name, f"sqlite:///{self.database}?name={name}&warehouse={self.warehouse}")
        spark.add_catalog(name, type="jdbc", uri=f"jdbc:sqlite:file:{self.database}", warehouse=self.warehouse,
                          **{"jdbc.schema-version": "V1"})

    def catalog(self):
        return SqlCatalog(self.name, uri=f"sqlite:///{self.database}", warehouse=self.warehouse)

    def metadata(self, table="db.t"):
        with sqlite3.connect(self.database) as connection:
            return connection.execute("SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ? AND "
                                      "table_namespace = ? AND table_name = ?",
                                      (self.name, *table.rsplit(".", 1))).fetchone()[0]
