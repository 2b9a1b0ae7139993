// SPDX-License-Identifier: Apache-2.0
//
// Going back in a table's history, names for its snapshots, and its properties.
#include <functional>

#include "catalog/append.h"
#include "table/tests/maintenance_fixture.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class TableRefsTest : public MaintenanceTest {};

TEST_P(TableRefsTest, ARollbackMakesAnAncestorCurrentAndKeepsTheRest) {
  const SnapshotId first = Append(0), second = Append(10), third = Append(20);
  ASSERT_TRUE(RollbackTo(*catalog_, kMaintained, first).ok());
  EXPECT_EQ(Ids().size(), 10u);
  EXPECT_THAT(Metadata()->snapshots, SizeIs(3));
  EXPECT_EQ(Metadata()->snapshot_log.back().snapshot_id, first);
  ExpectSound();
  const auto forward = RollbackTo(*catalog_, kMaintained, third);
  EXPECT_TRUE(IsKind(forward.status(), ErrorKind::kBadInput)) << forward.status();
  EXPECT_THAT(forward.status().message(), HasSubstr("no ancestor"));
  ASSERT_TRUE(SetCurrentSnapshot(*catalog_, kMaintained, second).ok());
  EXPECT_EQ(Ids().size(), 20u);
  EXPECT_TRUE(
      IsKind(RollbackTo(*catalog_, kMaintained, SnapshotId(4711)).status(), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(SetCurrentSnapshot(*catalog_, kMaintained, SnapshotId(0)).status(),
                     ErrorKind::kNotFound));
  // What is appended now continues from there.
  Append(50);
  EXPECT_EQ(Ids().size(), 30u);
  ExpectSound();
}

TEST_P(TableRefsTest, ARollbackToTheCurrentSnapshotCommitsNothing) {
  const SnapshotId first = Append(0);
  const auto before = catalog_->LoadTable(kMaintained).ValueOrDie().version;
  EXPECT_EQ(RollbackTo(*catalog_, kMaintained, first).ValueOrDie().version, before);
}

TEST_P(TableRefsTest, ARollbackToATimeTakesTheNewestAncestorBeforeIt) {
  Append(0);
  const int64_t first_ms = Metadata()->CurrentSnapshot()->timestamp_ms;
  Clock::System().SleepFor(std::chrono::milliseconds(5));
  Append(10);
  EXPECT_TRUE(
      IsKind(RollbackToTime(*catalog_, kMaintained, first_ms).status(), ErrorKind::kNotFound));
  ASSERT_TRUE(RollbackToTime(*catalog_, kMaintained, first_ms + 1).ok());
  EXPECT_EQ(Ids().size(), 10u);
  ASSERT_TRUE(RollbackToTime(*catalog_, kMaintained, INT64_MAX).ok());
  EXPECT_EQ(Ids().size(), 10u);
}

TEST_P(TableRefsTest, ARollbackNeverUndoesACommitThatItDidNotSee) {
  const SnapshotId first = Append(0);
  Append(10);
  // The reply to the swap is lost, and while the answer is looked for another writer appends.
  const auto other = HadoopCatalog::Make(base_, "warehouse").ValueOrDie();
  for (int64_t step = 1; step <= 12; ++step) {
    SCOPED_TRACE(step);
    const auto rows_before = Ids().size();
    store_->Add({FaultKind::kLoseReply, StoreOp::kAny, "", step});
    store_->Add({FaultKind::kCrash, StoreOp::kAny, "", step + 1});
    const auto rolled = RollbackTo(*catalog_, kMaintained, first);
    store_->Heal();
    const bool went = Ids().size() == 10;
    if (rolled.ok()) EXPECT_TRUE(went);
    if (!rolled.ok() && !IsKind(rolled.status(), ErrorKind::kCommitStateUnknown)) {
      EXPECT_EQ(Ids().size(), rows_before) << rolled.status();
    }
    if (Metadata()->current_snapshot_id == first) Append(10);
    ExpectSound();
  }
}

/// Does something where it is asked to wait.
class ActingClock : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override { return System().Now(); }
  void SleepFor(std::chrono::milliseconds) const override { act(); }
  std::function<void()> act;
};

TEST_P(TableRefsTest, ARollbackThatWasInDoubtDoesNotUndoWhatCameAfterIt) {
  const SnapshotId first = Append(0);
  Append(10);
  ActingClock clock;
  const auto slow = FaultStore::Make(base_, clock);
  const auto catalog = HadoopCatalog::Make(slow, "warehouse").ValueOrDie();
  clock.act = [&] {
    // Rows 0 to 9 once more, by a writer that does not wait in the queue.
    const auto metadata = Metadata();
    const auto live = iceberg::ReadLiveFiles(*base_, *metadata->CurrentSnapshot()).ValueOrDie();
    AppendCommit commit;
    commit.files.push_back(live.data.at(0).data_file);
    const auto bytes = base_->Read(base_->PathOf(commit.files[0].file_path).ValueOrDie());
    ASSERT_TRUE(base_->Put("warehouse/db/t/data/again.parquet", (*bytes)->bytes()).ok());
    commit.files[0].file_path = base_->UriOf("warehouse/db/t/data/again.parquet");
    CommitOptions options;
    options.total_timeout = std::chrono::milliseconds(1);
    ASSERT_TRUE(CommitAppend(*catalog_, kMaintained, commit, options).ok());
  };
  const auto next = catalog->LoadTable(kMaintained).ValueOrDie().version + 1;
  const std::string name = "v" + std::to_string(next) + ".metadata.json";
  // The version is published, but nobody answers; before the second look another writer appends.
  slow->Add({FaultKind::kLoseReply, StoreOp::kWrite, name});
  slow->Add({FaultKind::kFail, StoreOp::kRead, name});
  slow->Add(
      {FaultKind::kDelay, StoreOp::kRead, "version-hint", 4, false, std::chrono::milliseconds(1)});
  const auto rolled = RollbackTo(*catalog, kMaintained, first);
  EXPECT_EQ(slow->faults_fired(), 3);
  EXPECT_TRUE(IsKind(rolled.status(), ErrorKind::kValidationFailed)) << rolled.status();
  const auto ids = Ids();
  EXPECT_EQ(ids.size(), 20u) << "what was appended to the rolled back table is there";
  EXPECT_EQ(ids.back(), 9);
  ExpectSound();
}

TEST_P(TableRefsTest, TagsAndBranchesNameSnapshotsOnce) {
  const SnapshotId first = Append(0);
  const SnapshotId second = Append(10);
  ASSERT_TRUE(
      CreateTag(*catalog_, kMaintained, "v1", {.snapshot = first, .max_ref_age_ms = 9}).ok());
  ASSERT_TRUE(CreateBranch(*catalog_, kMaintained, "audit",
                           {.max_snapshot_age_ms = 7, .min_snapshots_to_keep = 3})
                  .ok());
  const auto refs = Metadata()->refs;
  EXPECT_FALSE(refs.at("v1").is_branch);
  EXPECT_EQ(refs.at("v1").snapshot_id, first);
  EXPECT_EQ(refs.at("v1").max_ref_age_ms, 9);
  EXPECT_TRUE(refs.at("audit").is_branch);
  EXPECT_EQ(refs.at("audit").snapshot_id, second);
  EXPECT_EQ(refs.at("audit").min_snapshots_to_keep, 3);
  const auto kind = [](const Result<TableState>& result) { return *KindOf(result.status()); };
  EXPECT_EQ(kind(CreateTag(*catalog_, kMaintained, "v1", {.snapshot = first, .max_ref_age_ms = 9})),
            ErrorKind::kAlreadyExists);
  EXPECT_EQ(kind(CreateBranch(*catalog_, kMaintained, "v1")), ErrorKind::kAlreadyExists);
  EXPECT_EQ(kind(CreateTag(*catalog_, kMaintained, "main")), ErrorKind::kBadInput);
  EXPECT_EQ(kind(CreateTag(*catalog_, kMaintained, "")), ErrorKind::kBadInput);
  EXPECT_EQ(kind(CreateTag(*catalog_, kMaintained, "x", {.min_snapshots_to_keep = 2})),
            ErrorKind::kBadInput);
  EXPECT_EQ(kind(CreateTag(*catalog_, kMaintained, "x", {.max_ref_age_ms = 0})),
            ErrorKind::kBadInput);
  EXPECT_EQ(kind(CreateTag(*catalog_, kMaintained, "x", {.snapshot = SnapshotId(1)})),
            ErrorKind::kNotFound);
  EXPECT_EQ(kind(DropRef(*catalog_, kMaintained, "main")), ErrorKind::kBadInput);
  EXPECT_EQ(kind(DropRef(*catalog_, kMaintained, "none")), ErrorKind::kNotFound);
  ASSERT_TRUE(DropRef(*catalog_, kMaintained, "v1").ok());
  EXPECT_EQ(Metadata()->refs.count("v1"), 0u);
  ExpectSound();
}

TEST_P(TableRefsTest, AnEmptyTableHasNoSnapshotToName) {
  ASSERT_TRUE(catalog_->CreateTable(kMaintained, {}).ok());
  EXPECT_TRUE(IsKind(CreateTag(*catalog_, kMaintained, "v1").status(), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(RollbackToTime(*catalog_, kMaintained, 1).status(), ErrorKind::kNotFound));
}

TEST_P(TableRefsTest, PropertiesAreSetAndRemoved) {
  Append(0);
  ASSERT_TRUE(SetTableProperties(*catalog_, kMaintained, {{"owner", "me"}, {"note", "x"}}).ok());
  ASSERT_TRUE(
      SetTableProperties(*catalog_, kMaintained, {{"owner", "you"}}, {"note", "none"}).ok());
  EXPECT_EQ(Metadata()->properties.at("owner"), "you");
  EXPECT_EQ(Metadata()->properties.count("note"), 0u);
  const auto version = catalog_->LoadTable(kMaintained).ValueOrDie().version;
  EXPECT_EQ(
      SetTableProperties(*catalog_, kMaintained, {{"owner", "you"}}, {"none"}).ValueOrDie().version,
      version)
      << "nothing changed, nothing committed";
}

TEST_P(TableRefsTest, WhatTarnAndIcebergKeepIsRefused) {
  TableProperties vectors(VectorStoragePolicy{.column_name = "v", .dim = 4});
  ASSERT_TRUE(catalog_->CreateTable(kMaintained, vectors).ok());
  const auto before = catalog_->LoadTable(kMaintained).ValueOrDie().metadata->properties;
  const auto refused = [&](const std::string& key, const std::string& value) {
    const auto set = SetTableProperties(*catalog_, kMaintained, {{key, value}});
    EXPECT_TRUE(IsKind(set.status(), ErrorKind::kBadInput)) << key << ": " << set.status();
  };
  for (const char* key : {"ailake.vector-dim", "ailake.vector-column", "ailake.format-version",
                          "tarn.codebook.3", "tarn.vector.v.keep-raw", "tarn.wal.1.main",
                          "format-version", "uuid", "location", "current-snapshot-id", ""}) {
    refused(key, "1");
    const auto removed = SetTableProperties(*catalog_, kMaintained, {}, {key});
    EXPECT_TRUE(IsKind(removed.status(), ErrorKind::kBadInput)) << key;
  }
  refused("history.expire.max-snapshot-age-ms", "5 days");
  refused("history.expire.min-snapshots-to-keep", "0");
  refused("write.metadata.previous-versions-max", "-1");
  refused("gc.enabled", "no");
  refused("tarn.expire.auto", "yes");
  refused("ailake.hnsw-m", "many");
  refused("ailake.hnsw-m", "1");
  EXPECT_TRUE(IsKind(SetTableProperties(*catalog_, kMaintained, {{"a", "b"}}, {"a"}).status(),
                     ErrorKind::kBadInput));
  EXPECT_EQ(Metadata()->properties, before);
  EXPECT_TRUE(SetTableProperties(*catalog_, kMaintained, {{"tarn.hnsw-ef-search", "90"}}).ok());
  EXPECT_EQ(TableProperties::FromIceberg(Metadata()->properties).ValueOrDie().hnsw.ef_search, 90);
}

INSTANTIATE_TEST_SUITE_P(Stores, TableRefsTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Local" : "Memory"; });

}  // namespace
}  // namespace tarn
