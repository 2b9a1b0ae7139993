// SPDX-License-Identifier: Apache-2.0
//
// HadoopVersions: the versions of one table as files `metadata/v<N>.metadata.json`.
//
// Iceberg Java may pack a version (`write.metadata.compression-codec`) and then names its file
// `v<N>.gz.metadata.json`, long ago `v<N>.metadata.json.gz`. Such files are versions like the
// others; Tarn writes none. Where a number has several, the plain one counts, as it does for Java.
//
// A version is published by writing its file whole with put-if-absent: of all who try a number one
// wins, and nothing else is needed for that, no lock and no hint. `version-hint.text` is a hint.
//
// Two things could still deceive, and are guarded against:
// - A writer that slept may find its number free again, because that version was published by
// others,
//   left the metadata log and was deleted. So after publishing, the folder is listed: the newest
//   version is never deleted, and a version that is not the newest counts only if the newest one
//   knows it (Publish).
// - A store that tears writes may leave the beginning of a version's file. Such a file is no
// version
//   if no hint ever reached its number: hints are written before a commit is acknowledged.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iceberg/table_metadata.h"
#include "tarn/store.h"

namespace tarn {

/// A version that was read.
struct HadoopVersion {
  int64_t number = 0;
  std::string path;
  std::shared_ptr<const iceberg::TableMetadata> metadata;
  /// Torn files of higher numbers that are in the way of the next version.
  std::vector<std::string> torn;
};

/// Thread-safe. Remembers the newest version it has seen, parsed.
class HadoopVersions {
 public:
  /// `folder` is the table's path in the store.
  HadoopVersions(std::shared_ptr<Store> store, std::string folder);

  /// The path that Publish gives a version.
  std::string PathOf(int64_t number) const;

  /// kNotFound when there is no version at all; kCorrupt when the newest cannot be read.
  Result<HadoopVersion> LoadNewest();

  /// Writes the version `number`, which follows one that LoadNewest returned (or is the first).
  ///   kCommitConflict      another writer has the number, or had it long ago
  ///   kNotFound            the table was dropped meanwhile
  ///   kCommitStateUnknown  it may or may not be published
  ///   kIo                  it is not published
  /// `alone`: the table's lock is held, so that a torn file may be cleared away.
  Status Publish(int64_t number, const iceberg::TableMetadata& metadata, bool alone);

  /// Writes the hint, and deletes the versions before `oldest_kept`. Best effort: failures are of
  /// no consequence.
  void AfterPublish(int64_t number, int64_t oldest_kept);

  /// The numbers that have files, ascending, each once.
  Result<std::vector<int64_t>> ListNumbers();
  /// Deletes a version under all of its names.
  Status Delete(int64_t number);
  /// Forgets what was remembered.
  void Forget();

 private:
  struct Parsed {
    int64_t number = 0;
    std::string path;
    uint64_t size = 0;
    std::chrono::system_clock::time_point modified;
    std::shared_ptr<const iceberg::TableMetadata> metadata;
  };

  std::optional<int64_t> ReadHint();
  Result<int64_t> FindNewest(std::optional<int64_t> hint);
  Result<int64_t> ProbeFrom(int64_t number);
  Result<std::vector<int64_t>> ListFiles();
  Result<ObjectInfo> FindFile(int64_t number);
  Result<bool> Exists(int64_t number);
  Result<HadoopVersion> Parse(int64_t number, bool* cut_short);
  Status Settle(int64_t number, const std::string& text, bool alone, Status failure);
  Status Confirm(int64_t number, const iceberg::TableMetadata& metadata);

  const std::shared_ptr<Store> store_;
  const std::string folder_;
  std::mutex mutex_;
  Parsed newest_;  ///< guarded by mutex_
};

}  // namespace tarn
