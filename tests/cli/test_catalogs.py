# SPDX-License-Identifier: Apache-2.0
"""How -C names a catalog, and what it says when it cannot."""
import subprocess

import pytest
from conftest import BINARY


@pytest.fixture
def tarn(tmp_path):
    (tmp_path / "rows.ndjson").write_text('{"id": 1}\n{"id": 2}\n')

    def run(catalog, *args, code=0):
        done = subprocess.run([BINARY, "-C", catalog, *args], capture_output=True, text=True, cwd=tmp_path, timeout=60)
        assert done.returncode == code, f"{args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr
    return run


def test_a_database_is_made_by_writing_and_found_again_by_its_name_alone(tarn, tmp_path):
    assert "?warehouse=" in tarn("sqlite:///c.db", "ingest", "db.t", "rows.ndjson", code=1)
    assert "there is no database" in tarn("sqlite:///c.db", "list", code=1)
    assert not (tmp_path / "c.db").exists()
    tarn("sqlite:///c.db?warehouse=lake", "ingest", "db.t", "rows.ndjson")
    assert (tmp_path / "lake" / "db" / "t" / "data").is_dir()
    for catalog in ("sqlite:///c.db", f"sqlite:///{tmp_path}/c.db", f"sqlite://{tmp_path}/c.db"):
        assert tarn(catalog, "list") == "db.t\n"
        tarn(catalog, "ingest", "db.t", "rows.ndjson")
    assert tarn("sqlite:///c.db", "scan", "db.t", "--json").count("\n") == 8
    assert "warehouse" in tarn("sqlite:///c.db", "create", "db.u", code=1)
    assert "is sound" in tarn("sqlite:///c.db", "verify", "db.t")


def test_a_damaged_file_is_named_by_its_whole_location(tarn, tmp_path):
    tarn("sqlite:///c.db?warehouse=lake", "ingest", "db.t", "rows.ndjson")
    data = next((tmp_path / "lake").rglob("*.parquet"))
    data.write_bytes(data.read_bytes()[:-20])
    assert f"file://{data}: " in tarn("sqlite:///c.db", "verify", "db.t", code=1)


def test_what_is_wrong_with_a_name_is_said(tarn, tmp_path):
    for catalog, text in {
        "sqlite:///c.db?name=x&house=y": "'house' is not known",
        "sqlite:///c.db?warehouse=s3://b": "s3://b",
        "s3://bucket/lake": "sqlite:///FILE",
        "file:///lake?name=x": "takes no parameters",
        "sqlite:c.db": "names no database",
    }.items():
        assert text in tarn(catalog, "ingest", "db.t", "rows.ndjson", code=1)
    (tmp_path / "folder").mkdir()
    assert "is a folder" in tarn("sqlite:///folder", "list", code=1)
    (tmp_path / "text.db").write_text("no database" * 100)
    assert "text.db" in tarn("sqlite:///text.db", "list", code=1)
    assert "no catalog folder" in tarn("missing", "list", code=1)
    tarn("sqlite:///c.db?warehouse=lake&name=a", "create", "db.t")
    tarn("sqlite:///c.db?warehouse=lake&name=b", "create", "db.t")
    assert "several catalogs: a, b" in tarn("sqlite:///c.db", "list", code=1)
    assert "but of: a, b" in tarn("sqlite:///c.db?name=c", "info", "db.t", code=1)
    assert tarn("sqlite:///c.db?name=b", "list") == "db.t\n"


def test_the_catalog_commands_refuse_names_that_are_none(tarn):
    tarn("lake", "namespace", "create", "a.b")
    assert tarn("lake", "namespace", "list", "a") == "a.b\n"
    for arguments in (("namespace", "create", "a..b"), ("namespace", "drop", "../x"), ("rename", "a", "b.c"),
                      ("register", "t", "x.json"), ("unregister", ""), ("namespace", "list", "a/b")):
        tarn("lake", *arguments, code=1)
    assert "KEY=VALUE" in tarn("lake", "namespace", "create", "n", "--property", "x", code=1)
    tarn("lake", "namespace", code=2)
    tarn("lake", "namespace", "drop", "a.b")
