// SPDX-License-Identifier: Apache-2.0
//
// The CPU quota that Linux control groups give this process (containers set it).
#pragma once

#include <optional>
#include <string>

namespace tarn {

/// Processors by the tightest quota from the process's own group up to the root; nullopt when there
/// is none. `proc` and `sys` are "/proc" and "/sys" except in tests. Reads version 2 (cpu.max) and
/// version 1 (cpu.cfs_quota_us) hierarchies; what cannot be read counts as no quota.
std::optional<double> CgroupCpuQuota(const std::string& proc = "/proc",
                                     const std::string& sys = "/sys");

}  // namespace tarn
