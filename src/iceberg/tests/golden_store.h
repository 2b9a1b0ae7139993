// SPDX-License-Identifier: Apache-2.0
//
// The golden tables (tests/golden), under the locations that are written in them:
// file:/tmp/tarn-golden/<table>/warehouse/db/vectors/metadata/<file> is
// tests/golden/<table>/<file>,
// .../vectors/data/<file> is tests/golden/<table>/data/<file>.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tarn/store.h"

namespace tarn::iceberg {

class GoldenStore : public Store {
 public:
  GoldenStore() : files_(LocalStore::Make(TARN_GOLDEN_DIR, {.durable = false}).ValueOrDie()) {}

  Result<std::string> PathOf(std::string_view uri) const override {
    constexpr std::string_view kRoot = "/tmp/tarn-golden/";
    const size_t root = uri.find(kRoot);
    if (root == std::string_view::npos) return Error(ErrorKind::kBadInput, "foreign ", uri);
    std::string path(uri.substr(root + kRoot.size()));
    constexpr std::pair<std::string_view, std::string_view> kFolders[] = {
        {"/warehouse/db/vectors/metadata/", "/"},
        {"/default/table/metadata/", "/"},
        {"/warehouse/db/vectors/data/", "/data/"}};
    for (const auto& [middle, instead] : kFolders) {
      const size_t at = path.find(middle);
      if (at != std::string::npos) path.replace(at, middle.size(), instead);
    }
    return path;
  }
  Result<std::shared_ptr<StoreBytes>> Read(std::string_view path) override {
    return files_->Read(path);
  }
  Result<std::shared_ptr<StoreBytes>> ReadRange(std::string_view path, uint64_t offset,
                                                uint64_t length) override {
    return files_->ReadRange(path, offset, length);
  }
  Result<std::shared_ptr<StoreBytes>> Map(std::string_view path) override {
    return files_->Map(path);
  }
  Result<ObjectInfo> Stat(std::string_view path) override { return files_->Stat(path); }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    return files_->List(prefix);
  }
  Result<std::vector<std::string>> ListFolder(std::string_view folder) override {
    return files_->ListFolder(folder);
  }
  // The golden files are never written.
  Result<std::unique_ptr<StoreWriter>> OpenWriter(std::string_view path, PutMode) override {
    return Error(ErrorKind::kIo, path, " is read only");
  }
  Status Delete(std::string_view path) override {
    return Error(ErrorKind::kIo, path, " is read only");
  }
  Result<std::unique_ptr<StoreLock>> Lock(std::string_view path,
                                          std::chrono::milliseconds) override {
    return Error(ErrorKind::kIo, path, " is read only");
  }
  std::string UriOf(std::string_view path) const override { return files_->UriOf(path); }

 private:
  std::shared_ptr<LocalStore> files_;
};

}  // namespace tarn::iceberg
