// SPDX-License-Identifier: Apache-2.0
#include "search/file_plan.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace tarn {
namespace {

// A graph search that keeps fewer candidates loses its way.
constexpr double kLeastBeam = 12;
// Nanoseconds, roughly: what a candidate of a graph and a row of a scan cost, and what starting
// threads must save to pay.
constexpr double kCandidateCost = 1200;
constexpr double kRowCost = 60;
constexpr double kWorthThreads = 1e6;

}  // namespace

FilePlan PlanFiles(std::span<const FileFacts> files, uint32_t k, uint32_t ef, int width) {
  double indexed_rows = 0;
  for (const auto& file : files) {
    if (file.indexed) indexed_rows += static_cast<double>(file.rows);
  }
  FilePlan plan;
  double cost = 0;
  for (uint32_t i = 0; i < files.size(); ++i) {
    const FileFacts& file = files[i];
    if (file.rows == 0) continue;
    FileTask task{i, ef, 0, file.least};
    if (file.indexed) {
      const double share = static_cast<double>(file.rows) / indexed_rows;
      const double beam = std::max(std::ceil(ef * std::sqrt(share)), kLeastBeam);
      if (beam < ef) {
        task.beam = static_cast<uint32_t>(beam);
        task.ef = std::min(ef, std::max(k, task.beam));
      }
      cost += kCandidateCost * std::max(task.beam, task.beam == 0 ? task.ef : 0);
    } else {
      cost += kRowCost * static_cast<double>(file.rows);
    }
    plan.tasks.push_back(task);
  }
  // A scan costs the same whenever it is done, and its answer is exact: the best bound there is.
  std::sort(plan.tasks.begin(), plan.tasks.end(), [&](const FileTask& a, const FileTask& b) {
    const FileFacts& x = files[a.file];
    const FileFacts& y = files[b.file];
    return std::tie(x.indexed, x.expected, a.file) < std::tie(y.indexed, y.expected, b.file);
  });
  if (plan.tasks.size() > 1 && cost > kWorthThreads) {
    plan.threads = static_cast<int>(std::min<size_t>(plan.tasks.size(), std::max(width, 1)));
  }
  return plan;
}

}  // namespace tarn
