// SPDX-License-Identifier: Apache-2.0
//
// Storage that fails at every single step of creating a table and committing to it: whatever was
// acknowledged is there exactly once, whatever failed is there not at all or once, and a retry
// works.
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/fault_store.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"
#include "tests/support/sample_rows.h"

namespace tarn {
namespace {

using testing::ReadSampleIds;
using testing::SampleBatch;
using testing::SampleProperties;
using testing::SampleVectors;

const TableIdent kTable{{"db"}, "t"};
constexpr int64_t kRows = 20;

std::vector<int64_t> Ids(int64_t first, int64_t count) {
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

Status Append(TableWriter& writer, int64_t first) {
  const auto vectors = SampleVectors(first, kRows);
  ARROW_ASSIGN_OR_RAISE(auto view, EmbeddingsView::FromSpan(vectors, testing::kSampleDim));
  return writer.WriteBatch(*SampleBatch(first, kRows), view);
}

struct Case {
  const char* name;
  FaultKind kind;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class TableFault : public ::testing::TestWithParam<Case> {
 protected:
  std::shared_ptr<MemoryStore> memory_ = MemoryStore::Make();
  std::shared_ptr<FaultStore> faulty_ = FaultStore::Make(memory_);

  std::shared_ptr<CatalogProvider> Catalog(std::shared_ptr<Store> store) {
    return HadoopCatalog::Make(std::move(store), "warehouse").ValueOrDie();
  }
};

/// Creates, appends and commits once; true when all of it was acknowledged.
bool CreateAndCommit(const std::shared_ptr<CatalogProvider>& catalog, int64_t first, Status* why) {
  auto writer = TableWriter::CreateOrOpen(catalog, kTable, SampleProperties());
  *why = writer.status();
  if (!writer.ok()) return false;
  *why = Append(**writer, first);
  if (!why->ok()) return false;
  auto committed = (*writer)->Commit();
  *why = committed.status();
  return committed.ok();
}

TEST_P(TableFault, AtEveryStepLosesAndDoublesNothing) {
  // A run without faults tells how many steps there are.
  int64_t steps = 0;
  {
    auto store = FaultStore::Make(MemoryStore::Make());
    Status why;
    ASSERT_TRUE(CreateAndCommit(Catalog(store), 0, &why)) << why;
    ASSERT_TRUE(CreateAndCommit(Catalog(store), 100, &why)) << why;
    steps = store->operations();
  }
  ASSERT_GT(steps, 8);
  for (int64_t step = 1; step <= steps; ++step) {
    SCOPED_TRACE("fault at operation " + std::to_string(step));
    auto memory = MemoryStore::Make();
    auto store = FaultStore::Make(memory);
    store->Add({GetParam().kind, StoreOp::kAny, "", step});
    std::vector<int64_t> acknowledged, possible;
    for (int64_t first : {int64_t{0}, int64_t{100}}) {
      Status why;
      const bool done = CreateAndCommit(Catalog(store), first, &why);
      if (done) {
        for (int64_t id : Ids(first, kRows)) acknowledged.push_back(id);
      }
      // Only an unknown outcome may leave rows behind that were not acknowledged.
      const bool unknown = !done && IsKind(why, ErrorKind::kCommitStateUnknown);
      if (done || unknown) {
        for (int64_t id : Ids(first, kRows)) possible.push_back(id);
      }
    }
    // The machine comes back: what lies in the store is all there is.
    store->Heal();
    auto catalog = Catalog(memory);
    Status why;
    ASSERT_TRUE(CreateAndCommit(catalog, 200, &why)) << why;
    for (int64_t id : Ids(200, kRows)) {
      acknowledged.push_back(id);
      possible.push_back(id);
    }
    const auto ids = ReadSampleIds(catalog, kTable).ValueOrDie();
    ASSERT_TRUE(std::adjacent_find(ids.begin(), ids.end()) == ids.end()) << "a row is there twice";
    ASSERT_TRUE(std::includes(ids.begin(), ids.end(), acknowledged.begin(), acknowledged.end()))
        << "an acknowledged row is lost";
    ASSERT_TRUE(std::includes(possible.begin(), possible.end(), ids.begin(), ids.end()))
        << "a row is there whose commit failed for certain";
    const auto report = VerifyTable(catalog, kTable, 1).ValueOrDie();
    ASSERT_THAT(report.findings, ::testing::IsEmpty())
        << report.findings[0].path << ": " << report.findings[0].message;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TableFault,
                         ::testing::Values(Case{"Fail", FaultKind::kFail},
                                           Case{"Tear", FaultKind::kTear},
                                           Case{"LoseReply", FaultKind::kLoseReply},
                                           Case{"Crash", FaultKind::kCrash},
                                           Case{"TearCrash", FaultKind::kTearCrash}),
                         [](const auto& info) { return info.param.name; });

TEST(TableFaults, AnUnknownOutcomeIsFoundOutByCommittingAgain) {
  int unknown = 0;
  for (int64_t step = 1; step <= 30; ++step) {
    SCOPED_TRACE("reply lost at operation " + std::to_string(step) + " of the commit");
    auto store = FaultStore::Make(MemoryStore::Make());
    auto catalog = HadoopCatalog::Make(store, "warehouse").ValueOrDie();
    auto writer = TableWriter::CreateOrOpen(catalog, kTable, SampleProperties()).ValueOrDie();
    ASSERT_TRUE(Append(*writer, 0).ok());
    // The operation happens, its reply is lost, and from then on nothing answers.
    store->Add({FaultKind::kLoseReply, StoreOp::kAny, "", step});
    store->Add({FaultKind::kCrash, StoreOp::kAny, "", step + 1});
    const auto lost = writer->Commit();
    unknown += !lost.ok() && IsKind(lost.status(), ErrorKind::kCommitStateUnknown);
    store->Heal();
    const auto again = writer->Commit();
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_GT(*again, 0);
    EXPECT_EQ(writer->staged_rows(), 0);
    EXPECT_EQ(ReadSampleIds(catalog, kTable).ValueOrDie(), Ids(0, kRows));
    EXPECT_EQ(DescribeTable(*catalog, kTable).ValueOrDie().snapshots.size(), 1u);
  }
  EXPECT_GT(unknown, 0) << "no step left the outcome unknown";
}

TEST(TableFaults, FilesOfACommitThatFailedInAnyDoubtfulWayAreKept) {
  const auto data_files = [](Store& store) {
    return store.List("warehouse/db/t/data/").ValueOrDie().size();
  };
  auto memory = MemoryStore::Make();
  auto store = FaultStore::Make(memory);
  auto catalog = HadoopCatalog::Make(store, "warehouse").ValueOrDie();
  {
    auto writer = TableWriter::CreateOrOpen(catalog, kTable, SampleProperties()).ValueOrDie();
    ASSERT_TRUE(Append(*writer, 0).ok());
    store->Add({FaultKind::kFail, StoreOp::kWrite, "v2.metadata.json"});
    EXPECT_TRUE(IsKind(writer->Commit().status(), ErrorKind::kIo));
    EXPECT_EQ(writer->staged_rows(), kRows);
  }
  EXPECT_EQ(data_files(*memory), 1u) << "the storage failed: it may know better than its answer";
  {
    auto writer = TableWriter::Make(catalog, kTable).ValueOrDie();
    writer->WithParentSnapshot(SnapshotId(4711));
    ASSERT_TRUE(Append(*writer, 0).ok());
    EXPECT_TRUE(IsKind(writer->Commit().status(), ErrorKind::kValidationFailed));
    EXPECT_EQ(data_files(*memory), 2u);
  }
  EXPECT_EQ(data_files(*memory), 1u) << "a commit that was refused before the swap leaves no doubt";
}

TEST(TableFaults, AFailedWriteLeavesStagedRowsStaged) {
  auto memory = MemoryStore::Make();
  auto store = FaultStore::Make(memory);
  auto catalog = HadoopCatalog::Make(store, "warehouse").ValueOrDie();
  auto writer = TableWriter::CreateOrOpen(catalog, kTable, SampleProperties()).ValueOrDie();
  ASSERT_TRUE(Append(*writer, 0).ok());
  store->Add({FaultKind::kFail, StoreOp::kWrite, "/data/"});
  EXPECT_TRUE(IsKind(Append(*writer, 100), ErrorKind::kIo));
  EXPECT_EQ(writer->staged_rows(), kRows);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(ReadSampleIds(catalog, kTable).ValueOrDie(), Ids(0, kRows));
}

}  // namespace
}  // namespace tarn
