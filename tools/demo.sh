#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo behind `./dev demo`: real data in, three searches, and the same table through other engines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${TARN_BINARY:?run ./dev demo}" "${PYTHON:?run ./dev demo}"

lake="$(mktemp -d "${TMPDIR:-/tmp}/tarn-demo.XXXXXX")"
trap 'rm -rf "$lake"' EXIT
sample=data/wordnet-sample
table=demo.wordnet

tarn() { "$TARN_BINARY" -C "$lake" "$@"; }
show() { printf '\n\033[1m$ tarn %s\033[0m\n' "$*"; tarn "$@"; }

echo "8,000 WordNet definitions with their 384-dimensional embeddings (licence: $sample/LICENSE-WordNet.txt)"
show ingest $table $sample/wordnet-sample.parquet --vector embedding --metric cosine --batch-rows 2000
show info $table

echo
echo "Three searches. Each query is the embedding of an example sentence; the sentence itself is not in the table."
"$PYTHON" tools/demo_queries.py $sample/wordnet-sample-queries.parquet "$lake/queries" | while IFS=$'\t' read -r file text; do
  printf '\n\033[1m"%s"\033[0m\n' "$text"
  tarn search $table --vector "@$file" --k 5 --columns lemmas,definition --width 70
done

echo
echo "The same table, read by other engines:"
"$PYTHON" tools/demo_read.py "$lake" demo wordnet
show verify $table
