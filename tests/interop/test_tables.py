# SPDX-License-Identifier: Apache-2.0
"""Whole tables with vectors: other engines and tarn agree on counts and values; searches find what they must."""
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SAMPLE = "data/wordnet-sample/wordnet-sample.parquet"


@pytest.fixture(scope="module")
def wordnet(tmp_path_factory):
    from conftest import Lake, ROOT
    lake = Lake(tmp_path_factory.mktemp("wordnet") / "lake")
    lake.run("ingest", "db.words", ROOT / SAMPLE, "--vector", "embedding", "--batch-rows", 3000)
    return lake, pq.read_table(ROOT / SAMPLE)


def by_id(table):
    return table.sort_by("id").select(["id", "lemmas", "pos", "lexname", "definition", "embedding"])


def same_rows(a, b):
    a, b = by_id(a), by_id(b)
    for name in a.column_names:
        if name == "embedding":
            left = np.array(a[name].combine_chunks().flatten())
            right = np.array(b[name].combine_chunks().flatten())
            assert np.array_equal(left, right)
        else:
            assert a[name].to_pylist() == b[name].to_pylist()


def test_pyiceberg_reads_every_row_and_float(wordnet):
    lake, source = wordnet
    same_rows(lake.iceberg("db.words"), source)


def test_duckdb_reads_every_row_and_float(wordnet):
    lake, source = wordnet
    same_rows(lake.duckdb("db.words"), source)


def test_search_finds_the_neighbours_that_a_full_comparison_finds(wordnet, tmp_path):
    lake, source = wordnet
    vectors = np.array(source["embedding"].combine_chunks().flatten()).reshape(-1, 384)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[::401]
    np.save(tmp_path / "q.npy", queries)
    lake.run("search", "db.words", "--queries", tmp_path / "q.npy", "--k", 10, "--ef", 200, "--columns", "id",
             "--out", tmp_path / "hits.parquet")
    hits = pq.read_table(tmp_path / "hits.parquet")
    ids = source["id"].to_pylist()
    found = 0
    for q, query in enumerate(unit[::401]):
        scores = 1 - unit @ query
        bound = np.sort(scores)[9] + 1e-6
        rows = hits.filter(pa.compute.equal(hits["_query"], q)).to_pylist()
        assert len(rows) == 10
        assert [row["_distance"] for row in rows] == sorted(row["_distance"] for row in rows)
        for row in rows:
            score = scores[ids.index(row["id"])]
            assert abs(score - row["_distance"]) < 1e-5
            found += score <= bound
    assert found / (10 * len(queries)) >= 0.97


def test_the_row_itself_is_its_nearest_neighbour(wordnet):
    lake, source = wordnet
    wanted = source["id"][4321].as_py()
    done = lake.run("search", "db.words", "--like-id", wanted, "--k", 3, "--json")
    first = json.loads(done.stdout.splitlines()[0])
    assert first["id"] == wanted and abs(first["_distance"]) < 1e-6
    assert "embedding" not in first and first["definition"] == source["definition"][4321].as_py()


def test_exact_search_agrees_with_numpy(wordnet, tmp_path):
    lake, source = wordnet
    vectors = np.array(source["embedding"].combine_chunks().flatten()).reshape(-1, 384).astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    done = lake.run("search", "db.words", "--like-id", source["id"][17].as_py(), "--k", 25, "--exact", "--json",
                    "--columns", "id")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    expected = np.sort(1 - unit @ unit[17])[:25]
    assert np.allclose([row["_distance"] for row in rows], expected, atol=2e-6)


def test_verify_finds_nothing_wrong(wordnet):
    lake, _ = wordnet
    assert "is sound" in lake.run("verify", "db.words").stdout


def test_info_tells_schema_snapshots_files_and_indexes(wordnet):
    lake, _ = wordnet
    text = lake.run("info", "db.words").stdout
    assert "8,000" in text and "dim 384, cosine, f32" in text and "files (3)" in text
    assert "3 of 3 files indexed" in text and "current" in text


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot_product", "normalized_cosine"])
@pytest.mark.parametrize("precision", ["f32", "f16", "i8"])
def test_every_metric_and_precision_agrees_with_numpy(lake, tmp_path, metric, precision):
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(1500, 24)).astype(np.float32)
    if metric == "normalized_cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = pa.table({"id": range(1500), "v": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 24)})
    pq.write_table(table, tmp_path / "in.parquet")
    lake.run("ingest", "db.m", tmp_path / "in.parquet", "--vector", "v", "--metric", metric, "--precision", precision)
    stored = vectors.astype(np.float16).astype(np.float32) if precision == "f16" else vectors
    if precision == "i8":
        step = np.float32(2.0 ** np.ceil(np.log2(np.abs(vectors).max() / 127)))
        stored = np.round(vectors / step) * step
    assert np.array_equal(np.array(lake.iceberg("db.m")["v"].combine_chunks().flatten()), stored.ravel())
    query = rng.normal(size=24).astype(np.float32)
    done = lake.run("search", "db.m", "--vector", json.dumps(query.tolist()), "--k", 10, "--ef", 300, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    s, q = stored.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean":
        distances = np.linalg.norm(s - q, axis=1)
    elif metric == "dot_product":
        distances = -(s @ q)
    elif metric == "normalized_cosine":
        distances = 1 - s @ q / np.linalg.norm(q)
    else:
        distances = 1 - s @ q / np.linalg.norm(s, axis=1) / np.linalg.norm(q)
    expected = np.sort(distances)[:10]
    tolerance = 2e-5
    assert np.allclose([row["_distance"] for row in rows], expected, atol=tolerance)


def test_without_raw_vectors_results_are_marked_approximate_and_close(lake, tmp_path):
    rng = np.random.default_rng(9)
    vectors = rng.normal(size=(1000, 256)).astype(np.float32)
    table = pa.table({"id": range(1000), "v": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 256)})
    pq.write_table(table, tmp_path / "in.parquet")
    lake.run("ingest", "db.raw", tmp_path / "in.parquet", "--vector", "v", "--precision", "f16")
    lake.run("ingest", "db.small", tmp_path / "in.parquet", "--vector", "v", "--precision", "f16", "--no-raw")
    assert lake.files("db.small")[0].stat().st_size < lake.files("db.raw")[0].stat().st_size
    assert "no raw vectors" in lake.run("info", "db.small").stdout
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    right = 0
    for row in range(0, 1000, 50):
        out = tmp_path / f"{row}.parquet"
        lake.run("search", "db.small", "--like-id", row, "--k", 10, "--ef", 400, "--columns", "id", "--out", out)
        hits = pq.read_table(out)
        assert hits.schema.metadata[b"tarn.distances"] == b"approximate"
        distances = 1 - unit @ unit[row]
        right += len(set(hits["id"].to_pylist()) & set(np.argsort(distances)[:10].tolist()))
        assert np.allclose(hits["_distance"], distances[hits["id"].to_numpy()], atol=0.02)
        exact = lake.run("search", "db.small", "--like-id", row, "--k", 10, "--exact", "--columns", "id", "--json")
        ids = [json.loads(line)["id"] for line in exact.stdout.splitlines()]
        assert ids[0] == row and len(set(ids) & set(np.argsort(distances)[:10].tolist())) >= 9
    assert right >= 0.95 * 200


def test_an_i8_file_that_another_engine_rewrote_is_read_as_its_own(lake, tmp_path):
    rng = np.random.default_rng(13)
    vectors = rng.normal(size=(700, 16)).astype(np.float32)
    table = pa.table({"id": range(700), "v": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 16)})
    pq.write_table(table, tmp_path / "in.parquet")
    lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v", "--precision", "i8", "--metric", "euclidean")
    file = lake.files("db.t")[0]
    ours = pq.ParquetFile(file)
    rewritten = ours.read().replace_schema_metadata(ours.metadata.metadata)
    before = lake.iceberg("db.t")
    size = file.stat().st_size
    pq.write_table(rewritten, file)
    keys = pq.ParquetFile(file).metadata.metadata
    assert keys[b"ailake.precision"] == b"i8" and b"tarn.sections_end" in keys and file.stat().st_size != size
    assert lake.iceberg("db.t").equals(before)
    assert "files indexed" not in lake.run("info", "db.t").stdout
    stored = np.array(before["v"].combine_chunks().flatten()).reshape(-1, 16)
    query = rng.normal(size=16).astype(np.float32)
    done = lake.run("search", "db.t", "--vector", json.dumps(query.tolist()), "--k", 10, "--json", "--columns", "id")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    distances = np.linalg.norm(stored.astype(np.float64) - query, axis=1)
    assert [row["id"] for row in rows] == np.argsort(distances, kind="stable")[:10].tolist()
    assert np.allclose([row["_distance"] for row in rows], np.sort(distances)[:10], atol=2e-5)
