// SPDX-License-Identifier: Apache-2.0
//
// Stands in for libFuzzer in the ordinary builds: gives a fuzz target every file of a folder, and
// every seed cut short and with a byte changed, so that what once went wrong stays right.
// Usage: <target>_replay FOLDER
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr int kVariants = 100;

/// From a block of its own size, so that a read past the end is seen by the address sanitizer.
void Run(const std::vector<uint8_t>& input) {
  const std::vector<uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void RunVariants(const std::vector<uint8_t>& input) {
  if (input.empty()) return;
  std::mt19937 random(1);
  for (int i = 0; i < kVariants; ++i) {
    Run({input.begin(), input.begin() + static_cast<ptrdiff_t>(random() % input.size())});
    std::vector<uint8_t> changed = input;
    changed[random() % changed.size()] = static_cast<uint8_t>(random());
    Run(changed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    std::ifstream file(path, std::ios::binary);
    const std::vector<uint8_t> input{std::istreambuf_iterator<char>(file), {}};
    Run(input);
    RunVariants(input);
  }
  if (!paths.empty()) return 0;
  std::fprintf(stderr, "there are no inputs in %s\n", argv[1]);
  return 1;
}
