// SPDX-License-Identifier: Apache-2.0
#include "table/view/view_deletes.h"

#include <algorithm>
#include <bit>

#include "arrow/api.h"
#include "iceberg/deletion_vector.h"
#include "table/view/position_deletes.h"

namespace tarn {
namespace {

using iceberg::DataFile;
using iceberg::FileContent;

/// The store's path of a location; of one outside it, the location itself.
std::string KeyOf(const Store& store, const std::string& location) {
  return store.PathOf(location).ValueOr(location);
}

Status CheckFormat(const DataFile& file) {
  const bool vector = iceberg::IsDeletionVector(file);
  if (file.file_format == "PARQUET" || vector) return Status::OK();
  return Error(ErrorKind::kNotSupported, file.file_path, ": delete files of format ",
               file.file_format, " cannot be read, only Parquet and deletion vectors in Puffin");
}

ViewDeleteFile::Kind KindOf(const DataFile& file) {
  if (iceberg::IsDeletionVector(file)) return ViewDeleteFile::Kind::kVector;
  return file.content == FileContent::kPositionDeletes ? ViewDeleteFile::Kind::kPositions
                                                       : ViewDeleteFile::Kind::kEquality;
}

/// The rows that are left; nullptr when that is all of them.
std::shared_ptr<const RowBitmap> LiveOf(std::vector<uint64_t> deleted, int64_t rows) {
  auto live = std::make_shared<RowBitmap>();
  for (uint64_t& word : deleted) word = ~word;
  if (rows % 64 != 0) deleted.back() &= (uint64_t{1} << (rows % 64)) - 1;
  for (const uint64_t word : deleted) live->count += static_cast<uint64_t>(std::popcount(word));
  if (live->count == static_cast<uint64_t>(rows)) return nullptr;
  live->words = std::move(deleted);
  return live;
}

}  // namespace

Result<std::unique_ptr<ViewDeletes>> ViewDeletes::Make(
    std::shared_ptr<Store> store, std::shared_ptr<const iceberg::TableMetadata> metadata,
    std::span<const iceberg::ManifestEntry> data, std::vector<iceberg::ManifestEntry> deletes) {
  std::unique_ptr<ViewDeletes> view(new ViewDeletes());
  view->store_ = std::move(store);
  view->metadata_ = std::move(metadata);
  view->deletes_ = std::move(deletes);
  const auto key = [&](const std::string& location) { return KeyOf(*view->store_, location); };
  ARROW_ASSIGN_OR_RAISE(view->plan_, iceberg::PlanDeletes(view->metadata_->partition_specs, data,
                                                          view->deletes_, key));
  for (size_t i = 0; i < data.size(); ++i) {
    const auto first = view->files_by_path_.emplace(key(data[i].data_file.file_path), i).first;
    view->first_listed_.push_back(first->second);
    view->slots_.push_back(std::make_unique<Slot>());
  }
  view->positions_.resize(view->deletes_.size());
  for (auto& positions : view->positions_) positions = std::make_unique<Positions>();
  ARROW_RETURN_NOT_OK(view->TakeApplied());
  return view;
}

Status ViewDeletes::TakeApplied() {
  std::vector<bool> applies(deletes_.size());
  for (const auto& file : plan_) {
    if (file.vector) applies[*file.vector] = true;
    for (const size_t number : file.positions) applies[number] = true;
    for (const size_t number : file.equalities) applies[number] = true;
  }
  for (size_t number = 0; number < deletes_.size(); ++number) {
    if (!applies[number]) continue;
    const DataFile& file = deletes_[number].data_file;
    ARROW_RETURN_NOT_OK(CheckFormat(file));
    ARROW_ASSIGN_OR_RAISE(auto path, PathOf(number));
    applied_.push_back({std::move(path), KindOf(file), file.record_count});
  }
  return Status::OK();
}

Result<std::string> ViewDeletes::PathOf(size_t number) const {
  return store_->PathOf(deletes_[number].data_file.file_path);
}

Result<std::shared_ptr<const RowBitmap>> ViewDeletes::LiveRows(size_t file, int64_t rows,
                                                               const OpenDataFile& open) const {
  const iceberg::FileDeletes& deletes = plan_[file];
  if (deletes.empty() || rows == 0) return nullptr;
  Slot& slot = *slots_[file];
  const std::lock_guard lock(slot.mutex);
  if (slot.known) return slot.live;
  Words deleted(static_cast<size_t>((rows + 63) / 64));
  if (deletes.vector) ARROW_RETURN_NOT_OK(MarkVector(*deletes.vector, &deleted));
  for (const size_t number : deletes.positions) {
    ARROW_RETURN_NOT_OK(MarkPositions(number, file, rows, &deleted));
  }
  if (!deletes.equalities.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto opened, open(file));
    ARROW_RETURN_NOT_OK(MarkEqualities(deletes.equalities, opened, &deleted));
  }
  slot.live = LiveOf(std::move(deleted), rows);
  slot.known = true;
  return slot.live;
}

Status ViewDeletes::MarkVector(size_t number, Words* deleted) const {
  const DataFile& file = deletes_[number].data_file;
  ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(number));
  ARROW_ASSIGN_OR_RAISE(const auto info, store_->Stat(path));
  const auto offset = static_cast<uint64_t>(*file.content_offset);
  const auto length = static_cast<uint64_t>(*file.content_size_in_bytes);
  if (offset > info.size || length > info.size - offset) {
    return Error(ErrorKind::kCorrupt, path, ": the file has ", info.size,
                 " bytes; the manifest says that a deletion vector of ", length, " lies at ",
                 offset);
  }
  ARROW_ASSIGN_OR_RAISE(const auto blob, store_->ReadRange(path, offset, length));
  ARROW_ASSIGN_OR_RAISE(const uint64_t count,
                        iceberg::MarkDeletionVector(blob->bytes(), path, *deleted));
  if (count == static_cast<uint64_t>(file.record_count)) return Status::OK();
  return Error(ErrorKind::kCorrupt, path, ": the deletion vector at ", offset, " holds ", count,
               " rows, the manifest says ", file.record_count);
}

Status ViewDeletes::MarkPositions(size_t number, size_t file, int64_t rows, Words* deleted) const {
  Positions& positions = *positions_[number];
  {
    const std::lock_guard lock(positions.mutex);
    if (!positions.read) {
      positions.rows.clear();
      ARROW_RETURN_NOT_OK(ReadPositions(number, &positions));
      positions.read = true;
    }
  }
  // Nothing changes what was read.
  const auto found = positions.rows.find(first_listed_[file]);
  if (found == positions.rows.end()) return Status::OK();
  for (const uint32_t row : found->second) {
    if (row < rows) (*deleted)[row / 64] |= uint64_t{1} << (row % 64);
  }
  return Status::OK();
}

Status ViewDeletes::ReadPositions(size_t number, Positions* positions) const {
  ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(number));
  ARROW_ASSIGN_OR_RAISE(const auto reader, AilakeFileReader::Open(store_, path));
  // Records are sorted by path: most are of the same file as the one before.
  std::string last_location;
  std::vector<uint32_t>* rows = nullptr;
  bool first = true;
  return ForEachPositionDelete(*reader, [&](std::string_view location, int64_t position) {
    if (first || location != last_location) {
      first = false;
      last_location = location;
      const auto file = files_by_path_.find(KeyOf(*store_, last_location));
      rows = file == files_by_path_.end() ? nullptr : &positions->rows[file->second];
    }
    if (rows != nullptr && position >= 0 && position < UINT32_MAX) {
      rows->push_back(static_cast<uint32_t>(position));
    }
  });
}

Result<EqualityDeletes*> ViewDeletes::EqualitiesOf(const std::vector<int32_t>& field_ids) const {
  const std::lock_guard lock(equalities_mutex_);
  auto& deletes = equalities_[field_ids];
  if (deletes == nullptr) {
    ARROW_ASSIGN_OR_RAISE(deletes, EqualityDeletes::Make(*metadata_, field_ids));
  }
  return deletes.get();
}

Status ViewDeletes::MarkEqualities(const std::vector<size_t>& numbers, const DeletableFile& file,
                                   Words* deleted) const {
  std::map<std::vector<int32_t>, std::vector<size_t>> by_columns;
  for (const size_t number : numbers) {
    auto ids = deletes_[number].data_file.equality_ids;
    std::sort(ids.begin(), ids.end());
    by_columns[std::move(ids)].push_back(number);
  }
  for (const auto& [ids, members] : by_columns) {
    auto deletes = EqualitiesOf(ids);
    if (!deletes.ok()) {
      return WithContext(deletes.status(), deletes_[members[0]].data_file.file_path);
    }
    for (const size_t number : members) {
      if ((*deletes)->has(number)) continue;
      ARROW_ASSIGN_OR_RAISE(const std::string path, PathOf(number));
      ARROW_ASSIGN_OR_RAISE(const auto reader, AilakeFileReader::Open(store_, path));
      ARROW_RETURN_NOT_OK((*deletes)->Load(number, *reader));
    }
    const auto mark = [&](int64_t row) {
      const auto word = static_cast<size_t>(row / 64);
      if (word < deleted->size()) (*deleted)[word] |= uint64_t{1} << (row % 64);
    };
    const Status status =
        (*deletes)->ForEachDeleted(*file.reader, *file.schema, file.partition, members, mark);
    if (!status.ok()) return WithContext(status, file.reader->path());
  }
  return Status::OK();
}

}  // namespace tarn
