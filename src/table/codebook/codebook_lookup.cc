// SPDX-License-Identifier: Apache-2.0
#include "table/codebook/codebook_lookup.h"

#include <algorithm>
#include <set>

#include "iceberg/manifest_io.h"
#include "table/file/file_reader.h"

namespace tarn {
namespace {

using CodebookPtr = std::shared_ptr<const index::Codebook>;

class Lookup {
 public:
  Lookup(const std::shared_ptr<Store>& store, const VectorStoragePolicy& policy, int32_t field_id,
         const CodebookRecord& record)
      : store_(store), policy_(policy), field_id_(field_id), record_(record) {}

  /// The codebook, or nullptr when this file does not have it. Fails only where the store does.
  Result<CodebookPtr> In(const std::string& location) {
    if (!seen_.insert(location).second) return nullptr;
    auto found = Read(location);
    if (found.ok() || IsKind(found.status(), ErrorKind::kIo)) return found;
    return nullptr;
  }

  Result<CodebookPtr> InSnapshot(const iceberg::Snapshot& snapshot) {
    auto live = iceberg::ReadLiveFiles(*store_, snapshot);
    if (!live.ok()) {
      if (IsKind(live.status(), ErrorKind::kIo)) return live.status();
      return nullptr;
    }
    // The newest files are the likeliest to be coded with the newest codebook.
    std::stable_sort(live->data.begin(), live->data.end(), [](const auto& a, const auto& b) {
      return a.sequence_number.value_or(0) > b.sequence_number.value_or(0);
    });
    for (const auto& entry : live->data) {
      ARROW_ASSIGN_OR_RAISE(auto found, In(entry.data_file.file_path));
      if (found != nullptr) return found;
    }
    return nullptr;
  }

 private:
  Result<CodebookPtr> Read(const std::string& location) {
    ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(location));
    ARROW_ASSIGN_OR_RAISE(const auto reader, AilakeFileReader::Open(store_, path));
    ARROW_ASSIGN_OR_RAISE(const auto column,
                          FileReader::Of(*reader).OpenVectorColumn(policy_, field_id_));
    ARROW_ASSIGN_OR_RAISE(const index::VectorIndex* index, column->index());
    if (index == nullptr) return nullptr;
    const auto use = index->codebook_use();
    if (!use || use->fingerprint != record_.fingerprint) return nullptr;
    return column->CopyCodebook();
  }

  const std::shared_ptr<Store>& store_;
  const VectorStoragePolicy& policy_;
  const int32_t field_id_;
  const CodebookRecord& record_;
  std::set<std::string> seen_;
};

}  // namespace

Result<CodebookPtr> FindCodebook(const std::shared_ptr<Store>& store,
                                 const iceberg::TableMetadata& metadata,
                                 const VectorStoragePolicy& policy, int32_t field_id,
                                 const CodebookRecord& record) {
  Lookup lookup(store, policy, field_id, record);
  ARROW_ASSIGN_OR_RAISE(auto found, lookup.In(record.file));
  if (found != nullptr) return found;
  if (const auto* current = metadata.CurrentSnapshot()) {
    ARROW_ASSIGN_OR_RAISE(found, lookup.InSnapshot(*current));
    if (found != nullptr) return found;
  }
  for (auto snapshot = metadata.snapshots.rbegin(); snapshot != metadata.snapshots.rend();
       ++snapshot) {
    ARROW_ASSIGN_OR_RAISE(found, lookup.InSnapshot(*snapshot));
    if (found != nullptr) return found;
  }
  return Error(ErrorKind::kNotFound, "no file of the table carries codebook ", record.id, " (",
               record.fingerprint, ") of column '", policy.column_name, "' any more");
}

}  // namespace tarn
