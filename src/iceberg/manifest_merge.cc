// SPDX-License-Identifier: Apache-2.0
#include "iceberg/manifest_merge.h"

#include <algorithm>
#include <map>
#include <utility>

namespace tarn::iceberg {

MergePolicy MergePolicy::Of(const TableMetadata& metadata) {
  MergePolicy policy;
  const std::string* enabled = metadata.FindProperty("commit.manifest-merge.enabled");
  policy.enabled = enabled == nullptr || *enabled != "false";
  policy.min_count = std::max<int64_t>(
      2, metadata.PropertyNumber("commit.manifest.min-count-to-merge", policy.min_count));
  policy.target_bytes = std::max<int64_t>(
      1, metadata.PropertyNumber("commit.manifest.target-size-bytes", policy.target_bytes));
  return policy;
}

std::vector<std::vector<size_t>> ChooseMerges(const std::vector<ManifestFile>& lines,
                                              const MergePolicy& policy) {
  std::vector<std::vector<size_t>> groups;
  if (!policy.enabled) return groups;
  std::map<std::pair<ManifestContent, int32_t>, std::vector<size_t>> kinds;
  for (size_t i = 0; i < lines.size(); ++i) {
    kinds[{lines[i].content, lines[i].partition_spec_id}].push_back(i);
  }
  for (const auto& [kind, places] : kinds) {
    if (static_cast<int64_t>(places.size()) < policy.min_count) continue;
    // Neighbours stay together: manifests are in the order of their commits.
    std::vector<size_t> group;
    int64_t bytes = 0;
    const auto close = [&] {
      if (group.size() > 1) groups.push_back(group);
      group.clear();
      bytes = 0;
    };
    for (const size_t place : places) {
      if (bytes + lines[place].manifest_length > policy.target_bytes) close();
      group.push_back(place);
      bytes += lines[place].manifest_length;
    }
    close();
  }
  return groups;
}

}  // namespace tarn::iceberg
