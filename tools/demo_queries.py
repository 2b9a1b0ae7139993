# SPDX-License-Identifier: Apache-2.0
"""Writes three query vectors of the sample as JSON files; prints their names and texts, tab-separated."""
import json
import sys
from pathlib import Path

import pyarrow.parquet as pq

queries = pq.read_table(sys.argv[1]).to_pylist()
folder = Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for number in (6, 32, 42):
    row = queries[number]
    path = folder / f"{number}.json"
    path.write_text(json.dumps(row["embedding"]))
    print(f"{path}\t{row['text']}")
