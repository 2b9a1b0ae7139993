# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of the fuzz targets (tests/fuzz/<target>/seed-*) anew: small valid inputs of each format.

    TARN_BINARY=build/release/src/cli/tarn .deps/venv/bin/python tools/fuzz_seeds.py

Inputs that once went wrong lie beside the seeds under names of their own, and stay.
"""
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import uuid
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
BINARY = Path(os.environ.get("TARN_BINARY", ROOT / "build" / "release" / "src" / "cli" / "tarn")).resolve()
SEEDS = ROOT / "tests" / "fuzz"
GOLDEN = ROOT / "tests" / "golden"

# name: rows, dimension, options of `tarn ingest`
FILES = {
    "graph": (6, 3, ["--metric", "euclidean"]),
    "cosine-f16": (6, 3, ["--precision", "f16"]),
    "no-raw": (6, 3, ["--precision", "f16", "--no-raw", "--metric", "dot_product"]),
    "flat": (5, 4, ["--metric", "normalized_cosine", "--index", "flat"]),
    "no-index": (5, 2, ["--index", "none"]),
    "cosine-i8": (6, 3, ["--precision", "i8"]),
    "lists": (6, 3, ["--index", "ivf_pq", "--ivf-nlist", "2"]),
    "lists-i8": (6, 3, ["--index", "ivf_pq", "--ivf-bits", "8", "--ivf-m", "1", "--precision", "i8", "--metric", "euclidean"]),
}
NAME_MAPPING = """[{"field-id": 1, "names": ["id", "key"]}, {"names": ["old"]}, {"field-id": 2, "names": ["s"], "fields":
[{"field-id": 3, "names": ["l"], "fields": [{"field-id": 4, "names": ["element"]}]}]}]"""
PREDICATES = {
    "numbers": "i = 1 OR l <> 9223372036854775808 AND f < 16777217 OR d >= -1.5e3 OR m IN (0.01, 2, NULL)",
    "texts": "s LIKE 'a\\%b_%' OR s NOT LIKE '!%%' ESCAPE '!' OR s = 'it''s' OR n.s > \"s\" OR b = X'00ff' OR k < x'0102'",
    "times": "y = DATE '2024-01-31' AND t < TIMESTAMP '2024-01-31T10:00:00.5+02:00' OR o = TIME '10:00' OR y < '1970-01-01'",
    "logic": "NOT (g AND i BETWEEN 1 AND 2) OR ((g) = true) IS NOT NULL OR v IS NULL OR n IS NULL OR NULL",
    "sets": "u NOT IN ('01234567-89ab-cdef-0123-456789abcdef') AND s IN ('', 'a', null) AND 1 IN (i, l) AND i < d",
}
# Large enough that a search walks the graph.
WALKED = (530, 2, ["--metric", "euclidean", "--hnsw-m", "4"])


def save(target, name, data):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data)


def data_file(folder, name, rows, dim, options):
    """The bytes of the data file that `tarn ingest` makes of a few rows."""
    random.seed(name)
    vectors = [[random.uniform(-1, 1) for _ in range(dim)] for _ in range(rows)]
    vectors = [[x / sum(y * y for y in v) ** 0.5 for x in v] for v in vectors]
    vectors[2] = vectors[1]
    vectors[4] = None
    columns = {"id": pa.array(range(rows)), "v": pa.array(vectors, pa.list_(pa.float32()))}
    if rows < 100:
        columns["name"] = pa.array([None if i == 3 else f"n{i}" for i in range(rows)])
        columns["tags"] = pa.array([["a"] * (i % 3) for i in range(rows)])
    pq.write_table(pa.table(columns), folder / "in.parquet")
    subprocess.run([BINARY, "-C", folder / name, "--no-sync", "ingest", "db.t", folder / "in.parquet", "--vector", "v",
                    *options], check=True, capture_output=True)
    return next((folder / name).rglob("data/*.parquet")).read_bytes()


def footer(data):
    return data[-8 - struct.unpack_from("<I", data, len(data) - 8)[0]:]


def sections(data):
    """(magic, bytes) of each section, found by its header."""
    for magic in (b"AILK", b"AILP"):
        at = data.find(magic + b"\x02\x00")
        if at >= 0 and at % 64 == 0:
            yield magic, data[at:at + struct.unpack_from("<Q", data, at + 72)[0]]


def chunks(section):
    for i in range(struct.unpack_from("<I", section, 64)[0]):
        kind, _, offset, length = struct.unpack_from("<IIQQ", section, 80 + 32 * i)
        yield kind, section[offset:offset + length]


def index_input(section, rows):
    out = struct.pack("<I", rows)
    for kind, data in chunks(section):
        if 0x100 <= kind < 0x200:
            out += struct.pack("<II", kind, len(data)) + data
    return out


def deletion_vector_of_runs():
    """Rows 10 to 14, and 100 to 65,635 over two containers."""
    runs = [(0, [(10, 4), (100, 65435)]), (1, [(0, 99)])]
    vector = struct.pack("<IQIIB", 0x6439d3d1, 1, 0, 12347 | (len(runs) - 1) << 16, 3)
    for key, pairs in runs:
        vector += struct.pack("<HH", key, sum(more + 1 for _, more in pairs) - 1)
    for _, pairs in runs:
        vector += struct.pack("<H", len(pairs)) + b"".join(struct.pack("<HH", *pair) for pair in pairs)
    return struct.pack(">I", len(vector)) + vector + struct.pack(">I", zlib.crc32(vector))


def crc32c(data, crc=0):
    crc ^= 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def wal_segment(records, size, first=1, epoch=1):
    """A segment of a log after docs/formats/wal.md; a record is (durable, schema id, kind, batch id, payload)."""
    ids = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8").bytes + uuid.UUID("0191e8c2-1f1e-7c3a-9d4b-5a6b7c8d9e0f").bytes
    header = b"TARNWAL1" + struct.pack("<II", 1, 0) + ids + struct.pack("<QQQQ", epoch, first, first - 1, 0)
    crc = crc32c(header)
    header += struct.pack("<I", crc)
    out = header.ljust(2048, b"\0") + header.ljust(2048, b"\0")
    for sequence, (durable, schema, kind, batch, payload) in enumerate(records, first):
        rest = struct.pack("<QQIIiHBB", sequence, durable, len(payload), crc32c(batch + payload), schema, len(batch), kind, 0)
        record = b"TLRC" + struct.pack("<I", crc32c(rest, crc)) + rest + batch + payload
        out += record + bytes(-len(record) % 8)
    return out.ljust(size, b"\0")


def main():
    for old in SEEDS.glob("*/seed-*"):
        # Made by the library itself: with products, without rows.
        if not old.name.startswith("seed-ivf-"):
            old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        for name, (rows, dim, options) in {**FILES, "walked": WALKED}.items():
            data = data_file(Path(folder), name, rows, dim, options)
            if name != "walked":
                save("data_file_fuzz", name, data)
                save("parquet_footer_fuzz", name, footer(data)[:-8])
            for magic, section in sections(data):
                if name != "walked":
                    # The section stands at the start of the fuzzer's bytes, and its trailer says so.
                    save("section_fuzz", f"{name}-{magic.decode()}", section[:-24] + bytes(8) + section[-16:])
                if magic == b"AILK":
                    save("index_fuzz", name, index_input(section, rows))
        save("parquet_footer_fuzz", "tail", footer(data))
    for origin in ("pyiceberg_v2", "spark_v2", "spark_v3"):
        files = sorted((GOLDEN / origin).iterdir())
        documents = [path for path in files if path.suffix == ".json"]
        manifests = [path for path in files if path.suffix == ".avro" and not path.name.startswith("snap-")]
        lists = [path for path in files if path.name.startswith("snap-")]
        for target, kind, paths in (("metadata_json_fuzz", "table", documents), ("avro_fuzz", "manifest", manifests),
                                    ("avro_fuzz", "list", lists)):
            (SEEDS / target).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(paths[-1], SEEDS / target / f"seed-{origin}-{kind}")
    for i, path in enumerate(sorted((GOLDEN / "spark_v3" / "data").glob("*.puffin"))):
        data = path.read_bytes()
        save("puffin_fuzz", f"spark_v3-{i}", data)
        length = struct.unpack_from("<I", data, len(data) - 12)[0]
        for j, blob in enumerate(json.loads(data[-12 - length:-12])["blobs"]):
            save("deletion_vector_fuzz", f"spark_v3-{i}-{j}", data[blob["offset"]:blob["offset"] + blob["length"]])
    save("deletion_vector_fuzz", "runs", deletion_vector_of_runs())
    save("name_mapping_fuzz", "nested", NAME_MAPPING.encode())
    records = [(0, 0, 1, b"", b"first"), (1, 3, 1, b"batch 2", bytes(range(40))), (2, 3, 2, b"b3", b"")]
    # The first byte tells the target whether to make the checksums right.
    save("wal_fuzz", "records", b"\0" + wal_segment(records, 4096 + 400))
    save("wal_fuzz", "unchanged", b"\1" + wal_segment(records, 4096 + 400))
    for name, text in PREDICATES.items():
        save("predicate_fuzz", name, text.encode())


if __name__ == "__main__":
    main()
