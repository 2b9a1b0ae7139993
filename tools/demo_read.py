# SPDX-License-Identifier: Apache-2.0
"""Reads one Tarn table with PyIceberg and with DuckDB and compares rows and values with the source."""
import sys
from pathlib import Path

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.table import StaticTable

lake, namespace, name = sys.argv[1:4]
folder = Path(lake) / namespace / name
metadata = folder / "metadata" / f"v{(folder / 'metadata' / 'version-hint.text').read_text()}.metadata.json"
source = pq.read_table("data/wordnet-sample/wordnet-sample.parquet")
key = source.column_names[0]
wanted = source.slice(1234, 1).to_pylist()[0]

iceberg = StaticTable.from_metadata(str(metadata)).scan().to_arrow()
row = iceberg.filter(pc.equal(iceberg[key], wanted[key])).to_pylist()
print(f"  PyIceberg: {iceberg.num_rows} rows; {key} = {wanted[key]}: {row[0]['definition']!r}")
assert iceberg.num_rows == source.num_rows
assert row == [{column: row[0][column] for column in iceberg.column_names}] and row[0]["embedding"] == wanted["embedding"]


def extension(module, name):
    return next(Path(module.__file__).parent.rglob(f"{name}.duckdb_extension"))


connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
connection.load_extension(str(extension(duckdb_extension_avro, "avro")))
connection.load_extension(str(extension(duckdb_extension_iceberg, "iceberg")))
count = connection.execute("SELECT count(*) FROM iceberg_scan(?)", [str(metadata)]).fetchone()[0]
definition, embedding = connection.execute(
    f'SELECT definition, embedding FROM iceberg_scan(?) WHERE "{key}" = ?', [str(metadata), wanted[key]]).fetchone()
print(f"  DuckDB:    {count} rows; {key} = {wanted[key]}: {definition!r}")
assert count == source.num_rows
assert definition == wanted["definition"] and list(embedding) == wanted["embedding"]
print("  Both agree with the source: row count, text and all 384 floats of that row.")
