# SPDX-License-Identifier: Apache-2.0
"""alter, properties, rollback, tag, branch, expire, orphans: what they print and what they refuse."""
import json

import pytest


@pytest.fixture
def table(lake, tmp_path):
    (tmp_path / "in.ndjson").write_text('{"id": 1, "v": [1, 2]}\n{"id": 2, "v": [2, 1]}\n')
    lake.run("ingest", "db.t", tmp_path / "in.ndjson", "--vector", "v")
    return lake


REFUSED = [
    (["alter", "db.t"], "say what to change"),
    (["alter", "db.t", "--add", "year"], '"NAME TYPE"'),
    (["alter", "db.t", "--add", "year integer"], "is no type"),
    (["alter", "db.t", "--add-vector", "w"], "NAME:DIM"),
    (["alter", "db.t", "--drop", "none"], "no column 'none'"),
    (["alter", "db.t", "--rename", "id"], "OLD=NEW"),
    (["alter", "db.t", "--rename", "id=v"], "two fields are named 'v'"),
    (["alter", "db.t", "--widen", "id int"], "cannot become int"),
    (["alter", "db.t", "--move", "id beside v"], "NAME after OTHER"),
    (["alter", "db.t", "--doc", "id"], "NAME=TEXT"),
    (["alter", "db.none", "--drop", "id"], "no table db.none"),
    (["alter", "t", "--drop", "id"], "no namespace"),
    (["properties", "set", "db.t", "key"], "KEY=VALUE"),
    (["properties", "set", "db.t", "ailake.vector-dim=9"], "kept by Tarn"),
    (["properties", "unset", "db.t", "format-version"], "reserved by Iceberg"),
    (["rollback", "db.t"], "--snapshot or --time"),
    (["rollback", "db.t", "--snapshot", "5", "--time", "2026-01-01"], "--snapshot or --time"),
    (["rollback", "db.t", "--snapshot", "5"], "no snapshot 5"),
    (["rollback", "db.t", "--time", "yesterday"], "is no time"),
    (["tag", "db.t", "main"], "'main'"),
    (["tag", "db.t", "v1", "--snapshot", "5"], "no snapshot 5"),
    (["tag", "db.t", "v1", "--max-age", "5 days"], "is no age"),
    (["tag", "db.t", "v1", "--drop"], "no branch or tag 'v1'"),
    (["branch", "db.t", "b", "--keep-snapshots", "-1"], "positive"),
    (["expire", "db.t", "--older-than", "soon"], "is no time"),
    (["expire", "db.t", "--retain-last", "-1"], "at least 1"),
    (["orphans", "db.t", "--older-than", "1h"], "force it"),
    (["orphans", "db.t", "--location", "../other"], "leaves its folder"),
    (["orphans", "db.t", "--location", "/etc"], "/etc"),
]


@pytest.mark.parametrize("arguments,message", REFUSED, ids=[" ".join(arguments) for arguments, _ in REFUSED])
def test_what_is_wrong_is_said_and_nothing_is_changed(table, arguments, message):
    before = table.metadata("db.t").read_bytes()
    assert message in table.run(*arguments, code=1).stderr
    assert table.metadata("db.t").read_bytes() == before


def test_commands_without_their_table_are_wrong_usage(table):
    for command in ("alter", "rollback", "tag", "branch", "expire", "orphans", "properties"):
        table.run(command, code=2)


def test_changes_are_made_in_the_order_given(table):
    table.run("alter", "db.t", "--add", "a int", "--move", "a first", "--add", "b list<struct<x: int>>",
              "--move", "b before id", "--doc", "id=the key=it")
    schema = json.loads(table.metadata("db.t").read_text())["schemas"][-1]
    assert [field["name"] for field in schema["fields"]] == ["a", "b", "id", "v"]
    assert schema["fields"][2]["doc"] == "the key=it"


def test_properties_are_listed_set_and_removed(table):
    table.run("properties", "set", "db.t", "owner=a=b", "note=")
    listed = table.run("properties", "list", "db.t").stdout
    assert "owner" in listed and "a=b" in listed and "tarn.expire.auto" in listed
    table.run("properties", "unset", "db.t", "owner", "note")
    assert "owner" not in table.run("properties", "list", "db.t").stdout


def test_expire_tells_what_would_go_then_what_went(table, tmp_path):
    for _ in range(2):
        table.run("ingest", "db.t", tmp_path / "in.ndjson", "--vector", "v")
    told = table.run("expire", "db.t", "--older-than", "0s", "--retain-last", 1, "--dry-run", "--json").stdout
    done = table.run("expire", "db.t", "--older-than", "0s", "--retain-last", 1, "--json", "--clean-metadata").stdout
    assert told == done
    kinds = [json.loads(line)["kind"] for line in done.splitlines()]
    assert sorted(set(kinds)) == ["manifest list", "snapshot"] and kinds.count("snapshot") == 2
    empty = table.run("expire", "db.t").stdout
    assert "snapshots" in empty and "0 B freed" in empty


def test_orphans_are_listed_and_deleted_only_when_asked(table):
    stray = table.table_folder("db.t") / "data" / "stray"
    stray.write_bytes(b"12345")
    assert "0 orphans" in table.run("orphans", "db.t").stdout, "it is too young"
    listed = table.run("orphans", "db.t", "--older-than", "0s", "--force", "--json").stdout
    assert [json.loads(line)["bytes"] for line in listed.splitlines()] == [5]
    assert "1 orphans" in table.run("orphans", "db.t", "--older-than", "0s", "--force").stdout
    assert stray.exists()
    assert "deleted 1" in table.run("orphans", "db.t", "--older-than", "0s", "--force", "--delete").stdout
    assert not stray.exists()
    assert "is sound" in table.run("verify", "db.t").stdout
