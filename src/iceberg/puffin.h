// SPDX-License-Identifier: Apache-2.0
//
// Puffin files: blobs with a footer that says what they are. Read here for the deletion vectors in
// them; manifests say where these lie, so that a footer is needed only to check a file.
// Source: the Iceberg Puffin specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"

namespace tarn::iceberg {

inline constexpr char kDeletionVectorBlob[] = "deletion-vector-v1";

struct PuffinBlob {
  std::string type;
  std::vector<int32_t> fields;
  int64_t snapshot_id = 0;
  int64_t sequence_number = 0;
  uint64_t offset = 0;  ///< the blob lies within the file, before the footer
  uint64_t length = 0;
  std::optional<std::string> compression;
  std::map<std::string, std::string> properties;
};

/// The blobs of a whole file. kCorrupt says what is wrong with the file `name`; kNotSupported for a
/// compressed footer or flags that are not known.
Result<std::vector<PuffinBlob>> ReadPuffinFooter(std::span<const std::byte> file,
                                                 std::string_view name);

}  // namespace tarn::iceberg
