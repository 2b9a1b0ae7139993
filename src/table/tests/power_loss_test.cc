// SPDX-License-Identifier: Apache-2.0
//
// The power goes at every single operation of a write, a delete and an index build in turn: what
// was acknowledged is there afterwards, and the table names nothing that is lost.
#include "arrow/compute/expression.h"
#include "gtest/gtest.h"
#include "table/tests/deferred_index_fixture.h"
#include "tarn/delete_rows.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;

TEST_F(DeferredIndexes, OfATableThatLosesItsPowerAreWholeOrNotThere) {
  for (int64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    const auto disk = MemoryStore::Make();
    store_ = FaultStore::Make(disk);
    catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
    ASSERT_TRUE(catalog_->CreateTable(kTable, TableProperties(PolicyOf(kDim))).ok());
    Append(60, 1);
    store_->Add({.kind = FaultKind::kPowerLoss, .nth = nth});
    const auto writer = TableWriter::Make(catalog_, kTable, {.index_in_background = false});
    const bool staged =
        writer.ok() &&
        (*writer)->WriteBatchDeferred(*MakeRows(50), RandomVectors(50, kDim, 0, 2)).ok();
    const bool appended = staged && (*writer)->Commit().ok();
    const bool deleted =
        appended &&
        DeleteRows(catalog_, kTable, cp::equal(cp::field_ref("id"), cp::literal(int64_t{3}))).ok();
    const bool indexed = deleted && BuildIndexes(catalog_, kTable, {.small_files = true}).ok();
    const bool fired = store_->faults_fired() > 0;

    // Another process, when the power is back.
    const std::shared_ptr<CatalogProvider> later =
        HadoopCatalog::Make(disk, "warehouse").ValueOrDie();
    const auto report = VerifyTable(later, kTable);
    ASSERT_TRUE(report.ok()) << report.status();
    for (const auto& finding : report->findings) {
      ADD_FAILURE() << finding.path << ": " << finding.message;
    }
    if (staged) {
      EXPECT_GE(disk->List("warehouse/db/t/data/")->size(), 2u) << "what is staged is durable";
    }
    const auto view = ReadView::Open(later, kTable).ValueOrDie();
    const int64_t rows = view->CountLiveRows().ValueOrDie();
    EXPECT_GE(rows, appended ? 108 : 60);
    EXPECT_LE(rows, deleted ? 108 : 110);
    if (fired) continue;
    EXPECT_TRUE(indexed);
    EXPECT_GT(nth, 30) << "all of it takes more operations than that";
    return;
  }
}

}  // namespace
}  // namespace tarn
