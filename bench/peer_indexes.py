# SPDX-License-Identifier: Apache-2.0
"""The vector indexes that tarn is measured beside, each behind the same four methods.

A peer is used in a process of its own (peer_process.py), so that one that is not installed, or was compiled for another
processor, takes nothing with it. Builds use `threads` threads, searches one.
"""
import os
import shutil
from pathlib import Path

import numpy as np

EFS = [10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024]
NPROBES = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def size_of(path):
    path = Path(path)
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size


class Peer:
    """`folder` is an empty folder of the peer's own; what it writes there counts as its size on disk."""

    label = ""         # as charts and tables call it
    package = ""       # on PyPI
    metrics = ("cosine", "euclidean", "dot_product")
    one_core = False   # keeps threads of its own: searches are held on one processor instead
    queries = None     # at most so many, where one query takes long
    raw_inside = True  # whether the folder holds the raw vectors too

    def __init__(self, metric, dim, rows, folder):
        self.metric, self.dim, self.rows, self.folder = metric, dim, rows, Path(folder)
        self.path = self.folder / "index"

    def prepare(self, vectors):
        """For peers that know no cosine: unit vectors have the same neighbours."""
        return unit(vectors) if self.metric == "cosine" else vectors

    def build(self, base, threads):
        """Builds and leaves the index in the folder, ready to search."""
        raise NotImplementedError

    def load(self):
        raise NotImplementedError

    def settings(self):
        """What a sweep tries, the fastest first: values that JSON can hold."""
        return EFS

    def search(self, queries, k, setting):
        """Row numbers, len(queries) x k, of queries that went through prepare()."""
        raise NotImplementedError

    def filter(self, live):
        """From now on only rows r with live[r]. False where the peer cannot."""
        return False

    def bytes_on_disk(self):
        return size_of(self.folder)


class Hnswlib(Peer):
    label, package = "hnswlib M16 efC200", "hnswlib"

    def _new(self):
        import hnswlib
        space = {"cosine": "cosine", "euclidean": "l2", "dot_product": "ip"}[self.metric]
        return hnswlib.Index(space=space, dim=self.dim)

    def prepare(self, vectors):
        return vectors

    def build(self, base, threads):
        self.index, self.accept = self._new(), None
        self.index.init_index(max_elements=len(base), M=16, ef_construction=200)
        self.index.add_items(base, num_threads=threads)
        self.index.save_index(str(self.path))

    def load(self):
        self.index, self.accept = self._new(), None
        self.index.load_index(str(self.path))

    def search(self, queries, k, setting):
        self.index.set_ef(setting)
        return self.index.knn_query(queries, k=k, num_threads=1, filter=self.accept)[0]

    def filter(self, live):
        flags = live.tolist()
        self.accept, self.queries = lambda row: flags[row], 100
        return True


class Faiss(Peer):
    package = "faiss-cpu"
    selector = None

    def _describe(self):
        raise NotImplementedError

    def build(self, base, threads):
        import faiss
        faiss.omp_set_num_threads(threads)
        kind = faiss.METRIC_L2 if self.metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.index_factory(self.dim, self._describe(), kind)
        self.index.verbose = False
        self._tune()
        self.index.train(base)
        self.index.add(base)
        faiss.write_index(self.index, str(self.path))
        faiss.omp_set_num_threads(1)

    def _tune(self):
        pass

    def load(self):
        import faiss
        self.index = faiss.read_index(str(self.path))
        faiss.omp_set_num_threads(1)

    def filter(self, live):
        import faiss
        self.bits = np.packbits(live, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(self.bits)
        return True


class FaissHnsw(Faiss):
    label = "faiss HNSW16,Flat efC200"

    def _describe(self):
        return "HNSW16,Flat"

    def _tune(self):
        self.index.hnsw.efConstruction = 200

    def search(self, queries, k, setting):
        import faiss
        return self.index.search(queries, k, params=faiss.SearchParametersHNSW(efSearch=setting, sel=self.selector))[1]


class FaissIvf(Faiss):
    label = "faiss IVF,PQx4fs + f16"

    def _describe(self):
        lists = max(1, int(4 * self.rows ** 0.5))
        return f"IVF{lists},PQ{(self.dim + 1) // 2}x4fs,Refine(SQfp16)"

    def settings(self):
        return [[nprobe, factor] for nprobe in NPROBES for factor in (4, 16)]

    def search(self, queries, k, setting):
        import faiss
        inner = faiss.SearchParametersIVF(nprobe=setting[0], sel=self.selector)
        return self.index.search(queries, k, params=faiss.IndexRefineSearchParameters(
            k_factor=setting[1], base_index_params=inner))[1]

    def filter(self, live):
        return False  # FastScan takes no selector


class Svs(Peer):
    label, package = "SVS Vamana R32 LVQ4x8", "scalable-vs"
    raw_inside = False

    def _distance(self):
        import svs
        return svs.DistanceType.L2 if self.metric == "euclidean" else svs.DistanceType.MIP

    def build(self, base, threads):
        import svs
        vectors = self.folder / "vectors.fvecs"
        svs.write_vecs(base, str(vectors))
        loader = svs.LVQLoader(svs.VectorDataLoader(str(vectors), svs.DataType.float32), primary=4, residual=8)
        alpha = 1.2 if self.metric == "euclidean" else 0.95
        parameters = svs.VamanaBuildParameters(alpha=alpha, graph_max_degree=32, window_size=128)
        self.index = svs.Vamana.build(parameters, loader, self._distance(), num_threads=threads)
        self.index.save(*(str(self.folder / part) for part in ("config", "graph", "data")))
        vectors.unlink()
        self.index.num_threads = 1

    def load(self):
        import svs
        self.index = svs.Vamana(str(self.folder / "config"), svs.GraphLoader(str(self.folder / "graph")),
                                svs.LVQLoader(str(self.folder / "data")), self._distance(), num_threads=1)

    def search(self, queries, k, setting):
        self.index.search_window_size = setting
        return self.index.search(queries, k)[0]


class SymphonyQg(Peer):
    label, package = "SymphonyQG R32 efC200", "rabitqlib"

    def _metric(self):
        return "ip" if self.metric == "dot_product" else "l2"

    def build(self, base, threads):
        import rabitqlib
        self.index = rabitqlib.SymqgIndex(self.dim, 32, metric=self._metric())
        self.index.build(base, 200, num_threads=threads)
        self.index.save(str(self.path))

    def load(self):
        import rabitqlib
        self.index = rabitqlib.SymqgIndex.load(str(self.path))

    def search(self, queries, k, setting):
        return self.index.search(queries, k, setting, num_threads=1)[0]


class RabitqIvf(Peer):
    label, package = "RaBitQ IVF 7 bits", "rabitqlib"
    raw_inside = False

    def build(self, base, threads):
        import rabitqlib
        lists = max(1, int(4 * self.rows ** 0.5))
        clusters = rabitqlib.RaBitQKMeans(self.dim, lists)
        clusters.train(base)
        self.index = rabitqlib.IvfIndex(self.dim, len(base), lists, 7,
                                        metric="ip" if self.metric == "dot_product" else "l2")
        self.index.build(base, clusters.centroids, clusters.assignments, num_threads=threads)
        self.index.save(str(self.path))

    def load(self):
        import rabitqlib
        self.index = rabitqlib.IvfIndex.load(str(self.path))

    def settings(self):
        return NPROBES

    def search(self, queries, k, setting):
        return self.index.search(queries, k, setting, num_threads=1)[0]


class Usearch(Peer):
    label, package = "usearch bf16 M16 efC200", "usearch"
    raw_inside = False

    def prepare(self, vectors):
        return vectors

    def _new(self):
        from usearch.index import Index
        metric = {"cosine": "cos", "euclidean": "l2sq", "dot_product": "ip"}[self.metric]
        return Index(ndim=self.dim, metric=metric, dtype="bf16", connectivity=16, expansion_add=200)

    def build(self, base, threads):
        self.index = self._new()
        self.index.add(np.arange(len(base)), base, threads=threads)
        self.index.save(str(self.path))

    def load(self):
        self.index = self._new()
        self.index.load(str(self.path))

    def search(self, queries, k, setting):
        self.index.expansion_search = setting
        return self.index.search(queries, k, threads=1).keys.astype(np.int64)


class LanceDb(Peer):
    """Asked one query at a time: its reader has no call for many."""

    label, package = "Lance IVF_PQ + refine", "pylance"
    queries, one_core = 100, True

    def prepare(self, vectors):
        return vectors

    def build(self, base, threads):
        import lance
        import pyarrow as pa
        column = pa.FixedSizeListArray.from_arrays(pa.array(base.ravel()), self.dim)
        self.data = lance.write_dataset(pa.table({"v": column}), str(self.path), mode="overwrite")
        metric = {"cosine": "cosine", "euclidean": "l2", "dot_product": "dot"}[self.metric]
        subvectors = max(m for m in range(1, self.dim + 1) if self.dim % m == 0 and m <= max(1, self.dim // 8))
        self.data = self.data.create_index("v", "IVF_PQ", metric=metric, replace=True, num_sub_vectors=subvectors,
                                           num_partitions=max(1, int(self.rows ** 0.5)))

    def load(self):
        import lance
        self.data = lance.dataset(str(self.path))

    def settings(self):
        return [[nprobe, factor] for nprobe in (1, 4, 8, 16, 32, 64, 128) for factor in (5, 20)]

    def search(self, queries, k, setting):
        found = np.zeros((len(queries), k), dtype=np.int64)
        for q, query in enumerate(queries):
            rows = self.data.to_table(columns=["_distance"], with_row_id=True, nearest={
                "column": "v", "q": query, "k": k, "nprobes": setting[0], "refine_factor": setting[1]})
            ids = rows["_rowid"].to_numpy()
            # One fragment per million rows or so: the high half of a row id names it.
            found[q, :len(ids)] = (ids >> 32) * (1 << 20) + (ids & 0xffffffff)
        return found


PEERS = {"hnswlib": Hnswlib, "faiss_hnsw": FaissHnsw, "faiss_ivf": FaissIvf, "svs": Svs, "symphonyqg": SymphonyQg,
         "rabitq_ivf": RabitqIvf, "usearch": Usearch, "lancedb": LanceDb}


def clear(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
