// SPDX-License-Identifier: Apache-2.0
#include "table/changes/row_deletes.h"

#include <algorithm>
#include <bit>
#include <set>
#include <unordered_map>

#include "arrow/api.h"
#include "base/crash_point.h"
#include "base/random_id.h"
#include "iceberg/delete_plan.h"
#include "iceberg/location.h"
#include "iceberg/name_mapping.h"
#include "iceberg/table_metadata.h"
#include "table/changes/column_bounds.h"
#include "table/indexing/position_delete_file.h"
#include "table/schema_arrow.h"
#include "table/view/state_view.h"

namespace tarn {
namespace {

CrashPoint kDeleteResolved("delete/resolved");
CrashPoint kDeleteFileWritten("delete/file/written");
CrashPoint kDeletePlanned("delete/planned");
CrashPoint kDeleteCleaned("delete/cleaned");

using Words = std::vector<uint64_t>;

/// Files are looked at one after the other.
constexpr size_t kOpenFiles = 16;
/// In one delete file: each repeats the location of its data file in memory.
constexpr size_t kMostPositions = 2'000'000;

uint64_t Count(const Words& words) {
  uint64_t count = 0;
  for (const uint64_t word : words) count += static_cast<uint64_t>(std::popcount(word));
  return count;
}

/// Whether every row of `live` is one of `known`; nullptr: all rows.
bool IsWithin(const RowBitmap* live, const RowBitmap* known) {
  if (known == nullptr) return true;
  if (live == nullptr || live->words.size() != known->words.size()) return false;
  for (size_t w = 0; w < live->words.size(); ++w) {
    if ((live->words[w] & ~known->words[w]) != 0) return false;
  }
  return true;
}

Words AllRows(int64_t rows) {
  Words words(static_cast<size_t>((rows + 63) / 64), ~uint64_t{0});
  if (rows % 64 != 0) words.back() = (uint64_t{1} << (rows % 64)) - 1;
  return words;
}

bool IsAlwaysTrue(const arrow::compute::Expression& bound) {
  const arrow::Datum* literal = bound.literal();
  if (literal == nullptr || !literal->is_scalar()) return false;
  const auto& scalar = literal->scalar_as<arrow::BooleanScalar>();
  return scalar.is_valid && scalar.value;
}

std::vector<int64_t> PositionsOf(const Words& words) {
  std::vector<int64_t> positions;
  for (size_t w = 0; w < words.size(); ++w) {
    for (uint64_t rest = words[w]; rest != 0; rest &= rest - 1) {
      positions.push_back(static_cast<int64_t>(w * 64) + std::countr_zero(rest));
    }
  }
  return positions;
}

}  // namespace

RowDeletes::RowDeletes(std::shared_ptr<CatalogProvider> catalog,
                       arrow::compute::Expression predicate)
    : catalog_(std::move(catalog)),
      predicate_(std::move(predicate)),
      cache_(std::make_shared<FileCache>(kOpenFiles)) {}

std::string RowDeletes::KeyOf(const std::string& location) const {
  return catalog_->store().PathOf(location).ValueOr(location);
}

/// The answers of a predicate rest on the columns, too: what was found under others is forgotten.
Status RowDeletes::Bind(const iceberg::TableMetadata& metadata) {
  std::string to = metadata.table_uuid + " " + std::to_string(metadata.current_schema_id) + " " +
                   std::to_string(metadata.CurrentSchema().fields.size());
  if (const auto* names = metadata.FindProperty(iceberg::kNameMappingProperty)) to += *names;
  if (bound_ && bound_to_ == to) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto schema, ToArrowSchema(metadata.CurrentSchema()));
  ARROW_ASSIGN_OR_RAISE(bound_, RowPredicate::Bind(predicate_, *schema));
  bound_to_ = std::move(to);
  known_.clear();
  return Status::OK();
}

Status RowDeletes::AddTo(const TableState& base, CommitPlan* plan) {
  rows_ = removed_files_ = 0;
  named_.clear();
  const auto& metadata = *base.metadata;
  if (metadata.format_version != 2) {
    return Error(ErrorKind::kNotSupported, "table ", base.ident.ToString(), " has format version ",
                 metadata.format_version, "; this version deletes rows of version 2 tables");
  }
  ARROW_RETURN_NOT_OK(Bind(metadata));
  if (metadata.CurrentSnapshot() == nullptr) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto live,
                        iceberg::ReadLiveFiles(catalog_->store(), *metadata.CurrentSnapshot()));
  ARROW_ASSIGN_OR_RAISE(const auto view, OpenViewOf(catalog_, base, live, cache_));
  ARROW_ASSIGN_OR_RAISE(const auto targets, Resolve(metadata.CurrentSchema(), *view, live));
  kDeleteResolved.Reach();
  if (targets.empty()) return Status::OK();
  // Which rows match is a matter of the columns, too.
  plan->requirements.push_back(
      {iceberg::requirement::AssertCurrentSchemaId{metadata.current_schema_id}});
  for (const Target& target : targets) {
    if (target.is_emptied) continue;
    const auto& data = live.data[target.entries[0]].data_file;
    ARROW_ASSIGN_OR_RAISE(const auto files, Write(metadata, data, target.rows));
    for (const auto& file : files) {
      plan->snapshot->added.push_back({file, std::nullopt});
      named_.push_back(file.file_path);
    }
  }
  Remove(live, targets, &*plan->snapshot);
  kDeletePlanned.Reach();
  return Status::OK();
}

Status RowDeletes::LookAhead(const TableState& state) {
  CommitPlan unused;
  unused.snapshot.emplace();
  const Status status = AddTo(state, &unused);
  if (!status.ok()) DeleteUnused(/*committed=*/false);
  // No plan of a commit names anything yet.
  rows_ = removed_files_ = 0;
  named_.clear();
  return status;
}

Result<std::vector<RowDeletes::Target>> RowDeletes::Resolve(const iceberg::Schema& schema,
                                                            const ReadView& view,
                                                            const iceberg::LiveFiles& live) {
  // A table may name a file twice. Position deletes go by its path, and so apply to both.
  std::map<std::string, Target> by_path;
  for (size_t i = 0; i < live.data.size(); ++i) {
    by_path[view.files()[i].path].entries.push_back(i);
  }
  std::vector<Target> targets;
  for (auto& [path, target] : by_path) {
    uint64_t rows = 0;
    for (const size_t entry : target.entries) {
      Words some;
      if (MayMatch(*bound_, schema, live.data[entry].data_file)) {
        ARROW_ASSIGN_OR_RAISE(some, Look(view, entry, target.entries.size() == 1));
      }
      const uint64_t matching = Count(some);
      rows += matching;
      target.rows.resize(std::max(target.rows.size(), some.size()));
      for (size_t w = 0; w < some.size(); ++w) target.rows[w] |= some[w];
      if (!target.is_emptied || (matching == 0 && target.entries.size() == 1)) continue;
      ARROW_ASSIGN_OR_RAISE(const auto left, view.LiveRows(entry));
      target.is_emptied =
          matching == (left ? left->count : static_cast<uint64_t>(view.files()[entry].rows));
    }
    if (rows == 0) continue;
    rows_ += static_cast<int64_t>(rows);
    targets.push_back(std::move(target));
  }
  return targets;
}

/// The matching live rows of a file.
Result<Words> RowDeletes::Look(const ReadView& view, size_t file, bool keep) {
  const auto& [path, size, rows, sequence] = view.files()[file];
  ARROW_ASSIGN_OR_RAISE(const auto live, view.LiveRows(file));
  if (IsAlwaysTrue(bound_->bound())) return live != nullptr ? live->words : AllRows(rows);
  const auto known = known_.find(path);
  if (keep && known != known_.end() && IsWithin(live.get(), known->second.looked_at.get())) {
    Words words = known->second.rows;
    for (size_t w = 0; live != nullptr && w < words.size(); ++w) words[w] &= live->words[w];
    return words;
  }
  ARROW_ASSIGN_OR_RAISE(const auto batch, view.ReadFile(file, bound_->columns()));
  ARROW_ASSIGN_OR_RAISE(Words words, bound_->TrueRows(*batch, path));
  if (live != nullptr) words = AtPositions(words, live->words);
  if (Count(words) == 0) words.clear();
  if (keep) known_[path] = {live, words};
  return words;
}

void RowDeletes::Remove(const iceberg::LiveFiles& live, const std::vector<Target>& targets,
                        iceberg::SnapshotPlan* plan) {
  std::set<std::string> emptied;
  for (const Target& target : targets) {
    if (!target.is_emptied) continue;
    for (const size_t entry : target.entries) {
      const auto& file = live.data[entry].data_file;
      plan->removed.push_back(iceberg::RemovedFile::Of(file));
      emptied.insert(KeyOf(file.file_path));
      ++removed_files_;
    }
  }
  for (const auto& entry : live.deletes) {
    const auto& file = entry.data_file;
    if (file.content != iceberg::FileContent::kPositionDeletes) continue;
    const auto of = iceberg::ReferencedDataFile(file);
    if (of && emptied.count(KeyOf(*of)) != 0) {
      plan->removed.push_back(iceberg::RemovedFile::Of(file));
    }
  }
}

Result<std::vector<iceberg::DataFile>> RowDeletes::Write(const iceberg::TableMetadata& metadata,
                                                         const iceberg::DataFile& data,
                                                         const Words& rows) {
  Staged& staged = staged_[data.file_path];
  if (!staged.files.empty() && staged.rows == rows) return staged.files;
  staged.files.clear();
  const std::vector<int64_t> positions = PositionsOf(rows);
  std::vector<iceberg::DataFile> files;
  for (size_t first = 0; first < positions.size(); first += kMostPositions) {
    const auto begin = positions.begin() + static_cast<int64_t>(first);
    const size_t count = std::min(kMostPositions, positions.size() - first);
    const std::string location =
        iceberg::DataFileLocation(metadata, NewUuid7() + "-deletes.parquet");
    ARROW_ASSIGN_OR_RAISE(const std::string path, catalog_->store().PathOf(location));
    written_[location] = path;
    ARROW_ASSIGN_OR_RAISE(
        auto file,
        WritePositionDeletes(catalog_->shared_store(), path, location, data.file_path,
                             std::vector<int64_t>(begin, begin + static_cast<int64_t>(count))));
    kDeleteFileWritten.Reach();
    file.spec_id = data.spec_id;
    file.partition = data.partition;
    files.push_back(std::move(file));
  }
  staged = {rows, std::move(files)};
  return staged.files;
}

void RowDeletes::DeleteUnused(bool committed) {
  const std::set<std::string> named(named_.begin(), named_.end());
  for (const auto& [location, path] : written_) {
    if (!committed || named.count(location) == 0) (void)catalog_->store().Delete(path);
  }
  kDeleteCleaned.Reach();
  written_.clear();
  staged_.clear();
}

}  // namespace tarn
