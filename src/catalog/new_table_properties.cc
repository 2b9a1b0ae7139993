// SPDX-License-Identifier: Apache-2.0
#include "catalog/new_table_properties.h"

#include <utility>

namespace tarn {

void AddNewTableProperties(std::map<std::string, std::string>* properties) {
  constexpr std::pair<const char*, const char*> kStandard[] = {
      {"write.metadata.delete-after-commit.enabled", "true"},
      {"write.metadata.previous-versions-max", "100"},
      {"history.expire.max-snapshot-age-ms", "432000000"},  // 5 days
      {"history.expire.min-snapshots-to-keep", "10"},
      {"tarn.expire.auto", "true"},
      {"tarn.expire.max-snapshots", "1000"},
  };
  for (const auto& [key, value] : kStandard) properties->emplace(key, value);
}

}  // namespace tarn
