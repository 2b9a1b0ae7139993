// SPDX-License-Identifier: Apache-2.0
//
// A catalog on a fresh store, and small appends to put into it.
#pragma once

#include <zlib.h>

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
#include "tarn/sql_catalog.h"

namespace tarn {

/// What a test runs over: a Hadoop catalog or (kSql...) an SQL catalog, over files or memory.
enum class StoreKind { kLocal, kMemory, kSqlLocal, kSqlMemory };

inline std::string StoreKindName(const ::testing::TestParamInfo<StoreKind>& info) {
  constexpr const char* kNames[] = {"Local", "Memory", "SqlLocal", "SqlMemory"};
  return kNames[static_cast<int>(info.param)];
}

inline auto AllCatalogs() {
  return ::testing::Values(StoreKind::kLocal, StoreKind::kMemory, StoreKind::kSqlLocal,
                           StoreKind::kSqlMemory);
}

inline iceberg::Schema TestSchema() {
  iceberg::Schema schema;
  schema.fields.push_back({1, "id", true, iceberg::Type::Of(iceberg::TypeId::kLong), {}, {}});
  schema.fields.push_back({2, "text", false, iceberg::Type::Of(iceberg::TypeId::kString), {}, {}});
  return schema;
}

inline std::string Gzip(const std::string& text) {
  std::string packed(text.size() + 200, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

class CatalogTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / ("tarn-catalog-" + NewUuid4())).string();
    std::filesystem::create_directories(folder_);
    store_ = is_local() ? std::shared_ptr<Store>(MakeLocalStore()) : MemoryStore::Make();
    catalog_ = OpenOn(store_);
  }
  void TearDown() override {
    catalog_.reset();
    std::filesystem::remove_all(folder_);
  }

  static bool is_sql() { return GetParam() >= StoreKind::kSqlLocal; }
  static bool is_local() {
    return GetParam() == StoreKind::kLocal || GetParam() == StoreKind::kSqlLocal;
  }
  std::string database() const { return folder_ + "/catalog.db"; }
  std::shared_ptr<LocalStore> MakeLocalStore() const {
    return LocalStore::Make(folder_, {.durable = false}).ValueOrDie();
  }

  /// A catalog of the test's kind that remembers nothing.
  std::shared_ptr<CatalogProvider> OpenOn(std::shared_ptr<Store> store) const {
    if (!is_sql()) return HadoopCatalog::Make(std::move(store), "warehouse").ValueOrDie();
    SqlCatalogOptions options;
    options.database = database();
    options.warehouse = store->UriOf("warehouse");
    options.durable = false;
    return SqlCatalog::Make(std::move(store), std::move(options)).ValueOrDie();
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
    const auto catalog = OpenOn(store_);
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
  std::shared_ptr<CatalogProvider> catalog_;
};

}  // namespace tarn
