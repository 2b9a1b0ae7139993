// SPDX-License-Identifier: Apache-2.0
//
// A table whose files get their indexes after their commit.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "arrow/api.h"
#include "gtest/gtest.h"
#include "store/fault_store.h"
#include "table/tests/file_fixture.h"
#include "tarn/indexing.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn {

class DeferredIndexes : public ::testing::Test {
 protected:
  static constexpr int32_t kDim = 16;
  const TableIdent kTable{{"db"}, "t"};

  DeferredIndexes() {
    EXPECT_TRUE(catalog_->CreateTable(kTable, TableProperties(PolicyOf(kDim))).ok());
  }

  std::unique_ptr<TableWriter> NewWriter(std::optional<IndexType> index = IndexType::kHnsw,
                                         bool background = false) {
    return TableWriter::Make(catalog_, kTable,
                             {.index = index, .threads = 1, .index_in_background = background})
        .ValueOrDie();
  }
  static void Stage(TableWriter& writer, int64_t rows, uint32_t seed) {
    const Status staged =
        writer.WriteBatchDeferred(*MakeRows(rows), RandomVectors(rows, kDim, 0, seed));
    ASSERT_TRUE(staged.ok()) << staged;
  }
  static void StageIvf(TableWriter& writer, int64_t rows, uint32_t seed) {
    const Status staged =
        writer.WriteBatchIvfPqDeferred(*MakeRows(rows), RandomVectors(rows, kDim, 0, seed));
    ASSERT_TRUE(staged.ok()) << staged;
  }
  void Append(int64_t rows, uint32_t seed) {
    auto writer = NewWriter();
    Stage(*writer, rows, seed);
    ASSERT_TRUE(writer->Commit().ok());
  }

  std::shared_ptr<const ReadView> View() { return ReadView::Open(catalog_, kTable).ValueOrDie(); }
  /// Index types of the live files, by rows; nullopt: none.
  std::map<int64_t, std::optional<IndexType>> Indexes() {
    std::map<int64_t, std::optional<IndexType>> found;
    const auto view = View();
    for (size_t i = 0; i < view->files().size(); ++i) {
      const auto reader = view->OpenFile(i).ValueOrDie();
      EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
      const auto column = reader->vector_columns().at(0);
      auto& type = found[view->files()[i].rows];
      if (column.has_index) type = column.index_type;
      EXPECT_EQ(reader->IsAilakeFile(), column.has_index);
    }
    return found;
  }
  std::string AllRows() {
    std::string text;
    const auto view = View();
    std::map<int64_t, std::string> by_rows;
    for (size_t i = 0; i < view->files().size(); ++i) {
      by_rows[view->files()[i].rows] = (*view->OpenFile(i))->ReadAll({}).ValueOrDie()->ToString();
    }
    for (const auto& [rows, part] : by_rows) text += part;
    return text;
  }
  BuildIndexesResult Build(BuildIndexesOptions options = {}) {
    const auto result = BuildIndexes(catalog_, kTable, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ValueOr(BuildIndexesResult());
  }
  IndexStatus Status_() { return DescribeIndexes(*catalog_, kTable).ValueOrDie(); }
  size_t DataFiles() { return store_->List("warehouse/db/t/data")->size(); }
  size_t Snapshots() { return DescribeTable(*catalog_, kTable)->snapshots.size(); }

  std::shared_ptr<FaultStore> store_ = FaultStore::Make(MemoryStore::Make());
  std::shared_ptr<HadoopCatalog> catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

}  // namespace tarn
