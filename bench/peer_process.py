# SPDX-License-Identifier: Apache-2.0
"""A peer in a process of its own, asked through pipes. It keeps its built index in a cache folder."""
import hashlib
import json
import os
import pickle
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np


def fingerprint(path):
    """Of a matrix: its size and samples of it, so that a cache is never used for another."""
    data = np.load(path, mmap_mode="r")
    digest = hashlib.sha256(repr((data.shape, str(data.dtype))).encode())
    for at in np.linspace(0, len(data) - 1, 64, dtype=np.int64):
        digest.update(np.ascontiguousarray(data[at]).tobytes())
    return digest.hexdigest()[:12]


class PeerProcess:
    """Raises RuntimeError with the reason when the peer cannot go on."""

    def __init__(self, name, options):
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "LANCE_LOG": "error",
                       "OMP_NUM_THREADS": str(options["threads"]), "LANCE_CPU_THREADS": str(options["threads"])}
        self.name = name
        self.process = subprocess.Popen([sys.executable, __file__, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment)
        self.facts = self.ask(options)

    def ask(self, question):
        try:
            pickle.dump(question, self.process.stdin)
            self.process.stdin.flush()
            answer = pickle.load(self.process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise RuntimeError(f"its process ended with status {self.process.wait()}") from None
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def search(self, setting):
        """Of all queries, in one call: the rows found and the seconds it took."""
        answer = self.ask({"setting": setting})
        return answer["labels"], answer["seconds"]

    def close(self):
        self.process.kill()
        self.process.wait()


def open_peer(kind, options):
    """Loads the index from the cache, or builds it into the cache."""
    import peer_indexes
    base_path = options["base"]
    version = metadata.version(kind.package)
    rows, dim = np.load(base_path, mmap_mode="r").shape
    key = f"{kind.__name__}-{version}-{options['metric']}-{fingerprint(base_path)}"
    folder = Path(options["cache"]) / key
    peer = kind(options["metric"], dim, rows, folder / "files")
    facts = folder / "facts.json"
    if facts.exists():
        peer.load()
        return peer, {**json.loads(facts.read_text()), "cached": True}
    peer_indexes.clear(peer.folder)
    base = np.ascontiguousarray(np.load(base_path), dtype=np.float32)
    start = time.perf_counter()
    peer.build(peer.prepare(base), options["threads"])
    known = {"build_seconds": time.perf_counter() - start, "bytes": peer.bytes_on_disk(), "version": version}
    facts.write_text(json.dumps(known))
    return peer, {**known, "cached": False}


def serve(name):
    import peer_indexes
    # What libraries print goes to the standard error; the real output belongs to the pipe.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def reply(answer):
        pickle.dump(answer, out)
        out.flush()

    try:
        options = pickle.load(sys.stdin.buffer)
        peer, facts = open_peer(peer_indexes.PEERS[name], options)
        queries = np.load(options["queries"])[options["begin"]:options["end"]].astype(np.float32)
        queries = np.ascontiguousarray(peer.prepare(queries))
        if options["live"] is not None and not peer.filter(options["live"]):
            raise NotImplementedError("it has no filter by row")
        queries = queries[:peer.queries]
        if peer.one_core:
            core = {min(os.sched_getaffinity(0))}
            for thread in os.listdir("/proc/self/task"):
                os.sched_setaffinity(int(thread), core)
        reply({**facts, "label": peer.label, "settings": peer.settings(), "raw_inside": peer.raw_inside,
               "queries": len(queries)})
        while True:
            question = pickle.load(sys.stdin.buffer)
            best = float("inf")
            for _ in range(options["passes"]):
                start = time.perf_counter()
                labels = peer.search(queries, options["k"], question["setting"])
                best = min(best, time.perf_counter() - start)
            reply({"labels": np.asarray(labels).astype(np.int64), "seconds": best})
    except EOFError:
        pass
    except BaseException as error:  # whatever a library throws is the peer's own affair
        reply({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    serve(sys.argv[1])
