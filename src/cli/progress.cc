// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>

namespace tarn::cli {
namespace {

constexpr int kBarWidth = 24;
constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

std::string Duration(double seconds) {
  char text[32];
  if (seconds < 100) {
    std::snprintf(text, sizeof(text), "%.0f s", seconds);
  } else {
    const int minutes = static_cast<int>(seconds / 60);
    std::snprintf(text, sizeof(text), "%d min %02d s", minutes, static_cast<int>(seconds) % 60);
  }
  return text;
}

}  // namespace

Progress::Progress(std::string label, std::optional<int64_t> total)
    : label_(std::move(label)),
      total_(total),
      visible_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() { Clear(); }

void Progress::Update(int64_t done) {
  Show([&] { return Format(label_, done, total_, seconds()); });
}

void Progress::Show(const std::function<std::string()>& line) {
  const auto now = std::chrono::steady_clock::now();
  if (!visible_ || (drawn_ && now - last_draw_ < kRedrawInterval)) return;
  last_draw_ = now;
  drawn_ = true;
  std::fprintf(stderr, "\r\033[K%s", line().c_str());
  std::fflush(stderr);
}

void Progress::Clear() {
  if (drawn_) {
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
  }
  drawn_ = false;
}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

std::string Progress::Format(const std::string& label, int64_t done, std::optional<int64_t> total,
                             double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string line = label + " ";
  if (total && *total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total));
    const int filled = static_cast<int>(share * kBarWidth);
    line += "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
    line += std::to_string(static_cast<int>(share * 100)) + " % ";
  }
  line += WithThousands(done) + " rows, " + WithThousands(static_cast<int64_t>(rate)) + " rows/s";
  if (total && rate > 0 && done < *total) {
    line += ", " + Duration(static_cast<double>(*total - done) / rate) + " left";
  }
  return line;
}

std::string WithThousands(int64_t number) {
  std::string digits = std::to_string(number);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string HumanBytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace tarn::cli
