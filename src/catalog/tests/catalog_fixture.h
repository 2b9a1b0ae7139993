// SPDX-License-Identifier: Apache-2.0
//
// A catalog on a fresh store, and small appends to put into it.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random_id.h"
#include "catalog/append.h"
#include "gtest/gtest.h"
#include "iceberg/manifest_io.h"
#include "store/fault_store.h"
#include "tarn/catalog.h"

namespace tarn {

enum class StoreKind { kLocal, kMemory };

inline std::string StoreKindName(const ::testing::TestParamInfo<StoreKind>& info) {
  return info.param == StoreKind::kLocal ? "Local" : "Memory";
}

inline iceberg::Schema TestSchema() {
  iceberg::Schema schema;
  schema.fields.push_back({1, "id", true, iceberg::Type::Of(iceberg::TypeId::kLong), {}, {}});
  schema.fields.push_back({2, "text", false, iceberg::Type::Of(iceberg::TypeId::kString), {}, {}});
  return schema;
}

class CatalogTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    if (GetParam() == StoreKind::kLocal) {
      folder_ = std::filesystem::temp_directory_path() / ("tarn-catalog-" + NewUuid4());
      store_ = LocalStore::Make(folder_, {.durable = false}).ValueOrDie();
    } else {
      store_ = MemoryStore::Make();
    }
    catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string PathOf(const std::string& name) const {
    return store_->UriOf("warehouse/db/t/data/" + name + ".parquet");
  }

  AppendCommit AppendOf(const std::vector<std::string>& names) const {
    AppendCommit commit;
    for (const auto& name : names) {
      iceberg::DataFile file;
      file.file_path = PathOf(name);
      file.record_count = 10;
      file.file_size_in_bytes = 1000;
      file.value_counts = {{1, 10}, {2, 10}};
      file.null_value_counts = {{1, 0}, {2, 3}};
      commit.files.push_back(std::move(file));
    }
    commit.schema = TestSchema();
    return commit;
  }

  /// The data files of the newest version, as a catalog without any memory sees them.
  std::vector<std::string> LivePaths() const {
    const auto catalog = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
    const auto state = catalog->LoadTable(ident_);
    EXPECT_TRUE(state.ok()) << state.status();
    std::vector<std::string> paths;
    if (!state.ok() || state->metadata->CurrentSnapshot() == nullptr) return paths;
    const auto live = iceberg::ReadLiveFiles(*store_, *state->metadata->CurrentSnapshot());
    EXPECT_TRUE(live.ok()) << live.status();
    if (!live.ok()) return paths;
    for (const auto& entry : live->data) paths.push_back(entry.data_file.file_path);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  std::vector<std::string> MetadataFiles() const {
    return store_->ListFolder("warehouse/db/t/metadata").ValueOrDie();
  }

  TableIdent ident_{{"db"}, "t"};
  std::string folder_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<HadoopCatalog> catalog_;
};

}  // namespace tarn
