// SPDX-License-Identifier: Apache-2.0
//
// A temporary folder that goes with the test.
#pragma once

#include <filesystem>
#include <string>

#include "base/random_id.h"

namespace tarn {

class TempFolder {
 public:
  TempFolder() : path_(std::filesystem::temp_directory_path() / ("tarn-store-" + NewUuid4())) {}
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace tarn
