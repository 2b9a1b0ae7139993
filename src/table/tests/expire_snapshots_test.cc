// SPDX-License-Identifier: Apache-2.0
//
// Expiry: what goes, what stays, and that a failing store never costs a live file.
#include <numeric>

#include "iceberg/table_update.h"
#include "table/maintenance/auto_expiry.h"
#include "table/tests/file_fixture.h"
#include "table/tests/maintenance_fixture.h"

namespace tarn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<int64_t> Range(int64_t first, int64_t count) {
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

class ExpireTest : public MaintenanceTest {
 protected:
  /// Ids 0 to 39 in four files, of which the first is removed: five snapshots.
  void MakeHistory() {
    for (int64_t i = 0; i < 4; ++i) snapshots_.push_back(Append(10 * i));
    for (const auto& file : LiveFiles()) {
      if (FirstId(file) == 0) removed_ = Remove(file);
    }
    snapshots_.push_back(Metadata()->current_snapshot_id);
  }

  int64_t FirstId(const std::string& location) {
    const auto reader =
        AilakeFileReader::Open(base_, base_->PathOf(location).ValueOrDie()).ValueOrDie();
    const auto table = reader->ReadAll({"id"}).ValueOrDie();
    return static_cast<const arrow::Int64Array&>(*table->column(0)->chunk(0)).Value(0);
  }

  ExpireReport Expire(const ExpireOptions& options) {
    auto report = ExpireSnapshots(*catalog_, kMaintained, options);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : ExpireReport();
  }

  std::vector<SnapshotId> snapshots_;
  std::string removed_;
};

TEST_P(ExpireTest, DeletesExactlyWhatOnlyExpiredSnapshotsReach) {
  MakeHistory();
  const auto before = Objects();
  const auto report = Expire(All());
  EXPECT_THAT(report.snapshots,
              ElementsAre(snapshots_[0], snapshots_[1], snapshots_[2], snapshots_[3]));
  EXPECT_THAT(report.data_files, ElementsAre(removed_));
  EXPECT_THAT(report.manifest_lists, SizeIs(4));
  EXPECT_THAT(report.left_behind, IsEmpty());
  EXPECT_GT(report.bytes, 0u);
  const auto after = Objects();
  // One metadata file came, the others went.
  EXPECT_EQ(after.size(), before.size() + 1 - report.files());
  EXPECT_THAT(after, Not(Contains(removed_)));
  EXPECT_THAT(Strays(), IsEmpty());
  EXPECT_THAT(Metadata()->snapshots, SizeIs(1));
  EXPECT_EQ(Ids(), Range(10, 30));
  ExpectSound();
  // Whoever writes on finds a table like any other.
  Append(40);
  EXPECT_EQ(Ids(), Range(10, 40));
  ExpectSound();
}

TEST_P(ExpireTest, ByDefaultFiveDaysAndTheTablesCountAreKept) {
  MakeHistory();
  EXPECT_THAT(Expire({}).snapshots, IsEmpty());
  EXPECT_THAT(Metadata()->snapshots, SizeIs(5));
  ExpireOptions later;
  later.now_ms = Metadata()->last_updated_ms + 6LL * 24 * 60 * 60 * 1000;
  EXPECT_THAT(Expire(later).snapshots, IsEmpty()) << "new tables keep ten";
  ASSERT_TRUE(
      SetTableProperties(*catalog_, kMaintained, {{"history.expire.min-snapshots-to-keep", "2"}})
          .ok());
  EXPECT_THAT(Expire(later).snapshots, SizeIs(3));
  EXPECT_THAT(Strays(), IsEmpty());
  ExpectSound();
}

TEST_P(ExpireTest, ADryRunTellsTheSameAndChangesNothing) {
  MakeHistory();
  const auto before = Objects();
  ExpireOptions options = All();
  options.dry_run = true;
  const auto told = Expire(options);
  EXPECT_EQ(Objects(), before);
  const auto done = Expire(All());
  EXPECT_EQ(told.snapshots, done.snapshots);
  EXPECT_EQ(told.data_files, done.data_files);
  EXPECT_EQ(told.manifests, done.manifests);
  EXPECT_EQ(told.manifest_lists, done.manifest_lists);
  EXPECT_EQ(told.bytes, done.bytes);
}

TEST_P(ExpireTest, WhatTagsAndBranchesNeedStays) {
  MakeHistory();
  ASSERT_TRUE(CreateTag(*catalog_, kMaintained, "v1", {.snapshot = snapshots_[0]}).ok());
  ASSERT_TRUE(CreateBranch(*catalog_, kMaintained, "audit",
                           {.snapshot = snapshots_[2], .min_snapshots_to_keep = 2})
                  .ok());
  const auto report = Expire(All());
  EXPECT_THAT(report.snapshots, ElementsAre(snapshots_[3]));
  EXPECT_THAT(report.data_files, IsEmpty());
  EXPECT_THAT(Objects(), Contains(removed_));
  ASSERT_TRUE(DropRef(*catalog_, kMaintained, "v1").ok());
  EXPECT_THAT(Expire(All()).data_files, IsEmpty()) << "the branch still reads it";
  ASSERT_TRUE(DropRef(*catalog_, kMaintained, "audit").ok());
  EXPECT_THAT(Expire(All()).data_files, ElementsAre(removed_));
  EXPECT_THAT(Strays(), IsEmpty());
  ExpectSound();
}

TEST_P(ExpireTest, ARefPastItsAgeGoesWithItsSnapshots) {
  MakeHistory();
  ASSERT_TRUE(CreateTag(*catalog_, kMaintained, "brief",
                        {.snapshot = snapshots_[0], .max_ref_age_ms = 1000})
                  .ok());
  ExpireOptions options = All();
  options.now_ms = Metadata()->last_updated_ms + 60'000;
  const auto report = Expire(options);
  EXPECT_THAT(report.refs, ElementsAre("brief"));
  EXPECT_THAT(report.data_files, ElementsAre(removed_));
  ExpectSound();
}

TEST_P(ExpireTest, WhatWasRolledBackGoesByAge) {
  MakeHistory();
  ASSERT_TRUE(RollbackTo(*catalog_, kMaintained, snapshots_[1]).ok());
  EXPECT_EQ(Ids(), Range(0, 20));
  const auto report = Expire(All());
  EXPECT_THAT(report.snapshots, SizeIs(4));
  EXPECT_THAT(report.data_files, SizeIs(2)) << "the files of the third and fourth append";
  EXPECT_EQ(Ids(), Range(0, 20));
  EXPECT_THAT(Strays(), IsEmpty());
  ExpectSound();
}

TEST_P(ExpireTest, FilesStayWhereTheCallerOrTheTableSaysSo) {
  MakeHistory();
  ExpireOptions options = All();
  options.delete_files = false;
  const auto before = Objects();
  EXPECT_THAT(Expire(options).snapshots, SizeIs(4));
  EXPECT_EQ(Objects().size(), before.size() + 1);
  EXPECT_THAT(Strays(), Contains(removed_));
  Append(50);
  ASSERT_TRUE(SetTableProperties(*catalog_, kMaintained, {{"gc.enabled", "false"}}).ok());
  const auto refused = ExpireSnapshots(*catalog_, kMaintained, All());
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("gc.enabled"));
  EXPECT_THAT(Expire(options).snapshots, SizeIs(1));
  ExpectSound();
}

TEST_P(ExpireTest, StatisticsOfExpiredSnapshotsGoAlong) {
  MakeHistory();
  const auto add = [&](SnapshotId snapshot, const std::string& name) {
    const std::string path = "warehouse/db/t/metadata/" + name;
    ASSERT_TRUE(base_->Put(path, "stats").ok());
    const auto base = catalog_->LoadTable(kMaintained).ValueOrDie();
    const std::string json = "{\"snapshot-id\":" + std::to_string(snapshot.value()) +
                             ",\"statistics-path\":\"" + base_->UriOf(path) +
                             "\",\"file-size-in-bytes\":5,\"file-footer-size-in-bytes\":1,"
                             "\"blob-metadata\":[]}";
    ASSERT_TRUE(
        catalog_->CommitTable(base, {}, {{iceberg::update::SetStatistics{{snapshot, json}}}}).ok());
  };
  add(snapshots_[1], "old.stats");
  add(snapshots_[4], "new.stats");
  EXPECT_THAT(Expire(All()).statistics, ElementsAre("warehouse/db/t/metadata/old.stats"));
  EXPECT_THAT(Objects(), Contains("warehouse/db/t/metadata/new.stats"));
  EXPECT_THAT(Strays(), IsEmpty());
  ExpectSound();
}

TEST_P(ExpireTest, AnUnreadableManifestOfAKeptSnapshotStopsTheDeletion) {
  MakeHistory();
  const auto lines = iceberg::ReadManifestList(*base_, *Metadata()->CurrentSnapshot()).ValueOrDie();
  const std::string path = base_->PathOf(lines[0].manifest_path).ValueOrDie();
  ASSERT_TRUE(base_->Put(path, "damaged").ok());
  const auto before = Objects();
  const auto report = ExpireSnapshots(*catalog_, kMaintained, All());
  EXPECT_TRUE(IsKind(report.status(), ErrorKind::kCorrupt)) << report.status();
  EXPECT_THAT(report.status().message(), HasSubstr("4 snapshots expired"));
  EXPECT_EQ(Objects().size(), before.size() + 1);
}

TEST_P(ExpireTest, AnUnreadableListOfAnExpiredSnapshotIsLeftBehind) {
  MakeHistory();
  const auto metadata = Metadata();
  const std::string list =
      base_->PathOf(metadata->FindSnapshot(snapshots_[0])->manifest_list).ValueOrDie();
  ASSERT_TRUE(base_->Delete(list).ok());
  const auto report = Expire(All());
  EXPECT_THAT(report.left_behind, SizeIs(1));
  EXPECT_THAT(report.manifest_lists, SizeIs(3));
  ExpectSound();
  EXPECT_TRUE(RemoveOrphans(*catalog_, kMaintained, AnyAge()).ok());
  EXPECT_THAT(Strays(), IsEmpty());
}

TEST_P(ExpireTest, AtLeastOneSnapshotIsRetained) {
  MakeHistory();
  ExpireOptions options = All();
  options.retain_last = 0;
  EXPECT_TRUE(
      IsKind(ExpireSnapshots(*catalog_, kMaintained, options).status(), ErrorKind::kBadInput));
}

TEST_P(ExpireTest, AFailureAtAnyStepCostsNothingThatIsNeeded) {
  std::vector<FaultKind> kinds = {FaultKind::kCrash};
  if (!GetParam()) {
    kinds = {FaultKind::kFail, FaultKind::kLoseReply, FaultKind::kTear, FaultKind::kCrash,
             FaultKind::kTearCrash};
  }
  for (const FaultKind kind : kinds) {
    for (int64_t step = 1;; ++step) {
      SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + ", fault at operation " +
                   std::to_string(step));
      if (!folder_.empty()) std::filesystem::remove_all(folder_);
      Open(GetParam());
      snapshots_.clear();
      MakeHistory();
      const int64_t fired = store_->faults_fired();
      store_->Add({kind, StoreOp::kAny, "", step});
      const auto report = ExpireSnapshots(*catalog_, kMaintained, All());
      const bool faulted = store_->faults_fired() > fired;
      store_->Heal();
      ASSERT_EQ(Ids(), Range(10, 30));
      ExpectSound(/*torn=*/true);
      if (HasFailure()) return;
      // The next ones clear away whatever was left.
      catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      ASSERT_TRUE(ExpireSnapshots(*catalog_, kMaintained, All()).ok());
      ASSERT_TRUE(RemoveOrphans(*catalog_, kMaintained, AnyAge()).ok());
      ASSERT_THAT(Strays(), IsEmpty());
      ASSERT_THAT(Objects(), Not(Contains(removed_)));
      ASSERT_EQ(Ids(), Range(10, 30));
      ExpectSound(/*torn=*/true);
      if (!faulted) {
        ASSERT_TRUE(report.ok());
        ASSERT_GT(step, 15);
        break;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, ExpireTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Local" : "Memory"; });

TEST(ExpireAndCodebooks, TheCodebookOutlivesTheFileThatTrainedIt) {
  const auto store = MemoryStore::Make();
  const auto catalog = HadoopCatalog::Make(store, "warehouse").ValueOrDie();
  const TableIdent table{{"db"}, "t"};
  ASSERT_TRUE(catalog->CreateTable(table, TableProperties(PolicyOf(16))).ok());
  const auto append = [&](uint32_t seed) {
    auto writer = TableWriter::Make(catalog, table, {.threads = 1}).ValueOrDie();
    ASSERT_TRUE(writer->WriteBatchIvfPq(*MakeRows(400), RandomVectors(400, 16, 0, seed)).ok());
    ASSERT_TRUE(writer->Commit().ok());
  };
  append(1);
  const auto first = DescribeTable(*catalog, table).ValueOrDie().codebooks.at(0);
  append(2);
  CommitAttempt remove(*catalog, table, [&](const TableState&) -> Result<CommitPlan> {
    CommitPlan plan;
    plan.snapshot.emplace();
    plan.snapshot->operation = iceberg::operation::kDelete;
    plan.snapshot->removed.push_back({first.file, iceberg::ManifestContent::kData, {}});
    return plan;
  });
  ASSERT_TRUE(remove.Commit().ok());
  ExpireOptions options;
  options.older_than_ms = INT64_MAX;
  options.retain_last = 1;
  const auto report = ExpireSnapshots(*catalog, table, options).ValueOrDie();
  ASSERT_THAT(report.data_files, ElementsAre(store->PathOf(first.file).ValueOrDie()));
  append(3);
  const auto view = ReadView::Open(catalog, table).ValueOrDie();
  ASSERT_EQ(view->files().size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(view->OpenFile(i).ValueOrDie()->vector_columns()[0].codebook, first.fingerprint);
  }
  EXPECT_EQ(DescribeTable(*catalog, table).ValueOrDie().codebooks.at(0).id, 1);
  EXPECT_TRUE(VerifyTable(catalog, table, 1).ValueOrDie().findings.empty());
}

class AutoExpiryTest : public MaintenanceTest {
 protected:
  static constexpr int64_t kHour = 60 * 60 * 1000;
  static constexpr int64_t kNow = 1000 * kHour;

  /// `count` snapshots, the newest at kNow, `apart` between two.
  static iceberg::TableMetadata Table(int64_t count, int64_t apart,
                                      std::map<std::string, std::string> properties) {
    iceberg::TableMetadata table;
    table.properties = std::move(properties);
    for (int64_t i = 0; i < count; ++i) {
      iceberg::Snapshot snapshot;
      snapshot.snapshot_id = SnapshotId(i + 1);
      snapshot.timestamp_ms = kNow - (count - 1 - i) * apart;
      table.snapshots.push_back(snapshot);
    }
    return table;
  }
};

TEST_P(AutoExpiryTest, WaitsUntilItIsWorthIt) {
  const std::map<std::string, std::string> on = {{kAutoExpire, "true"}};
  EXPECT_FALSE(ChooseAutoExpiry(Table(500, kHour, {}), kNow)) << "only where the table asks for it";
  EXPECT_FALSE(ChooseAutoExpiry(Table(220, kHour, on), kNow)) << "99 are older than five days";
  const auto chosen = ChooseAutoExpiry(Table(221, kHour, on), kNow);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->older_than_ms, kNow - 120 * kHour);
  auto kept = on;
  kept["history.expire.min-snapshots-to-keep"] = "150";
  EXPECT_FALSE(ChooseAutoExpiry(Table(221, kHour, kept), kNow));
  kept = on;
  kept["gc.enabled"] = "false";
  EXPECT_FALSE(ChooseAutoExpiry(Table(500, kHour, kept), kNow));
}

TEST_P(AutoExpiryTest, BoundsTheCountButNeverTakesTheLastHour) {
  const std::map<std::string, std::string> on = {{kAutoExpire, "true"}};
  EXPECT_FALSE(ChooseAutoExpiry(Table(1240, 60'000, on), kNow));
  const auto chosen = ChooseAutoExpiry(Table(1260, 60'000, on), kNow);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->older_than_ms, kNow - 999 * 60'000);
  EXPECT_FALSE(ChooseAutoExpiry(Table(3000, 1000, on), kNow)) << "fifty minutes in all";
  const auto fast = ChooseAutoExpiry(Table(10'000, 1000, on), kNow);
  ASSERT_TRUE(fast);
  EXPECT_EQ(fast->older_than_ms, kNow - kHour);
}

TEST_P(AutoExpiryTest, AWriterKeepsItsTableSmallWhileItCommits) {
  Append(0, 1);
  ASSERT_TRUE(
      SetTableProperties(*catalog_, kMaintained, {{"history.expire.max-snapshot-age-ms", "1"}})
          .ok());
  {
    auto writer = TableWriter::Make(catalog_, kMaintained).ValueOrDie();
    for (int64_t i = 1; i < 260; ++i) {
      ASSERT_TRUE(writer->WriteBatch(*Batch(i, 1)).ok());
      const auto committed = writer->Commit();
      ASSERT_TRUE(committed.ok()) << committed.status();
    }
  }
  EXPECT_LT(Metadata()->snapshots.size(), 240u);
  EXPECT_EQ(Ids(), Range(0, 260));
  EXPECT_THAT(Strays(), IsEmpty());
  ExpectSound();
}

INSTANTIATE_TEST_SUITE_P(Stores, AutoExpiryTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Local" : "Memory"; });

}  // namespace
}  // namespace tarn
