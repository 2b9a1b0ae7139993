# SPDX-License-Identifier: Apache-2.0
"""Rows whose every value follows from their id, in Python and in SQL: what a table must hold is known without reading it."""
import pyarrow as pa

DIM = 16
SCHEMA = pa.schema([
    pa.field("id", pa.int64(), nullable=False),
    pa.field("kind", pa.string()),
    pa.field("embedding", pa.list_(pa.field("element", pa.float32(), nullable=False))),
])
# The same columns, for a table that Spark makes.
COLUMNS = "id BIGINT NOT NULL, kind STRING, embedding ARRAY<FLOAT>"
MERGE_ON_READ = ", ".join(f"'write.{what}.mode' = 'merge-on-read'" for what in ("delete", "update", "merge"))


def vector(row: int, salt: int = 0):
    """Whole numbers, so that Spark computes exactly the same; without order, so that a graph has work to do."""
    return [float((row * row * 7 + row * i * i * 13 + i * 7919 + salt) % 10007 - 5003) for i in range(DIM)]


def vector_sql(row="id", salt=0):
    return (f"transform(sequence(0, {DIM - 1}), i -> cast(({row} * {row} * 7 + {row} * i * i * 13 + i * 7919 + {salt}) "
            "% 10007 - 5003 as float))")


def row(number, **others):
    return {"id": number, "kind": f"k{number % 5}", "embedding": vector(number), **others}


def rows(first, count):
    """What rows() of the table must read."""
    return [row(number) for number in range(first, first + count)]


def table(first, count):
    """The same to give to tarn."""
    return pa.Table.from_pylist(rows(first, count), schema=SCHEMA)


def select_sql(first, count):
    """The same for Spark to insert, in one file."""
    return (f"SELECT /*+ COALESCE(1) */ id, concat('k', id % 5) kind, {vector_sql()} embedding "
            f"FROM range({first}, {first + count}, 1, 1)")
