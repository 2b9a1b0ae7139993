// SPDX-License-Identifier: Apache-2.0
//
// Tables with a memtable before them, in several worlds: where tables, files and logs lie.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "base/clock.h"
#include "base/random_id.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata.h"
#include "store/fault_store.h"
#include "tarn/mem_table_writer.h"
#include "tarn/read_view.h"
#include "tarn/sql_catalog.h"

namespace tarn {

/// Stands still unless it is told to go on.
class ManualClock : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override {
    return std::chrono::system_clock::time_point(std::chrono::microseconds(micros_.load()));
  }
  void SleepFor(std::chrono::milliseconds duration) const override {
    micros_ += duration.count() * 1000;
  }
  void Advance(std::chrono::milliseconds duration) { SleepFor(duration); }

 private:
  mutable std::atomic<int64_t> micros_{1'700'000'000'000'000};
};

enum class World { kMemory, kFolder, kSql };
inline std::string WorldName(const testing::TestParamInfo<World>& info) {
  return info.param == World::kMemory ? "memory" : info.param == World::kFolder ? "folder" : "sql";
}

/// `rows` rows {id int32, text utf8}, ids from `first` on.
inline std::shared_ptr<arrow::RecordBatch> NumberedRows(int32_t first, int64_t rows) {
  arrow::Int32Builder ids;
  arrow::StringBuilder texts;
  for (int64_t row = 0; row < rows; ++row) {
    const auto id = first + static_cast<int32_t>(row);
    EXPECT_TRUE(ids.Append(id).ok());
    EXPECT_TRUE(texts.Append("row " + std::to_string(id)).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int32()), arrow::field("text", arrow::utf8())}),
      rows, {ids.Finish().ValueOrDie(), texts.Finish().ValueOrDie()});
}

/// Vectors that tell the ids of their rows.
inline std::vector<float> NumberedVectors(int32_t first, int64_t rows, int32_t dim = 4) {
  std::vector<float> values;
  for (int64_t row = 0; row < rows; ++row)
    for (int32_t i = 0; i < dim; ++i)
      values.push_back(i == 0 ? static_cast<float>(first + row) : 0.5f);
  return values;
}

class MemTables : public testing::TestWithParam<World> {
 protected:
  static constexpr int32_t kDim = 4;
  const TableIdent kTable{{"default"}, "test_mem"};

  MemTables() {
    folder_ = std::filesystem::temp_directory_path() / ("tarn-memtable-" + NewUuid4());
    std::filesystem::create_directories(folder_);
    Reconnect();
  }
  ~MemTables() override { std::filesystem::remove_all(folder_); }

  /// As a new process would: nothing of the old objects is used again.
  void Reconnect() {
    if (GetParam() == World::kMemory) {
      if (memory_ == nullptr) memory_ = MemoryStore::Make();
      store_ = FaultStore::Make(memory_);
    } else {
      store_ = FaultStore::Make(LocalStore::Make(folder_.string()).ValueOrDie());
    }
    if (GetParam() == World::kSql) {
      SqlCatalogOptions options;
      options.database = (folder_ / "catalog.db").string();
      options.warehouse = store_->UriOf("warehouse");
      catalog_ = SqlCatalog::Make(store_, options).ValueOrDie();
    } else {
      catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
    }
  }

  static VectorStoragePolicy Policy() {
    VectorStoragePolicy policy;
    policy.column_name = "embedding";
    policy.dim = kDim;
    policy.metric = VectorMetric::kEuclidean;
    policy.precision = VectorPrecision::kF16;
    policy.keep_raw_for_reranking = false;
    return policy;
  }
  void CreateTable() {
    TableProperties properties(Policy());
    properties.extra["owner"] = "tests";
    ASSERT_TRUE(catalog_->CreateTable(kTable, properties).ok());
  }

  MemTableConfig Config() {
    MemTableConfig config;
    config.flush_size_bytes = 1 << 20;
    config.flush_max_rows = 1000;
    config.flush_interval = std::chrono::seconds(60);
    config.index_in_background = false;
    config.log.segment_bytes = 1 << 16;
    config.clock = &clock_;
    return config;
  }
  Result<std::unique_ptr<MemTableWriter>> TryOpen(const MemTableConfig& config) {
    return MemTableWriter::Open(catalog_, store_, Policy(), kTable, config);
  }
  std::unique_ptr<MemTableWriter> Open(const MemTableConfig& config) {
    auto writer = TryOpen(config);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return *std::move(writer);
  }
  std::unique_ptr<MemTableWriter> Open() { return Open(Config()); }

  static Result<InsertResult> TryInsert(MemTableWriter& writer, int32_t first, int64_t rows,
                                        std::string_view id = {}) {
    const auto vectors = NumberedVectors(first, rows);
    return writer.Insert(*NumberedRows(first, rows),
                         EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie(), id);
  }
  static InsertResult Insert(MemTableWriter& writer, int32_t first, int64_t rows,
                             std::string_view id = {}) {
    const auto result = TryInsert(writer, first, rows, id);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ValueOr(InsertResult());
  }

  std::shared_ptr<const ReadView> View() {
    const auto view = ReadView::Open(catalog_, kTable);
    EXPECT_TRUE(view.ok()) << view.status();
    return *view;
  }
  /// Ids of the table's rows, sorted; each row's text and vector are checked against its id.
  std::vector<int32_t> Ids() {
    std::vector<int32_t> ids;
    const auto view = View();
    if (view->schema()->num_fields() == 0) return ids;
    for (size_t file = 0; file < view->files().size(); ++file) {
      const auto rows = view->ReadFile(file, {}).ValueOrDie();
      const auto& column = static_cast<const arrow::Int32Array&>(*rows->GetColumnByName("id"));
      const auto& text = static_cast<const arrow::StringArray&>(*rows->GetColumnByName("text"));
      const auto vectors =
          EmbeddingsView::FromArrow(rows->GetColumnByName("embedding"), kDim).ValueOrDie();
      for (int64_t row = 0; row < rows->num_rows(); ++row) {
        ids.push_back(column.Value(row));
        EXPECT_EQ(text.GetString(row), "row " + std::to_string(ids.back()));
        EXPECT_EQ(vectors.Row(row)[0], static_cast<float>(ids.back()));
      }
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  static std::vector<int32_t> Numbers(int32_t first, int32_t end) {
    std::vector<int32_t> numbers;
    for (int32_t id = first; id < end; ++id) numbers.push_back(id);
    return numbers;
  }
  size_t Snapshots() { return catalog_->LoadTable(kTable).ValueOrDie().metadata->snapshots.size(); }

  std::filesystem::path folder_;
  ManualClock clock_;
  std::shared_ptr<Store> memory_;
  std::shared_ptr<FaultStore> store_;
  std::shared_ptr<CatalogProvider> catalog_;
};

}  // namespace tarn
