// SPDX-License-Identifier: Apache-2.0
#include "base/crash_point.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace tarn {
namespace {

// Points are made while the program is loaded, by one thread, in no known order.
std::vector<const char*>& AllNames() {
  static std::vector<const char*> names;
  return names;
}

}  // namespace

CrashPoint::CrashPoint(const char* name) : name_(name) {
  AllNames().push_back(name);
  const char* wanted = std::getenv("TARN_CRASH_AT");
  if (wanted == nullptr) return;
  const std::string_view text(wanted);
  const size_t colon = text.rfind(':');
  if (text.substr(0, colon) != name_) return;
  left_ = colon == std::string_view::npos ? 1 : std::atoll(wanted + colon + 1);
  armed_ = true;
}

void CrashPoint::Count() {
  if (left_.fetch_sub(1) == 1) kill(getpid(), SIGKILL);
}

std::vector<std::string> CrashPoint::Names() {
  std::vector<std::string> names(AllNames().begin(), AllNames().end());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace tarn
