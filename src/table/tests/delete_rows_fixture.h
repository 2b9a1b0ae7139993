// SPDX-License-Identifier: Apache-2.0
//
// A plain table whose rows are deleted, on a store that can be made to fail.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "arrow/compute/expression.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "store/fault_store.h"
#include "table/tests/foreign_table.h"
#include "tarn/delete_rows.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn {

inline const TableIdent kDeletedFrom{{"db"}, "t"};

inline arrow::compute::Expression Id() { return arrow::compute::field_ref("id"); }
inline arrow::compute::Expression Lit(int64_t value) { return arrow::compute::literal(value); }
inline arrow::compute::Expression Between(int64_t first, int64_t last) {
  return arrow::compute::and_(arrow::compute::greater_equal(Id(), Lit(first)),
                              arrow::compute::less_equal(Id(), Lit(last)));
}

inline std::vector<int64_t> Range(int64_t first, int64_t count,
                                  const std::set<int64_t>& without = {}) {
  std::vector<int64_t> ids;
  for (int64_t id = first; id < first + count; ++id) {
    if (without.count(id) == 0) ids.push_back(id);
  }
  return ids;
}

/// A plain table {id: int64, x: double, name: utf8} on a store that can be made to fail.
class DeletingRows : public ::testing::Test {
 protected:
  static std::shared_ptr<arrow::RecordBatch> Batch(int64_t first, int64_t count) {
    arrow::Int64Builder ids;
    arrow::DoubleBuilder xs;
    arrow::StringBuilder names;
    for (int64_t id = first; id < first + count; ++id) {
      EXPECT_TRUE(ids.Append(id).ok());
      EXPECT_TRUE((id % 7 == 3   ? xs.AppendNull()
                   : id % 7 == 5 ? xs.Append(std::nan(""))
                                 : xs.Append(static_cast<double>(id) / 2))
                      .ok());
      EXPECT_TRUE((id % 5 == 0 ? names.AppendNull() : names.Append("n" + std::to_string(id))).ok());
    }
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("x", arrow::float64()),
                       arrow::field("name", arrow::utf8())}),
        count, {ids.Finish().ValueOrDie(), xs.Finish().ValueOrDie(), names.Finish().ValueOrDie()});
  }
  void Append(int64_t first, int64_t count) { AppendTo(catalog_, first, count); }
  static void AppendTo(const std::shared_ptr<CatalogProvider>& catalog, int64_t first,
                       int64_t count) {
    auto writer = TableWriter::CreateOrOpen(catalog, kDeletedFrom, {}).ValueOrDie();
    ASSERT_TRUE(writer->WriteBatch(*Batch(first, count)).ok());
    const auto done = writer->Commit();
    ASSERT_TRUE(done.ok()) << done.status();
  }
  DeleteRowsResult Delete(const arrow::compute::Expression& predicate) {
    const auto done = DeleteRows(catalog_, kDeletedFrom, predicate);
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ValueOr(DeleteRowsResult());
  }
  std::vector<int64_t> Ids() {
    auto ids = ScanIds(*ReadView::Open(catalog_, kDeletedFrom).ValueOrDie());
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  iceberg::LiveFiles Live() {
    const auto state = catalog_->LoadTable(kDeletedFrom).ValueOrDie();
    return iceberg::ReadLiveFiles(*store_, *state.metadata->CurrentSnapshot()).ValueOrDie();
  }
  std::map<std::string, std::string> Summary() {
    return catalog_->LoadTable(kDeletedFrom).ValueOrDie().metadata->CurrentSnapshot()->summary;
  }
  size_t Snapshots() { return DescribeTable(*catalog_, kDeletedFrom)->snapshots.size(); }
  size_t FilesInStore() { return store_->List("warehouse/db/t/data")->size(); }
  void ExpectSound() {
    const auto report = VerifyTable(catalog_, kDeletedFrom).ValueOrDie();
    for (const auto& finding : report.findings) {
      // Readers look past a torn hint.
      if (finding.path.ends_with("version-hint.text")) continue;
      ADD_FAILURE() << finding.path << ": " << finding.message;
    }
  }
  /// No queue of writers: what a test does in the middle of a commit need not wait for its end.
  void WithoutQueue() {
    store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kLock, .repeat = true});
  }

  std::shared_ptr<FaultStore> store_ = FaultStore::Make(MemoryStore::Make());
  std::shared_ptr<CatalogProvider> catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

}  // namespace tarn
