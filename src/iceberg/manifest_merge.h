// SPDX-License-Identifier: Apache-2.0
//
// Which manifests of a snapshot a commit writes together into larger ones, so that a table of many
// small commits is planned from few of them: policy only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

/// As the table properties `commit.manifest-merge.enabled`, `commit.manifest.min-count-to-merge`
/// and `commit.manifest.target-size-bytes` have it.
struct MergePolicy {
  bool enabled = true;
  int64_t min_count = 100;
  int64_t target_bytes = 8 << 20;

  static MergePolicy Of(const TableMetadata& metadata);
};

/// Groups of places in `lines`, each to become one manifest: of one content and one partition spec,
/// at most the target size together, at least two. Nothing below the least count, which is taken
/// for each content and spec by itself: a group of n manifests is written once in about n commits.
std::vector<std::vector<size_t>> ChooseMerges(const std::vector<ManifestFile>& lines,
                                              const MergePolicy& policy);

}  // namespace tarn::iceberg
