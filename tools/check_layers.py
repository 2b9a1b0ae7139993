#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lint of the house: who may include whom, how long files may be, what a file starts with.

Prints one line per finding and exits with 1 if there is any. The rooms and their edges are those of
docs/adr/0001-the-house.md; a new edge needs a decision record before it is added here.
"""
import re
import subprocess
import sys
from pathlib import Path

# Room -> earlier rooms it may include.
MAY_INCLUDE = {
    "base": set(),
    "store": {"base"},
    "kernels": {"base"},
    "index": {"base", "kernels"},
    "format": {"base", "store"},
    "iceberg": {"base", "store"},
    "catalog": {"base", "store", "iceberg"},
    "table": {"base", "store", "kernels", "index", "format", "iceberg", "catalog"},
    "search": {"base", "kernels", "index", "table"},
}
# Adapters see the public API and base, never each other or a room's inside.
ADAPTERS = {"cli"}
# The room each public header belongs to.
PUBLIC = {
    "status.h": "base", "types.h": "base", "embeddings.h": "base", "hardware.h": "base",
    "store.h": "store",
    "catalog.h": "catalog", "sql_catalog.h": "catalog",
    "ailake_file.h": "table", "table_writer.h": "table", "read_view.h": "table", "row_filter.h": "table",
    "as_of.h": "table", "delete_rows.h": "table", "predicate.h": "table", "fresh_rows.h": "table", "mem_table_writer.h": "table",
    "wal_info.h": "table",
    "table_info.h": "table", "alter_table.h": "table", "maintenance.h": "table", "indexing.h": "table",
    "search_session.h": "search",
}
# Public vocabulary that a room may use beyond its edges: search reads tables through their store.
PUBLIC_EXTRA = {"search": {"store", "catalog"}}
MAX_LINES = 600
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def room_of(path: Path):
    parts = path.parts
    if parts[0] == "include":
        return PUBLIC.get(parts[2]) if len(parts) > 2 else None
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def target_room(include: str):
    head, _, rest = include.partition("/")
    if head == "tarn":
        return PUBLIC.get(rest, f"unknown public header {rest}")
    return head if head in MAY_INCLUDE or head in ADAPTERS else None


def check_includes(path: Path, text: str):
    room = room_of(path)
    if room is None:
        if path.parts[0] == "include":
            yield f"{path}: is not listed in tools/check_layers.py (which room does it belong to?)"
        return
    for include in INCLUDE.findall(text):
        target = target_room(include)
        if target is None or target == room:
            continue
        public = include.startswith("tarn/")
        if room in ADAPTERS:
            if not public and target != "base":
                yield f'{path}: {room} is an adapter and may include only the public API and base, not "{include}"'
            continue
        allowed = MAY_INCLUDE[room] | (PUBLIC_EXTRA.get(room, set()) if public else set())
        if target not in allowed:
            yield f'{path}: the {room} room may not include "{include}" (room {target})'


def check_shape(path: Path, text: str):
    if not text.startswith(("// SPDX-License-Identifier: Apache-2.0", "#!")) and path.suffix in {".h", ".cc"}:
        yield f"{path}:1: does not start with its SPDX line"
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield f"{path}: has {lines} lines; the house allows {MAX_LINES}"
    if path.suffix == ".h" and "#pragma once" not in text and "HWY_TARGET_INCLUDE" not in text and not path.name.endswith("-inl.h"):
        yield f"{path}: has no #pragma once"
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"{path}:{number}: unfinished work has no place in the tree: {line.strip()}"
        if "using namespace std" in line:
            yield f"{path}:{number}: using namespace std"


def check_rooms():
    for room in list(MAY_INCLUDE) + sorted(ADAPTERS):
        folder = Path("src") / room
        if folder.is_dir() and not (folder / "README.md").exists():
            yield f"{folder}: a room needs a README.md"


def main():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--",
                            "include", "src"],
                           capture_output=True, text=True, check=True).stdout.split()
    findings = list(check_rooms())
    for name in files:
        path = Path(name)
        if path.suffix not in {".h", ".cc"} or not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        findings += check_includes(path, text)
        findings += check_shape(path, text)
    for finding in findings:
        print(finding)
    print(f"layers: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
