// SPDX-License-Identifier: Apache-2.0
#include "iceberg/manifest_io.h"

#include <utility>

#include "iceberg/manifest_avro.h"

namespace tarn::iceberg {
namespace {

Result<std::shared_ptr<StoreBytes>> ReadLocation(Store& store, const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, store.PathOf(location));
  return store.Read(path);
}

}  // namespace

Result<std::vector<ManifestFile>> ReadManifestList(Store& store, const Snapshot& snapshot) {
  if (!snapshot.manifest_list.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadLocation(store, snapshot.manifest_list));
    return ManifestListFromAvro(bytes->bytes(), snapshot.manifest_list);
  }
  std::vector<ManifestFile> lines;
  for (const auto& location : snapshot.manifests) {
    ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadLocation(store, location));
    ARROW_ASSIGN_OR_RAISE(const auto manifest, ManifestFromAvro(bytes->bytes(), location));
    ARROW_ASSIGN_OR_RAISE(auto line, SummarizeManifest(manifest, 0));
    line.manifest_path = location;
    line.manifest_length = static_cast<int64_t>(bytes->size());
    line.added_snapshot_id = snapshot.snapshot_id;
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<Manifest> ReadManifest(Store& store, const ManifestFile& line) {
  ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadLocation(store, line.manifest_path));
  ARROW_ASSIGN_OR_RAISE(auto manifest, ManifestFromAvro(bytes->bytes(), line.manifest_path));
  ARROW_RETURN_NOT_OK(InheritFrom(line, line.manifest_path, &manifest));
  return manifest;
}

Result<LiveFiles> ReadLiveFiles(Store& store, const Snapshot& snapshot) {
  LiveFiles live;
  ARROW_ASSIGN_OR_RAISE(const auto lines, ReadManifestList(store, snapshot));
  for (const auto& line : lines) {
    ARROW_ASSIGN_OR_RAISE(auto manifest, ReadManifest(store, line));
    auto& files = line.content == ManifestContent::kData ? live.data : live.deletes;
    for (auto& entry : manifest.entries) {
      if (entry.is_live()) files.push_back(std::move(entry));
    }
  }
  return live;
}

Result<ManifestFile> WriteManifest(Store& store, const std::string& path, const Manifest& manifest,
                                   SnapshotId snapshot, int64_t commit_sequence_number) {
  ARROW_ASSIGN_OR_RAISE(auto line, SummarizeManifest(manifest, commit_sequence_number));
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, ManifestToAvro(manifest));
  ARROW_RETURN_NOT_OK(store.PutUnsynced(path, bytes));
  line.manifest_path = store.UriOf(path);
  line.manifest_length = static_cast<int64_t>(bytes.size());
  line.added_snapshot_id = snapshot;
  return line;
}

}  // namespace tarn::iceberg
