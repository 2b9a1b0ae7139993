// SPDX-License-Identifier: Apache-2.0
#include "table/check/verify_deletes.h"

#include <algorithm>

#include "arrow/api.h"
#include "iceberg/delete_plan.h"
#include "iceberg/deletion_vector.h"
#include "iceberg/puffin.h"
#include "table/view/equality_deletes.h"
#include "table/view/position_deletes.h"
#include "tarn/ailake_file.h"

namespace tarn {
namespace {

using iceberg::DataFile;
using iceberg::FileContent;

Status Damaged(const std::string& what) { return Error(ErrorKind::kCorrupt, what); }

/// Decodes every record.
Status CheckParquet(const std::shared_ptr<Store>& store, const std::string& path,
                    const iceberg::TableMetadata& metadata, const DataFile& entry) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, AilakeFileReader::Open(store, path));
  if (reader->rows() != entry.record_count) {
    return Damaged("the file has " + std::to_string(reader->rows()) +
                   " records, the manifest says " + std::to_string(entry.record_count));
  }
  ARROW_RETURN_NOT_OK(reader->Verify());
  if (entry.content == FileContent::kPositionDeletes) {
    return ForEachPositionDelete(*reader, [](std::string_view, int64_t) {});
  }
  ARROW_ASSIGN_OR_RAISE(const auto deletes, EqualityDeletes::Make(metadata, entry.equality_ids));
  return deletes->Load(0, *reader);
}

/// One vector against its entry and against what the file's footer says of it.
Status CheckVector(Store& store, std::span<const std::byte> file, const std::string& path,
                   const std::vector<iceberg::PuffinBlob>& blobs, const DataFile& entry) {
  const auto offset = static_cast<uint64_t>(entry.content_offset.value_or(-1));
  const auto length = static_cast<uint64_t>(entry.content_size_in_bytes.value_or(-1));
  const auto blob = std::find_if(blobs.begin(), blobs.end(), [&](const auto& b) {
    return b.offset == offset && b.length == length && b.type == iceberg::kDeletionVectorBlob;
  });
  if (blob == blobs.end()) {
    return Damaged("the footer knows of no deletion vector of " + std::to_string(length) +
                   " bytes at " + std::to_string(offset));
  }
  const auto same = [&](const std::string& location) {
    return store.PathOf(location).ValueOr(location);
  };
  const auto named = blob->properties.find("referenced-data-file");
  if (named != blob->properties.end() && entry.referenced_data_file &&
      same(named->second) != same(*entry.referenced_data_file)) {
    return Damaged("the deletion vector at " + std::to_string(offset) + " is of " + named->second +
                   ", the manifest says " + *entry.referenced_data_file);
  }
  ARROW_ASSIGN_OR_RAISE(const uint64_t rows,
                        iceberg::MarkDeletionVector(file.subspan(offset, length), path, {}));
  if (rows == static_cast<uint64_t>(entry.record_count)) return Status::OK();
  return Damaged("the deletion vector at " + std::to_string(offset) + " holds " +
                 std::to_string(rows) + " rows, the manifest says " +
                 std::to_string(entry.record_count));
}

Status CheckPuffin(Store& store, const std::string& path, const std::vector<DataFile>& entries) {
  ARROW_ASSIGN_OR_RAISE(const auto file, store.Read(path));
  ARROW_ASSIGN_OR_RAISE(const auto blobs, iceberg::ReadPuffinFooter(file->bytes(), path));
  for (const DataFile& entry : entries) {
    ARROW_RETURN_NOT_OK(CheckVector(store, file->bytes(), path, blobs, entry));
  }
  return Status::OK();
}

Status Check(const std::shared_ptr<Store>& store, const std::string& path,
             const iceberg::TableMetadata& metadata, const std::vector<DataFile>& entries) {
  ARROW_ASSIGN_OR_RAISE(const auto info, store->Stat(path));
  if (static_cast<int64_t>(info.size) != entries[0].file_size_in_bytes) {
    return Damaged("the file has " + std::to_string(info.size) + " bytes, the manifest says " +
                   std::to_string(entries[0].file_size_in_bytes));
  }
  if (iceberg::IsDeletionVector(entries[0])) return CheckPuffin(*store, path, entries);
  if (entries[0].file_format == "PARQUET") {
    return CheckParquet(store, path, metadata, entries[0]);
  }
  return Error(ErrorKind::kNotSupported, "files of format ", entries[0].file_format,
               " cannot be read");
}

}  // namespace

std::vector<Finding> VerifyDeleteFile(const std::shared_ptr<Store>& store,
                                      const iceberg::TableMetadata& metadata,
                                      const std::vector<DataFile>& entries) {
  const std::string& location = entries[0].file_path;
  const auto path = store->PathOf(location);
  if (!path.ok()) return {{location, "delete file: " + path.status().message()}};
  const Status status = Check(store, *path, metadata, entries);
  if (status.ok()) return {};
  std::string message = status.message();
  for (const std::string& named : {*path + ": ", "file '" + *path + "': "}) {
    for (size_t at; (at = message.find(named)) != std::string::npos;) {
      message.erase(at, named.size());
    }
  }
  return {{*path, "delete file: " + message}};
}

}  // namespace tarn
