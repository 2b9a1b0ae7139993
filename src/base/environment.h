// SPDX-License-Identifier: Apache-2.0
//
// Settings of the process that come from its environment.
#pragma once

#include <optional>

namespace tarn {

/// A whole number of at least `least`; nullopt when the variable is unset or holds anything else.
std::optional<int> EnvironmentNumber(const char* name, int least);

}  // namespace tarn
