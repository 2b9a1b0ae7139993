// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tarn {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<double> Share(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return std::nullopt;
  return quota / period;
}

/// "max 100000" or "250000 100000": microseconds of CPU time in each period.
std::optional<double> QuotaOfV2(const fs::path& group) {
  const auto line = FirstLine(group / "cpu.max");
  if (!line) return std::nullopt;
  std::istringstream in(*line);
  double quota = 0, period = 0;
  if (!(in >> quota >> period)) return std::nullopt;
  return Share(quota, period);
}

std::optional<double> QuotaOfV1(const fs::path& group) {
  const auto quota = FirstLine(group / "cpu.cfs_quota_us");
  const auto period = FirstLine(group / "cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  std::istringstream in(*quota + " " + *period);
  double q = 0, p = 0;
  if (!(in >> q >> p)) return std::nullopt;
  return Share(q, p);
}

}  // namespace

std::optional<double> CgroupCpuQuota(const std::string& proc, const std::string& sys) {
  std::optional<double> least;
  const auto consider = [&](std::optional<double> quota) {
    if (quota && (!least || *quota < *least)) least = quota;
  };
  // Each group up to the root has its say. Inside a container the path may not exist under the
  // mount; the walk then ends at the mount itself, which is the container's group.
  const auto walk = [&](const fs::path& root, const std::string& path, auto quota_of) {
    fs::path inner = fs::path(path).relative_path();
    for (;; inner = inner.parent_path()) {
      consider(quota_of(root / inner));
      if (inner.empty()) return;
    }
  };
  std::ifstream file(fs::path(proc) / "self/cgroup");
  for (std::string line; std::getline(file, line);) {
    // hierarchy:controllers:path
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    const fs::path mount = fs::path(sys) / "fs/cgroup";
    if (controllers == ",,") walk(mount, path, QuotaOfV2);
    if (controllers.find(",cpu,") != std::string::npos) {
      walk(mount / "cpu", path, QuotaOfV1);
    }
  }
  return least;
}

}  // namespace tarn
