# SPDX-License-Identifier: Apache-2.0
"""What the cross-engine tests share: the tarn program, and the two engines that read its tables."""
import os
import subprocess
from pathlib import Path

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import pytest
from pyiceberg.table import StaticTable

# Spark's suite is long and needs Java: only `./dev test --interop` runs it.
collect_ignore = [] if "TARN_JARS" in os.environ else ["spark"]

ROOT = Path(__file__).resolve().parents[1]
BINARY = Path(os.environ.get("TARN_BINARY", ROOT / "build" / "release" / "src" / "cli" / "tarn"))


class Lake:
    """A catalog folder and the tarn program over it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(self, *args, code=0, **options):
        """Runs `tarn -C <folder> ...`; returns the finished process. `code` is the exit code it must have."""
        done = subprocess.run([BINARY, "-C", self.folder, "--no-sync", *map(str, args)], capture_output=True,
                              text=True, timeout=300, **options)
        assert done.returncode == code, f"tarn {args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def table_folder(self, table: str) -> Path:
        return self.folder.joinpath(*table.split("."))

    def metadata(self, table: str) -> Path:
        folder = self.table_folder(table) / "metadata"
        return folder / f"v{(folder / 'version-hint.text').read_text()}.metadata.json"

    def files(self, table: str):
        return sorted((self.table_folder(table) / "data").glob("*.parquet"))

    def iceberg(self, table: str):
        """The rows as PyIceberg reads them."""
        return StaticTable.from_metadata(str(self.metadata(table))).scan().to_arrow()

    def duckdb(self, table: str, sql="SELECT * FROM {}"):
        """A query over the table as DuckDB's iceberg extension reads it; {} stands for the table."""
        return duckdb_connection().execute(sql.format(f"iceberg_scan('{self.metadata(table)}')")).to_arrow_table()


def duckdb_connection():
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false",
                                        "autoload_known_extensions": "false"})
    for module, name in ((duckdb_extension_avro, "avro"), (duckdb_extension_iceberg, "iceberg")):
        path = next(Path(module.__path__[0]).rglob(f"{name}.duckdb_extension"))
        connection.load_extension(str(path))
    return connection


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")
