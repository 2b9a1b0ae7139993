// SPDX-License-Identifier: Apache-2.0
//
// Maintenance beside writers: snapshots expire and orphans go while others append, and no row is
// lost.
#include <atomic>
#include <filesystem>
#include <functional>
#include <numeric>
#include <thread>

#include "gtest/gtest.h"
#include "tarn/alter_table.h"
#include "tarn/maintenance.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"
#include "tests/support/sample_rows.h"

namespace tarn {
namespace {

const TableIdent kTable{{"db"}, "t"};
constexpr int kWriters = 3;
constexpr int kCommits = 25;
constexpr int64_t kRows = 4;

Status WriteMany(const std::shared_ptr<CatalogProvider>& catalog, int number) {
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        TableWriter::CreateOrOpen(catalog, kTable, testing::SampleProperties()));
  for (int commit = 0; commit < kCommits; ++commit) {
    const int64_t first = (number * kCommits + commit) * kRows;
    const auto vectors = testing::SampleVectors(first, kRows);
    ARROW_ASSIGN_OR_RAISE(auto view, EmbeddingsView::FromSpan(vectors, testing::kSampleDim));
    ARROW_RETURN_NOT_OK(writer->WriteBatch(*testing::SampleBatch(first, kRows), view));
    ARROW_RETURN_NOT_OK(writer->Commit());
  }
  return Status::OK();
}

/// Runs writers, and `maintain` over and over until they are done.
void Race(const std::shared_ptr<CatalogProvider>& catalog,
          const std::function<Status(int round)>& maintain) {
  std::vector<Status> results(kWriters);
  std::atomic<int> writing = kWriters;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] {
      results[i] = WriteMany(catalog, i);
      --writing;
    });
  }
  Status maintained;
  int rounds = 0;
  while (writing > 0 && maintained.ok()) {
    const bool exists = catalog->TableExists(kTable).ValueOr(false);
    if (exists) maintained = maintain(rounds++);
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(maintained.ok()) << maintained;
  EXPECT_GT(rounds, 0);
  for (const auto& status : results) ASSERT_TRUE(status.ok()) << status;
  std::vector<int64_t> expected(kWriters * kCommits * kRows);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(testing::ReadSampleIds(catalog, kTable).ValueOrDie(), expected);
  for (const auto& finding : VerifyTable(catalog, kTable).ValueOrDie().findings) {
    ADD_FAILURE() << finding.path << ": " << finding.message;
  }
}

ExpireOptions Everything() {
  ExpireOptions options;
  options.older_than_ms = INT64_MAX;
  options.retain_last = 1;
  return options;
}

class MaintenanceRace : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      std::string pattern = (std::filesystem::temp_directory_path() / "tarn-race.XXXXXX").string();
      folder_ = mkdtemp(pattern.data());
      store_ = LocalStore::Make(folder_, {.durable = false}).ValueOrDie();
    } else {
      store_ = MemoryStore::Make();
    }
    catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string folder_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<CatalogProvider> catalog_;
};

TEST_P(MaintenanceRace, SnapshotsOfAnyAgeExpireWhileOthersAppend) {
  Race(catalog_, [&](int) -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto report, ExpireSnapshots(*catalog_, kTable, Everything()));
    EXPECT_TRUE(report.data_files.empty()) << "appends leave no data file behind";
    return Status::OK();
  });
  EXPECT_LT(DescribeTable(*catalog_, kTable).ValueOrDie().snapshots.size(),
            size_t{kWriters * kCommits});
}

TEST_P(MaintenanceRace, OrphanRemovalWithItsAgeGuardTouchesNoCommitUnderWay) {
  OrphanOptions options;
  options.dry_run = false;
  Race(catalog_, [&](int round) -> Status {
    if (round % 2 == 0) return ExpireSnapshots(*catalog_, kTable, Everything()).status();
    ARROW_ASSIGN_OR_RAISE(const auto report, RemoveOrphans(*catalog_, kTable, options));
    EXPECT_TRUE(report.orphans.empty()) << report.orphans[0].path;
    return Status::OK();
  });
}

TEST_P(MaintenanceRace, SchemasPropertiesAndRefsChangeWhileOthersAppend) {
  Race(catalog_, [&](int round) -> Status {
    const std::string name = "c" + std::to_string(round / 4);
    // Until the first commit the table has neither columns nor snapshots.
    if (DescribeTable(*catalog_, kTable).ValueOrDie().snapshots.empty()) return Status::OK();
    switch (round % 4) {
      case 0:
        return AlterTable(*catalog_, kTable, {AddColumn{name, *ParseColumnType("int")}}).status();
      case 1:
        return CreateTag(*catalog_, kTable, name).status();
      case 2: {
        const Status dropped = AlterTable(*catalog_, kTable, {DropColumn{name}}).status();
        // The round that should have made it found an empty table.
        return IsKind(dropped, ErrorKind::kBadInput) ? Status::OK() : dropped;
      }
      default:
        return SetTableProperties(*catalog_, kTable, {{"round", name}}).status();
    }
  });
}

TEST_P(MaintenanceRace, AfterTheWritersAreDoneNothingIsLeftOver) {
  Race(catalog_, [&](int) { return ExpireSnapshots(*catalog_, kTable, Everything()).status(); });
  ASSERT_TRUE(ExpireSnapshots(*catalog_, kTable, Everything()).ok());
  OrphanOptions options;
  options.older_than = std::chrono::milliseconds(0);
  options.force = true;
  const auto report = RemoveOrphans(*catalog_, kTable, options).ValueOrDie();
  for (const auto& orphan : report.orphans) ADD_FAILURE() << orphan.path;
}

INSTANTIATE_TEST_SUITE_P(Stores, MaintenanceRace, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Local" : "Memory"; });

}  // namespace
}  // namespace tarn
