# SPDX-License-Identifier: Apache-2.0
"""Streams: batches from standard input, an acknowledgement for each, and what is in the table after whatever happens."""
import json
import os
import pty
import random
import signal
import subprocess
import threading
import time

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable

from conftest import BINARY, Lake

VECTOR = ["--vector", "v", "--metric", "euclidean"]
PATIENCE = 60  # seconds


def row(i, **more):
    return {"id": i, "v": [float(i), 0.5], **more}


def ndjson(rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


def answers(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def ids(lake, table="db.t"):
    return sorted(lake.iceberg(table)["id"].to_pylist())


def newest_ids(lake):
    """Also where a process was killed before it could leave the hint which metadata is the newest."""
    folder = lake.table_folder("db.t") / "metadata"
    newest = max(folder.glob("v*.metadata.json"), key=lambda f: int(f.name[1:].split(".")[0]))
    return sorted(StaticTable.from_metadata(str(newest)).scan().to_arrow()["id"].to_pylist())


class Live:
    """A stream that is fed while it runs."""

    def __init__(self, lake, *args, table="db.t", **options):
        self.process = subprocess.Popen([BINARY, "-C", lake.folder, "--no-sync", "stream", table, *map(str, args)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        bufsize=0, **options)
        self.lines = []
        self.ended_already = False
        self.news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(json.loads(line))
                self.news.notify_all()
        with self.news:
            self.ended_already = True
            self.news.notify_all()

    def send(self, text):
        self.process.stdin.write(text.encode())

    def wait_for(self, count):
        """The first `count` answers, which come though the input is not at its end."""
        enough = lambda: len(self.lines) >= count
        with self.news:
            self.news.wait_for(lambda: enough() or self.ended_already, PATIENCE)
            assert enough(), self.process.stderr.read() if self.ended_already else self.lines
            return self.lines[:count]

    def end(self, code=0):
        self.process.stdin.close()
        return self.ended(code)

    def ended(self, code):
        assert self.process.wait(PATIENCE) == code, self.process.stderr.read()
        return self.process.stderr.read().decode()


def test_lines_of_json_become_rows_that_tarn_and_pyiceberg_read(lake):
    text = ndjson([row(1, word="a", n=1.5), row(2, word="b", ok=True)]) + "\n" + ndjson([row(3, n=2)])
    done = lake.run("stream", "db.t", *VECTOR, input=text)
    assert answers(done) == [{"sequence": 1, "rows": 2}, {"sequence": 2, "rows": 1}]
    assert "accepted 3 rows in 2 batches into db.t" in done.stderr
    table = lake.iceberg("db.t").sort_by("id")
    assert table["id"].to_pylist() == [1, 2, 3] and table["n"].to_pylist() == [1.5, None, 2.0]
    assert table["word"].to_pylist() == ["a", "b", None] and table["ok"].to_pylist() == [None, True, None]
    assert table["v"].to_pylist() == [[1.0, 0.5], [2.0, 0.5], [3.0, 0.5]]
    assert [json.loads(line)["id"] for line in lake.run("scan", "db.t", "--json").stdout.splitlines()] == [1, 2, 3]
    hit = lake.run("search", "db.t", "--vector", "[2.9, 0.5]", "--k", 1, "--json").stdout
    assert json.loads(hit)["id"] == 3
    assert "is sound" in lake.run("verify", "db.t").stdout


def test_each_batch_of_an_arrow_stream_is_acknowledged(lake):
    schema = pa.schema([("id", pa.int32()), ("v", pa.list_(pa.float32(), 2)), ("word", pa.dictionary(pa.int8(), pa.utf8()))])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for n in range(3):
            batch = [{"id": n * 2 + i, "v": [float(n), 1.0], "word": "x"} for i in range(2)]
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    # Two streams one after the other are one input.
    done = subprocess.run([BINARY, "-C", lake.folder, "stream", "db.t", *VECTOR],
                          input=sink.getvalue().to_pybytes() * 2, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"sequence": n, "rows": 2} for n in range(1, 7)]
    assert ids(lake) == sorted(list(range(6)) * 2)
    assert lake.iceberg("db.t").schema.field("id").type == pa.int32()


def test_an_arrow_stream_that_is_cut_short_keeps_what_was_acknowledged(lake):
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist([row(i) for i in range(10)])
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    done = subprocess.run([BINARY, "-C", lake.folder, "stream", "db.t", *VECTOR],
                          input=sink.getvalue().to_pybytes()[:-60], capture_output=True, text=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and lines[0] == {"sequence": 1, "rows": 5}
    assert len(lines) == 2 and "behind its batch 1" in lines[1]["error"]
    assert ids(lake) == list(range(5))


def test_what_scan_prints_can_be_streamed_into_another_table(lake, tmp_path):
    import datetime as dt
    import decimal
    import uuid
    table = pa.table({
        "i": pa.array([1, None], pa.int32()), "l": pa.array([2**53 + 1, -1], pa.int64()),
        "f": pa.array([0.1, None], pa.float32()), "b": [True, None], "s": ["grüße \"\n", None],
        "m": pa.array([decimal.Decimal("12345678901234567890.25"), None], pa.decimal128(22, 2)),
        "d": [dt.date(2026, 11, 21), None], "t": [dt.time(10, 20, 30, 405060), None],
        "ts": pa.array([dt.datetime(2026, 11, 21, 1, 2, 3, 4), None], pa.timestamp("us")),
        "tz": pa.array([dt.datetime(1969, 1, 1, tzinfo=dt.timezone.utc), None], pa.timestamp("us", "UTC")),
        "bin": pa.array([b"\0\xff\x80", None], pa.binary()), "fix": pa.array([b"ab\xff", None], pa.binary(3)),
        "u": pa.array([uuid.UUID(int=2**127 + 5).bytes, None], pa.uuid()),
        "st": pa.array([{"d": dt.date(2000, 1, 1), "x": [b"\1", None]}, None],
                       pa.struct([("d", pa.date32()), ("x", pa.list_(pa.binary()))])),
        "mp": pa.array([[("k", dt.date(2001, 2, 3))], None], pa.map_(pa.utf8(), pa.date32())),
        "v": pa.array([[1.5, 2.5], None], pa.list_(pa.float32()))})
    pq.write_table(table, tmp_path / "in.parquet")
    lake.run("ingest", "db.t", tmp_path / "in.parquet", "--vector", "v", "--dim", 2)
    lake.run("create", "db.u", "--like", tmp_path / "in.parquet", "--vector", "v", "--dim", 2)
    lines = lake.run("scan", "db.t", "--json").stdout
    assert answers(lake.run("stream", "db.u", input=lines)) == [{"sequence": 1, "rows": 2}]
    assert lake.iceberg("db.u").equals(lake.iceberg("db.t"))
    assert lake.run("scan", "db.u", "--json").stdout == lines


@pytest.mark.parametrize("bad, why", [
    ('{"id": 4, "v": [1, 2], "w": 1}', "no column 'w'"), ('{"id": "x", "v": [1, 2]}', "from number to string"),
    ('{"id": 4, "v": [1, 2]', "line 4"), ('{"id": 4, "v": [1, 2]} {"id": 5}', "holds 2 rows"),
    ('{"id": 4, "v": [1, 2, 3]}', "3 elements"), ('{"id": 4, "v": [1, NaN]}', "NaN"), ("[1]", "line 4"), ("5", "line 4"),
    ('{"id": 4.5, "v": [1, 2]}', "4.5"), ('{"id": 4, "v": [1, null]}', "null element"),
    ('{"id": 4, "day": "21 November"}', "day"), ('{"id": 4, "id": 5}', "twice")])
def test_a_bad_batch_is_named_and_none_of_it_stored(lake, tmp_path, bad, why):
    schema = pa.schema([("id", pa.int64()), ("v", pa.list_(pa.float32())), ("day", pa.date32())])
    pq.write_table(schema.empty_table(), tmp_path / "like.parquet")
    lake.run("create", "db.t", "--like", tmp_path / "like.parquet", "--vector", "v", "--dim", 2, "--metric", "euclidean")
    text = ndjson([row(1)]) + "\n" + ndjson([row(3)]) + bad + "\n\n" + ndjson([row(6)])
    done = lake.run("stream", "db.t", input=text, code=1)
    first, error = answers(done)
    assert first == {"sequence": 1, "rows": 1}
    assert why in error["error"] and error["line"] == 3 and error["rows"] == 2
    assert error["error"] in done.stderr
    assert ids(lake) == [1]
    done = lake.run("stream", "db.t", "--skip-bad", input=text)
    assert [sorted(a) for a in answers(done)] == [["rows", "sequence"], ["error", "line", "rows"], ["rows", "sequence"]]
    assert "1 batches were refused" in done.stderr
    assert ids(lake) == [1, 1, 6]


def test_types_are_taken_from_the_first_batch_that_is_accepted(lake):
    text = '{"id": 1, "v": []}\n\n{"id": "a", "v": [1, 2], "n": null}\n\n{"id": "2026-11-21", "v": [3, 4]}\n'
    done = lake.run("stream", "db.t", *VECTOR, "--skip-bad", input=text)
    assert ["error" in a for a in answers(done)] == [True, False, False]
    table = lake.iceberg("db.t").sort_by("id")
    assert table["id"].to_pylist() == ["2026-11-21", "a"] and table["n"].to_pylist() == [None, None]


def test_a_batch_id_is_stored_once_however_often_it_comes(lake):
    batches = [[row(10 * b + i, batch=f"p:{b}") for i in range(3)] for b in range(4)]
    text = "".join(ndjson(b) for b in batches)
    done = lake.run("stream", "db.t", *VECTOR, "--batch-id-field", "batch", input=text + ndjson(batches[1]))
    assert answers(done) == [{"sequence": b + 1, "rows": 3, "batch_id": f"p:{b}"} for b in range(4)] + [
        {"sequence": 0, "rows": 3, "batch_id": "p:1", "duplicate": True}]
    again = lake.run("stream", "db.t", "--batch-id-field", "batch", input=text)
    assert all(a["duplicate"] for a in answers(again)) and len(answers(again)) == 4
    assert "12 rows of 4 batches were left out" in again.stderr
    assert ids(lake) == sorted(r["id"] for b in batches for r in b)
    assert set(lake.iceberg("db.t")["batch"].to_pylist()) == {f"p:{b}" for b in range(4)}


def test_a_pause_never_cuts_a_batch_that_has_an_id(lake):
    live = Live(lake, *VECTOR, "--batch-id-field", "b", "--batch-wait-ms", 1, "--drop-batch-id")
    live.send(ndjson([row(1, b="x")]))
    time.sleep(0.3)
    live.send(ndjson([row(2, b="x")]))
    time.sleep(0.3)
    assert live.lines == []
    live.send("\n")
    assert live.wait_for(1) == [{"sequence": 1, "rows": 2, "batch_id": "x"}]
    live.send(ndjson([row(3, b=7), row(4, b=8)]).replace("7", '"7"').replace("8", '"8"'))
    assert live.wait_for(2)[1] == {"sequence": 2, "rows": 1, "batch_id": "7"}
    live.end()
    assert live.lines[2:] == [{"sequence": 3, "rows": 1, "batch_id": "8"}]
    assert ids(lake) == [1, 2, 3, 4] and "b" not in lake.iceberg("db.t").column_names
    # The same where the table says nothing of the field.
    done = lake.run("stream", "db.t", "--batch-id-field", "b", "--drop-batch-id", "--batch-rows", 1,
                    input=ndjson([row(5, b="y"), row(6, b="z"), row(6, b="z")]))
    assert [a.get("duplicate", False) for a in answers(done)] == [False, False, True]
    assert ids(lake) == [1, 2, 3, 4, 5, 6]


def test_a_bad_line_spoils_the_batches_it_may_belong_to_and_no_other(lake):
    good = [ndjson([row(10 * b + i, b=f"b{b}") for i in range(2)]) for b in range(5)]
    text = good[0] + good[1] + "nonsense\n" + good[2] + good[3] + "\n" + good[4]
    done = lake.run("stream", "db.t", *VECTOR, "--batch-id-field", "b", "--skip-bad", input=text)
    got = answers(done)
    assert [a.get("batch_id") for a in got if "error" not in a] == ["b0", "b3", "b4"]
    assert [(a["batch_id"], a["line"], a["rows"]) for a in got if "error" in a] == [("b1", 3, 3), ("b2", 6, 2)]
    assert all("line 5" in a["error"] for a in got if "error" in a)
    assert ids(lake) == [0, 1, 30, 31, 40, 41]
    lake.run("stream", "db.t", "--batch-id-field", "b", input=good[1] + "nonsense\n" + good[2], code=1)
    assert ids(lake) == [0, 1, 30, 31, 40, 41]
    # What was refused may come again.
    lake.run("stream", "db.t", "--batch-id-field", "b", input="".join(good))
    assert ids(lake) == sorted(10 * b + i for b in range(5) for i in range(2))


def test_rows_of_one_id_on_both_sides_of_a_boundary_are_no_duplicates(lake):
    text = ndjson([row(1, b="x"), row(2, b="y")]) + "\n" + ndjson([row(3, b="y"), row(4, b="z")])
    done = lake.run("stream", "db.t", *VECTOR, "--batch-id-field", "b", "--skip-bad", input=text)
    assert ["error" in a for a in answers(done)] == [False, False, True, False]
    assert "both sides" in answers(done)[2]["error"]
    assert ids(lake) == [1, 2, 4]


def test_rows_without_an_id_are_refused(lake):
    done = lake.run("stream", "db.t", *VECTOR, "--batch-id-field", "b", code=1, input=ndjson([row(1), row(2, b="x")]))
    assert "no batch id" in answers(done)[0]["error"]
    assert "--batch-rows" in lake.run("stream", "db.t", "--batch-id-field", "b", "--batch-rows", 5, code=1).stderr
    assert "needs --batch-id-field" in lake.run("stream", "db.t", "--drop-batch-id", code=1).stderr


def test_a_slow_producer_is_acknowledged_without_sending_more(lake):
    live = Live(lake, *VECTOR)
    for n in range(1, 6):
        live.send(ndjson([row(n)]))
        assert live.wait_for(n)[-1] == {"sequence": n, "rows": 1}
    live.send('{"id": 6, "v": [1')  # half a line waits for its other half
    time.sleep(0.2)
    live.send(', 2]}\n')
    live.wait_for(6)
    live.end()
    assert ids(lake) == [1, 2, 3, 4, 5, 6]


def test_a_steady_producer_is_not_waited_for_either(lake):
    live = Live(lake, *VECTOR, "--batch-wait-ms", 50)
    for n in range(100):
        live.send(ndjson([row(n)]))
        if live.lines:
            break
        time.sleep(0.01)
    assert live.lines, "a hundred rows, never 50 ms apart, and no answer"
    live.end()
    assert sum(a["rows"] for a in live.lines) == lake.iceberg("db.t").num_rows == n + 1


def test_a_slow_arrow_producer_too(lake):
    table = pa.Table.from_pylist([row(1), row(2)])
    live = Live(lake, *VECTOR)
    with pa.ipc.new_stream(live.process.stdin, table.schema) as writer:
        for n in range(1, 4):
            writer.write_table(table)
            assert live.wait_for(n)[-1] == {"sequence": n, "rows": 2}
    live.end()
    assert ids(lake) == [1, 1, 1, 2, 2, 2]


def test_flushes_come_by_rows_and_by_time(lake):
    live = Live(lake, *VECTOR, "--flush-rows", 3, "--flush-interval-s", 0.2)
    live.send(ndjson([row(1), row(2)]) + "\n")
    live.wait_for(1)
    deadline = time.time() + PATIENCE
    while lake.iceberg("db.t").num_rows < 2:  # though nobody inserts
        assert time.time() < deadline
        time.sleep(0.05)
    live.send(ndjson([row(i) for i in range(3, 7)]) + "\n")
    snapshot = live.wait_for(2)[1]["snapshot"]
    assert json.loads(lake.metadata("db.t").read_text())["current-snapshot-id"] == snapshot
    assert ids(lake) == [1, 2, 3, 4, 5, 6]
    live.end()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["ndjson", "arrow"])
def test_a_stop_flushes_what_was_accepted(lake, sign, kind):
    live = Live(lake, *VECTOR)
    if kind == "ndjson":
        live.send(ndjson([row(1), row(2)]))
    else:
        table = pa.Table.from_pylist([row(1), row(2)])
        writer = pa.ipc.new_stream(live.process.stdin, table.schema)
        writer.write_table(table)
    live.wait_for(1)
    live.process.send_signal(sign)
    assert "accepted 2 rows" in live.ended(0)
    assert ids(lake) == [1, 2]


def test_when_nobody_reads_acknowledgements_the_stream_ends_and_keeps_what_it_accepted(lake):
    reading, writing = os.pipe()
    process = subprocess.Popen([BINARY, "-C", lake.folder, "stream", "db.t", *VECTOR], stdin=subprocess.PIPE,
                               stdout=writing, stderr=subprocess.PIPE, bufsize=0)
    os.close(writing)
    process.stdin.write(ndjson([row(1)]).encode())
    assert json.loads(os.read(reading, 1000)) == {"sequence": 1, "rows": 1}
    os.close(reading)  # and no more input comes either
    assert process.wait(PATIENCE) == 1
    assert "standard output was closed" in process.stderr.read().decode()
    assert ids(lake) == [1]


def test_a_stream_on_a_terminal_shows_how_it_goes(lake):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BINARY, "-C", lake.folder, "stream", "db.t", *VECTOR], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=theirs, bufsize=0)
    os.close(theirs)
    process.stdin.write(ndjson([row(1)]).encode())
    process.stdout.readline()
    shown = b""
    while b"wait for up to" not in shown:
        shown += os.read(ours, 1000)
    assert b"1 rows, " in shown and b"rows/s, 1 wait" in shown
    process.stdin.close()
    assert process.wait(PATIENCE) == 0
    os.close(ours)


def test_rows_whose_flush_fails_stay_in_the_log(lake):
    lake.run("create", "db.t", *VECTOR, "--dim", 2)
    live = Live(lake, "--flush-rows", 2)
    in_the_way = lake.table_folder("db.t") / "data"
    in_the_way.write_text("no folder")
    live.send(ndjson([row(1)]) + "\n" + ndjson([row(2)]) + "\n" + ndjson([row(3)]) + "\n")
    assert live.wait_for(3) == [{"sequence": n, "rows": 1} for n in (1, 2, 3)]
    said = live.end(code=1)
    assert "because a flush failed" in said and "3 accepted rows stay in the log" in said
    assert logs(lake)["logs"][0]["waiting_rows"] == 3
    in_the_way.unlink()
    assert logs(lake, "replay")["stored_rows"] == 3
    assert ids(lake) == [1, 2, 3]


def test_streams_end_in_tables_of_sql_catalogs_too(tmp_path):
    from pyiceberg.catalog.sql import SqlCatalog
    lake = Lake(f"sqlite:///{tmp_path}/catalog.db?name=lake&warehouse={tmp_path}/warehouse")
    killed(lake, [row(1), row(2)])
    assert logs(lake)["logs"][0]["waiting_rows"] == 2
    assert "3 rows in 1 batches" in lake.run("stream", "db.t", input=ndjson([row(i) for i in (3, 4, 5)])).stderr
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/warehouse")
    assert sorted(catalog.load_table("db.t").scan().to_arrow()["id"].to_pylist()) == [1, 2, 3, 4, 5]


def test_columns_may_be_added_and_dropped_meanwhile(lake):
    live = Live(lake, *VECTOR, "--flush-rows", 1)
    live.send(ndjson([row(1, old="x")]))
    live.wait_for(1)
    lake.run("alter", "db.t", "--add", "word string")
    live.send(ndjson([row(2, word="new")]))
    assert "error" not in live.wait_for(2)[1]
    lake.run("alter", "db.t", "--drop", "old")
    live.send(ndjson([row(3, word="newer")]))
    assert "error" not in live.wait_for(3)[2]
    live.end()
    table = lake.iceberg("db.t").sort_by("id")
    assert table.column_names == ["id", "v", "word"] and table["word"].to_pylist() == [None, "new", "newer"]


def test_inputs_that_are_no_stream_are_told_apart(lake):
    assert "neither NDJSON nor" in lake.run("stream", "db.t", input="id,v\n1,2\n", code=1).stderr
    assert "--format is" in lake.run("stream", "db.t", "--format", "xml", input="{}", code=1).stderr
    assert lake.run("stream", "db.t", *VECTOR, input="").stdout == ""
    assert lake.run("stream", "db.t", *VECTOR, "--format", "ndjson", input="\n\n \n").stdout == ""
    assert not lake.table_folder("db.t").exists()
    done = lake.run("stream", "db.t", "--vector", "w", input=ndjson([row(1)]), code=1)
    assert "no column 'w'" in done.stderr and "line" in answers(done)[0]


def test_options_that_cannot_be_are_named(lake):
    for option, value in (("--flush-rows", 0), ("--flush-mb", 0), ("--memory-mb", -1), ("--flush-interval-s", -1),
                          ("--sync", "often"), ("--on-bad-vectors", "keep"), ("--index", "tree"), ("--batch-rows", -1)):
        assert option.strip("-").split("-")[0] in lake.run("stream", "db.t", option, value, input="{}", code=1).stderr
    lake.run("create", "db.t", *VECTOR, "--dim", 2)
    assert "dimension" in lake.run("stream", "db.t", *VECTOR, "--dim", 3, input="{}", code=1).stderr
    assert "no vector column 'w'" in lake.run("stream", "db.t", "--vector", "w", input="{}", code=1).stderr


def test_bad_vectors_are_treated_as_asked(lake):
    text = ndjson([row(1)]) + '{"id": 2, "v": [NaN, 1]}\n' + '{"id": 3, "v": null}\n'
    assert answers(lake.run("stream", "db.t", *VECTOR, "--on-bad-vectors", "drop", input=text)) == [
        {"sequence": 1, "rows": 3}]
    assert ids(lake) == [1, 3]
    lake.run("stream", "db.t", "--on-bad-vectors", "null", input=text)
    assert ids(lake) == [1, 1, 2, 3, 3]


@pytest.mark.parametrize("sync", ["every", "interval", "none"])
def test_a_killed_stream_loses_nothing_whenever_its_log_is_synced(lake, sync):
    killed(lake, [row(1), row(2)], "--sync", sync, "--format", "ndjson", "--memory-mb", 1, "--index", "none")
    assert "2 rows were in the log" in lake.run("stream", "db.t", input=ndjson([row(3)])).stderr
    assert ids(lake) == [1, 2, 3]


def test_several_streams_into_one_table_at_once_lose_nothing(lake):
    lake.run("create", "db.t", *VECTOR, "--dim", 2)
    streams = [Live(lake, "--flush-rows", 7, "--batch-rows", 3) for _ in range(3)]
    for n, live in enumerate(streams):
        live.send(ndjson([row(1000 * n + i) for i in range(50)]))
    for live in streams:
        live.end()
        assert sum(a["rows"] for a in live.lines) == 50
    assert ids(lake) == sorted(1000 * n + i for n in range(3) for i in range(50))


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_that_is_killed_keeps_every_acknowledged_batch_once(lake, seed):
    rng = random.Random(seed)
    batches = [(f"p:{b}", [row(100 * b + i, b=f"p:{b}") for i in range(rng.randint(1, 5))]) for b in range(60)]
    acknowledged = set()
    for attempt in range(4):
        live = Live(lake, *VECTOR, "--batch-id-field", "b", "--flush-rows", rng.choice([5, 20, 1000]))
        # The producer sends again whatever it has no answer for, and a few that it has.
        for batch_id, rows in batches:
            if batch_id not in acknowledged or rng.random() < 0.2:
                try:
                    live.send(ndjson(rows) + "\n")
                except BrokenPipeError:
                    break
        if attempt < 3:
            live.wait_for(rng.randint(1, 15))
            live.process.kill()
            live.process.wait()
            time.sleep(0.05)
        else:
            live.end()
        acknowledged |= {a["batch_id"] for a in list(live.lines)}
        if attempt == 2:
            # Everything acknowledged so far is in the table after a run without any input.
            lake.run("stream", "db.t", input="")
            found = newest_ids(lake)
            assert len(found) == len(set(found))
            assert {r["id"] for b, rows in batches if b in acknowledged for r in rows} <= set(found)
    assert acknowledged == {b for b, _ in batches}
    assert newest_ids(lake) == sorted(r["id"] for _, rows in batches for r in rows)
    assert "is sound" in lake.run("verify", "db.t").stdout


def killed(lake, rows, *args):
    live = Live(lake, *VECTOR, *args)
    live.send(ndjson(rows))
    live.wait_for(1)
    live.process.kill()
    live.process.wait()


def logs(lake, command="info", *args, **options):
    return json.loads(lake.run("wal", command, "db.t", "--json", *args, **options).stdout)


def test_wal_says_what_waits_and_replays_it(lake):
    lake.run("create", "db.t", *VECTOR, "--dim", 2)
    assert logs(lake) == {"logs": []} and "no logs" in lake.run("wal", "info", "db.t").stdout
    assert "no rows" in lake.run("wal", "replay", "db.t").stdout
    assert logs(lake) == {"logs": []}, "to look begins no log"
    live = Live(lake)
    live.send(ndjson([row(1), row(2)]))
    live.wait_for(1)
    (log,) = logs(lake)["logs"]
    assert log["open"] and log["waiting_rows"] == 2 and log["waiting_batches"] == 1 and log["covered"] == 0
    assert log["first_sequence"] == log["last_sequence"] == log["epoch"] == log["segments"] == 1
    # It is its writer's: nobody takes it away.
    assert logs(lake, "replay") == {"batches": 0, "rows": 0, "stored_rows": 0}
    live.process.kill()
    live.process.wait()
    assert not logs(lake)["logs"][0]["open"]
    assert "waiting rows" in lake.run("wal", "info", "db.t").stdout
    assert "sound: 1 logs, 1 records" in lake.run("wal", "verify", "db.t").stdout
    assert ids_or_none(lake) == []
    done = lake.run("wal", "replay", "db.t")
    assert "replayed 2 rows of 1 batches" in done.stdout
    assert ids(lake) == [1, 2]
    (log,) = logs(lake)["logs"]
    assert log["waiting_rows"] == 0 and log["covered"] == 1
    uuid = log["uuid"]
    assert f"tarn.wal.{uuid}.main" in json.loads(lake.metadata("db.t").read_text())["properties"]
    assert "no rows" in lake.run("wal", "replay", "db.t").stdout
    assert lake.run("wal", "info", "db.none", code=1).stderr


def ids_or_none(lake):
    table = lake.iceberg("db.t")
    return table["id"].to_pylist() if "id" in table.column_names else []


def test_replay_counts_the_logs_of_all_writers_that_are_gone(lake):
    lake.run("create", "db.t", *VECTOR, "--dim", 2)
    streams = [Live(lake) for _ in range(3)]
    for n, live in enumerate(streams):
        live.send(ndjson([row(10 * n + i) for i in range(n + 1)]) + "\n")
        live.wait_for(1)
    for live in streams:
        live.process.kill()
        live.process.wait()
    assert sorted(log["waiting_rows"] for log in logs(lake)["logs"]) == [1, 2, 3]
    done = logs(lake, "replay")
    assert done["rows"] == done["stored_rows"] == 6 and done["batches"] == 3 and done["snapshot"]
    assert ids(lake) == [0, 10, 11, 20, 21, 22]


def test_a_log_in_another_folder_is_found_there(lake, tmp_path):
    folder = tmp_path / "logs"
    killed(lake, [row(1)], "--log-folder", folder)
    assert logs(lake)["logs"] == [] and len(logs(lake, "info", "--log-folder", folder)["logs"]) == 1
    assert logs(lake, "replay", "--log-folder", folder)["rows"] == 1
    assert ids(lake) == [1]


def test_damage_is_found_where_it_is(lake):
    live = Live(lake, *VECTOR)
    for n in range(1, 4):
        live.send(ndjson([row(n)]) + "\n")
        live.wait_for(n)
    live.process.kill()
    live.process.wait()
    (segment,) = (lake.folder / ".tarn" / "wal").rglob("*.wal")
    sound = segment.read_bytes()
    at = [i for i in range(0, 1 << 16, 8) if sound[i:i + 4] == b"TLRC"]
    assert len(at) == 3
    spoilt = bytearray(sound)
    spoilt[at[1] + 60] ^= 1
    segment.write_bytes(spoilt)
    done = lake.run("wal", "verify", "db.t", code=1)
    assert f"{segment.name} is damaged at byte {at[1]}: record 2 cannot be read" in done.stdout
    assert "1 findings" in done.stderr
    assert "damage" in logs(lake)["logs"][0] and "damaged" in lake.run("wal", "info", "db.t").stdout
    # Nobody goes on over lost rows.
    assert segment.name in lake.run("wal", "replay", "db.t", code=1).stderr
    assert segment.name in lake.run("stream", "db.t", input=ndjson([row(9)]), code=1).stderr
    segment.write_bytes(sound)
    assert "sound" in lake.run("wal", "verify", "db.t").stdout
    lake.run("wal", "replay", "db.t")
    assert ids(lake) == [1, 2, 3]
    # The same bytes, once the table has the rows: found all the same, and no loss.
    segment.write_bytes(spoilt)
    done = lake.run("wal", "verify", "db.t", code=1)
    assert f"damaged at byte {at[1]}" in done.stdout and "the table has it" in done.stdout
    lake.run("stream", "db.t", input=ndjson([row(4)]))
    assert ids(lake) == [1, 2, 3, 4]
