// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/moved_deletes.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/random_id.h"
#include "iceberg/location.h"
#include "table/indexing/position_delete_file.h"
#include "table/view/position_deletes.h"

namespace tarn {
namespace {

CrashPoint kIndexDeletesBefore("index/deletes/before");
CrashPoint kIndexDeletesMoved("index/deletes/moved");

}  // namespace

Result<std::vector<int64_t>> MovedDeletes::PositionsIn(const std::string& delete_file,
                                                       const std::string& data_file) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(delete_file));
  ARROW_ASSIGN_OR_RAISE(const auto reader, AilakeFileReader::Open(store_, path));
  // One file has several spellings; the store knows them.
  const std::string wanted = store_->PathOf(data_file).ValueOr(data_file);
  std::vector<int64_t> positions;
  std::string last;
  bool is_wanted = false;
  ARROW_RETURN_NOT_OK(
      ForEachPositionDelete(*reader, [&](std::string_view location, int64_t position) {
        if (location != last || last.empty()) {
          last = std::string(location);
          is_wanted = store_->PathOf(last).ValueOr(last) == wanted;
        }
        if (is_wanted && position >= 0) positions.push_back(position);
      }));
  return positions;
}

Result<iceberg::DataFile> MovedDeletes::Write(const iceberg::TableMetadata& metadata,
                                              const std::string& location,
                                              const std::vector<int64_t>& positions) {
  kIndexDeletesBefore.Reach();
  const std::string target = iceberg::DataFileLocation(metadata, NewUuid7() + "-deletes.parquet");
  ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(target));
  written_[target] = path;
  return WritePositionDeletes(store_, path, target, location, positions);
}

Status MovedDeletes::Move(const iceberg::TableMetadata& metadata, const iceberg::LiveFiles& live,
                          size_t number, const iceberg::FileDeletes& deletes,
                          const std::string& location, iceberg::SnapshotPlan* plan) {
  const iceberg::DataFile& old = live.data[number].data_file;
  if (deletes.vector) {
    return Error(ErrorKind::kNotSupported, old.file_path,
                 " has a deletion vector, which this version cannot move to a new file");
  }
  if (deletes.positions.empty()) return Status::OK();
  std::vector<std::string> sources;
  for (const size_t source : deletes.positions) {
    sources.push_back(live.deletes[source].data_file.file_path);
  }
  auto known = moved_.find({location, sources});
  if (known == moved_.end()) {
    std::vector<int64_t> positions;
    for (const auto& source : sources) {
      ARROW_ASSIGN_OR_RAISE(const auto some, PositionsIn(source, old.file_path));
      positions.insert(positions.end(), some.begin(), some.end());
    }
    std::sort(positions.begin(), positions.end());
    positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
    iceberg::DataFile file;
    if (!positions.empty()) {
      ARROW_ASSIGN_OR_RAISE(file, Write(metadata, location, positions));
      file.spec_id = old.spec_id;
      file.partition = old.partition;
    }
    kIndexDeletesMoved.Reach();
    known = moved_.emplace(std::pair(location, sources), std::move(file)).first;
  }
  if (known->second.record_count > 0) plan->added.push_back({known->second, std::nullopt});
  const std::string key = store_->PathOf(old.file_path).ValueOr(old.file_path);
  for (const size_t source : deletes.positions) {
    const iceberg::DataFile& file = live.deletes[source].data_file;
    const auto of = iceberg::ReferencedDataFile(file);
    if (of && store_->PathOf(*of).ValueOr(*of) == key) {
      plan->removed.push_back(iceberg::RemovedFile::Of(file));
    }
  }
  return Status::OK();
}

}  // namespace tarn
