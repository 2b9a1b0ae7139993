// SPDX-License-Identifier: Apache-2.0
#include "base/environment.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace tarn {

std::optional<int> EnvironmentNumber(const char* name, int least) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  if (error != std::errc() || at != end || value < least) return std::nullopt;
  return value;
}

}  // namespace tarn
