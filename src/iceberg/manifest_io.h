// SPDX-License-Identifier: Apache-2.0
//
// Manifests from and to a store, and the live files of a snapshot.
#pragma once

#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/snapshot.h"
#include "tarn/store.h"

namespace tarn::iceberg {

/// The lines of a snapshot's manifest list (or of the manifests a version 1 snapshot names).
Result<std::vector<ManifestFile>> ReadManifestList(Store& store, const Snapshot& snapshot);

/// One manifest, with everything inherited from its line filled in.
Result<Manifest> ReadManifest(Store& store, const ManifestFile& line);

/// The live entries of a snapshot, data and delete files apart, in list order.
struct LiveFiles {
  std::vector<ManifestEntry> data;
  std::vector<ManifestEntry> deletes;
};
Result<LiveFiles> ReadLiveFiles(Store& store, const Snapshot& snapshot);

/// Writes a manifest at a store path, unsynced (Store::Sync), and returns its line. The line's
/// sequence numbers are those of `commit_sequence_number`: an append that is retried sets them
/// again (see append.h).
Result<ManifestFile> WriteManifest(Store& store, const std::string& path, const Manifest& manifest,
                                   SnapshotId snapshot, int64_t commit_sequence_number);

}  // namespace tarn::iceberg
