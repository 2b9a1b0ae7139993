// SPDX-License-Identifier: Apache-2.0
#include "iceberg/location.h"

namespace tarn::iceberg {

std::string JoinLocation(std::string_view location, std::string_view name) {
  while (!location.empty() && location.back() == '/') location.remove_suffix(1);
  return std::string(location).append("/").append(name);
}

std::string MetadataFileLocation(const TableMetadata& metadata, std::string_view name) {
  const std::string* path = metadata.FindProperty("write.metadata.path");
  return JoinLocation(path != nullptr ? *path : JoinLocation(metadata.location, "metadata"), name);
}

std::string DataFileLocation(const TableMetadata& metadata, std::string_view name) {
  const std::string* path = metadata.FindProperty("write.data.path");
  return JoinLocation(path != nullptr ? *path : JoinLocation(metadata.location, "data"), name);
}

}  // namespace tarn::iceberg
