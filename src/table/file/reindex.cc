// SPDX-License-Identifier: Apache-2.0
#include "table/file/reindex.h"

#include <algorithm>

#include "arrow/util/key_value_metadata.h"
#include "base/crash_point.h"
#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "parquet/metadata.h"
#include "table/file/file_reader.h"
#include "table/file/raw_vectors.h"
#include "table/file/vector_sections.h"

namespace tarn {
namespace {

CrashPoint kFileReindexBegun("file/reindex/begun");
CrashPoint kFileReindexBuilt("file/reindex/built");
CrashPoint kFileReindexCopied("file/reindex/copied");
CrashPoint kFileReindexDurable("file/reindex/durable");

/// The stored vectors of one column, as floats; rows without one are null.
struct StoredRows {
  std::vector<float> values;
  EmbeddingsView view;
};

Result<StoredRows> ReadStoredRows(const FileReader& file, const VectorStoragePolicy& policy) {
  ARROW_ASSIGN_OR_RAISE(const auto column, file.OpenVectorColumn(policy));
  const auto dim = static_cast<size_t>(policy.dim);
  StoredRows stored;
  std::vector<int64_t> positions(static_cast<size_t>(file.rows()), -1);
  int64_t vectors = 0;
  ARROW_RETURN_NOT_OK(column->ForEachBlock([&](const index::ExactBlock& block) {
    const size_t begin = stored.values.size();
    stored.values.resize(begin + block.count * dim);
    WidenValues(column->block_precision(), block.step, block.values, block.count * dim,
                stored.values.data() + begin);
    for (uint64_t i = 0; i < block.count; ++i) {
      const uint64_t row = block.rows != nullptr ? block.rows[i] : block.first_row + i;
      if (row >= positions.size()) {
        return Error(ErrorKind::kCorrupt, "column '", policy.column_name, "': a vector of row ",
                     row, ", which the file does not have");
      }
      positions[row] = vectors++;
    }
    return Status::OK();
  }));
  ARROW_ASSIGN_OR_RAISE(const auto all, EmbeddingsView::FromSpan(stored.values, policy.dim));
  // Rows in order and none of them null need no list of positions.
  bool whole = vectors == file.rows();
  for (size_t i = 0; whole && i < positions.size(); ++i) {
    whole = positions[i] == static_cast<int64_t>(i);
  }
  stored.view = whole ? all : all.Take(positions);
  return stored;
}

/// The section as it stands in the opened file.
format::KeyedSection SameSection(std::string key, const format::Section& section) {
  format::NewSection copy{section.info(), {}};
  for (const auto& chunk : section.chunks()) {
    if (chunk.kind != format::kBlockChecksums) copy.chunks.push_back({chunk.kind, chunk.bytes});
  }
  return {std::move(key), std::move(copy)};
}

/// Where the first section begins: everything before it is Parquet.
uint64_t ParquetEnd(const OpenedFile& file) {
  uint64_t end = file.footer_offset;
  for (const ColumnSections& column : file.columns) {
    end = std::min(end, column.map_section.offset());
    if (column.index) end = std::min(end, column.index->offset());
  }
  return end;
}

/// The Parquet structures that readers find by offset must lie in the part that is kept.
Status CheckParquetEnd(const OpenedFile& file, uint64_t end) {
  for (int g = 0; g < file.metadata->num_row_groups(); ++g) {
    const auto group = file.metadata->RowGroup(g);
    for (int c = 0; c < group->num_columns(); ++c) {
      const auto chunk = group->ColumnChunk(c);
      for (const auto& place : {chunk->GetOffsetIndexLocation(), chunk->GetColumnIndexLocation()}) {
        if (place && static_cast<uint64_t>(place->offset + place->length) > end) {
          return Error(ErrorKind::kNotSupported, "a page index lies behind the sections");
        }
      }
    }
  }
  return Status::OK();
}

class Reindexing {
 public:
  Reindexing(Store& store, const FileReader& reader,
             const std::map<std::string, IndexRequest>& columns)
      : store_(store), reader_(reader), file_(reader.file()), requests_(columns) {}

  Result<WrittenFile> Write(const std::string& to) {
    ARROW_RETURN_NOT_OK(CheckRequests());
    kFileReindexBegun.Reach();
    const uint64_t end = ParquetEnd(file_);
    ARROW_RETURN_NOT_OK(CheckParquetEnd(file_, end));
    ARROW_ASSIGN_OR_RAISE(const bool exists, store_.Exists(to));
    if (exists) return Error(ErrorKind::kAlreadyExists, "a file lies there already");
    ARROW_ASSIGN_OR_RAISE(const auto sections, MakeSections());
    kFileReindexBuilt.Reach();
    ARROW_ASSIGN_OR_RAISE(const auto out, store_.OpenUnsyncedWriter(to, PutMode::kIfAbsent));
    ARROW_ASSIGN_OR_RAISE(
        const auto done,
        format::ReplaceSections(file_.bytes->bytes(), end, out.get(), sections, NewFacts()));
    kFileReindexCopied.Reach();
    ARROW_RETURN_NOT_OK(out->Commit());
    ARROW_RETURN_NOT_OK(store_.Sync());
    kFileReindexDurable.Reach();
    WrittenFile written;
    written.path = to;
    written.size = done.size;
    written.rows = reader_.rows();
    written.section_bytes = done.section_bytes;
    written.metadata = done.metadata;
    for (const auto& [name, column] : built_) {
      if (column.codebook() != nullptr) written.codebooks[name] = column.codebook();
    }
    return written;
  }

 private:
  Status CheckRequests() const {
    for (const auto& [name, request] : requests_) {
      if (file_.Find(name) != nullptr) continue;
      if (file_.schema->GetFieldIndex(name) < 0 || !request.policy) {
        return Error(ErrorKind::kNotFound, "the file has no vector column '", name, "'");
      }
      if (format::EmbeddingLeaf(*file_.metadata, name) < 0) {
        return Error(ErrorKind::kNotSupported, "column '", name,
                     "' is no list of floats in three levels");
      }
    }
    return Status::OK();
  }

  std::string PrimaryColumn() const {
    if (!file_.primary_column.empty() || requests_.empty()) return file_.primary_column;
    return requests_.begin()->first;
  }

  /// Footer keys of a file that had none of ours, or only those that a rewriting engine copied,
  /// whose offsets lead nowhere.
  format::FooterKeys NewFacts() const {
    format::FooterKeys keys;
    if (!file_.columns.empty() || requests_.empty()) return keys;
    const auto& old = file_.metadata->key_value_metadata();
    for (int64_t i = 0; old != nullptr && i < old->size(); ++i) {
      const std::string& key = old->key(i);
      const bool section = key.starts_with("ailake.") && key.ends_with("footer_offset");
      if (section || !format::ColumnOfPageMapKey(key).empty()) keys.emplace_back(key, "0");
    }
    const std::string name = PrimaryColumn();
    const VectorStoragePolicy& policy = *requests_.at(name).policy;
    keys.emplace_back(format::kVersionKey, std::to_string(format::kSectionVersion));
    keys.emplace_back(format::kVectorColumnKey, name);
    keys.emplace_back(format::kDimKey, std::to_string(policy.dim));
    keys.emplace_back(format::kMetricKey, std::string(MetricName(policy.metric)));
    keys.emplace_back(format::kPrecisionKey, std::string(PrecisionName(policy.precision)));
    keys.emplace_back(format::kRecordCountKey, std::to_string(file_.rows()));
    return keys;
  }

  /// The column's index, and its page map where the file has none yet.
  Status AddForeign(const VectorStoragePolicy& policy, const IndexRequest& request, bool new_map,
                    std::vector<format::KeyedSection>* sections) {
    const auto& stored = stored_.emplace_back(std::make_unique<StoredRows>());
    ARROW_ASSIGN_OR_RAISE(*stored, ReadStoredRows(reader_, policy));
    ARROW_ASSIGN_OR_RAISE(auto built,
                          ColumnToWrite::MakeForeign({policy, stored->view}, stored->values));
    return AddBuilt(policy.column_name, std::move(built), request, new_map, sections);
  }

  Status AddBuilt(const std::string& name, ColumnToWrite column, const IndexRequest& request,
                  bool new_map, std::vector<format::KeyedSection>* sections) {
    ARROW_RETURN_NOT_OK(column.BuildIndex(request));
    // The chunks' bytes must live until they are written.
    const ColumnToWrite& built = built_.emplace_back(name, std::move(column)).second;
    if (new_map) sections->push_back(built.MapSection());
    sections->push_back(built.IndexSection(name == PrimaryColumn()));
    return Status::OK();
  }

  Result<std::vector<format::KeyedSection>> MakeSections() {
    std::vector<format::KeyedSection> sections;
    for (const ColumnSections& column : file_.columns) {
      const std::string& name = column.policy.column_name;
      sections.push_back(SameSection(format::PageMapKey(name), column.map_section));
      const auto request = requests_.find(name);
      if (request == requests_.end()) {
        if (!column.index) continue;
        sections.push_back(SameSection(IndexKey(name), *column.index));
        continue;
      }
      if ((column.map_section.info().flags & format::kFlagForeign) != 0) {
        ARROW_RETURN_NOT_OK(AddForeign(column.policy, request->second, false, &sections));
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(auto stored, ReadStoredRows(reader_, column.policy));
      ARROW_ASSIGN_OR_RAISE(auto built, ColumnToWrite::Make({column.policy, stored.view}));
      ARROW_RETURN_NOT_OK(AddBuilt(name, std::move(built), request->second, false, &sections));
    }
    for (const auto& [name, request] : requests_) {
      if (file_.Find(name) != nullptr) continue;
      VectorStoragePolicy policy = *request.policy;
      policy.column_name = name;
      ARROW_RETURN_NOT_OK(AddForeign(policy, request, true, &sections));
    }
    return sections;
  }

  std::string IndexKey(const std::string& column) const {
    return column == PrimaryColumn() ? std::string(format::kPrimarySectionKey)
                                     : format::SecondarySectionKey(column);
  }

  Store& store_;
  const FileReader& reader_;
  const OpenedFile& file_;
  const std::map<std::string, IndexRequest>& requests_;
  std::vector<std::unique_ptr<StoredRows>> stored_;  // that chunks of built_ lie in
  std::vector<std::pair<std::string, ColumnToWrite>> built_;
};

}  // namespace

Result<WrittenFile> ReindexFile(Store& store, const std::string& from, const std::string& to,
                                const std::map<std::string, IndexRequest>& columns) {
  const auto run = [&]() -> Result<WrittenFile> {
    ARROW_ASSIGN_OR_RAISE(auto file, OpenFile(store, from));
    const FileReader reader(std::move(file));
    return Reindexing(store, reader, columns).Write(to);
  };
  auto written = run();
  if (!written.ok())
    return WithContext(written.status(), "indexing '" + from + "' as '" + to + "'");
  return written;
}

}  // namespace tarn
