// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_writer.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_io.h"

namespace tarn::iceberg {
namespace {

using testing::ElementsAre;

class WritingASnapshot : public ::testing::Test {
 protected:
  WritingASnapshot() {
    Schema schema;
    schema.fields.push_back({1, "id", true, Type::Of(TypeId::kLong), {}, {}});
    table_ = NewTableMetadata("memory:///t", schema, {}, 1000).ValueOrDie();
  }

  static AddedFile File(const std::string& name, std::optional<int64_t> sequence = {}) {
    AddedFile added;
    added.file.file_path = "memory:///t/data/" + name;
    added.file.record_count = 10;
    added.file.file_size_in_bytes = 100;
    added.data_sequence_number = sequence;
    return added;
  }

  static RemovedFile Removed(const std::string& name) { return RemovedFile::Of(File(name).file); }
  static SnapshotPlan PlanOf(std::vector<AddedFile> files) {
    SnapshotPlan plan;
    plan.added = std::move(files);
    return plan;
  }

  SnapshotChange Prepare(SnapshotWriter& writer, const SnapshotPlan& plan, int64_t now = 2000) {
    auto change = writer.Prepare(table_, plan, now);
    EXPECT_TRUE(change.ok()) << change.status();
    return change.ok() ? *change : SnapshotChange();
  }
  void Commit(const SnapshotChange& change) {
    ASSERT_TRUE(CheckRequirements(change.requirements, &table_).ok());
    auto next = ApplyUpdates(table_, change.updates, 2000);
    ASSERT_TRUE(next.ok()) << next.status();
    table_ = *next;
  }
  void Append(std::vector<AddedFile> files) {
    SnapshotWriter writer(*store_);
    Commit(Prepare(writer, PlanOf(std::move(files))));
  }
  std::vector<std::pair<std::string, int64_t>> Live() {
    std::vector<std::pair<std::string, int64_t>> live;
    const auto files = ReadLiveFiles(*store_, *table_.CurrentSnapshot()).ValueOrDie();
    for (const auto& entry : files.data) {
      live.emplace_back(entry.data_file.file_path.substr(17), entry.sequence_number.value());
    }
    return live;
  }

  std::shared_ptr<Store> store_ = MemoryStore::Make();
  TableMetadata table_;
};

TEST_F(WritingASnapshot, FilesInheritTheCommitsSequenceNumber) {
  Append({File("a")});
  Append({File("b"), File("c")});
  EXPECT_THAT(Live(), ElementsAre(std::pair("b", 2), std::pair("c", 2), std::pair("a", 1)));
  const Snapshot& snapshot = *table_.CurrentSnapshot();
  EXPECT_EQ(snapshot.parent_id, table_.snapshots[0].snapshot_id);
  EXPECT_EQ(snapshot.schema_id, 0);
  EXPECT_EQ(snapshot.sequence_number, 2);
}

TEST_F(WritingASnapshot, AnExplicitDataSequenceNumberIsKept) {
  Append({File("a")});
  Append({File("b")});
  Append({File("old", 1), File("new")});
  EXPECT_THAT(Live(), ElementsAre(std::pair("old", 1), std::pair("new", 3), std::pair("b", 2),
                                  std::pair("a", 1)));
  const auto lines = ReadManifestList(*store_, *table_.CurrentSnapshot()).ValueOrDie();
  EXPECT_EQ(lines[0].sequence_number, 3);
  EXPECT_EQ(lines[0].min_sequence_number, 1);
}

TEST_F(WritingASnapshot, ARetryWritesOnlyTheManifestListAgain) {
  SnapshotWriter slow(*store_);
  const auto plan = PlanOf({File("slow")});
  const auto first = Prepare(slow, plan);
  Append({File("fast")});
  const auto before = store_->List("t/")->size();
  const auto second = Prepare(slow, plan);
  EXPECT_EQ(store_->List("t/")->size(), before + 1);
  EXPECT_EQ(first.snapshot.snapshot_id, second.snapshot.snapshot_id);
  EXPECT_NE(first.snapshot.manifest_list, second.snapshot.manifest_list);
  EXPECT_FALSE(CheckRequirements(first.requirements, &table_).ok());
  Commit(second);
  EXPECT_THAT(Live(), ElementsAre(std::pair("slow", 2), std::pair("fast", 1)));
  ASSERT_TRUE(slow.DeleteUnused(second.snapshot.manifest_list).ok());
  EXPECT_EQ(store_->List("t/")->size(), before);
  EXPECT_EQ(Live().size(), 2u);
}

TEST_F(WritingASnapshot, WhatWasWrittenCanBeTakenBack) {
  SnapshotWriter writer(*store_);
  const auto plan = PlanOf({File("a")});
  Prepare(writer, plan);
  EXPECT_EQ(store_->List("")->size(), 2u);
  ASSERT_TRUE(writer.DeleteWritten().ok());
  EXPECT_TRUE(store_->List("")->empty());
  Commit(Prepare(writer, plan));
  EXPECT_THAT(Live(), ElementsAre(std::pair("a", 1)));
}

TEST_F(WritingASnapshot, TimeNeverGoesBack) {
  SnapshotWriter writer(*store_);
  const auto plan = PlanOf({File("a")});
  EXPECT_EQ(Prepare(writer, plan, 5).snapshot.timestamp_ms, 1000);
  EXPECT_EQ(Prepare(writer, plan, 5000).snapshot.timestamp_ms, 5000);
}

TEST_F(WritingASnapshot, DeleteFilesGoIntoAManifestOfTheirOwn) {
  AddedFile deletes = File("d");
  deletes.file.content = FileContent::kPositionDeletes;
  Append({File("a"), deletes});
  const auto live = ReadLiveFiles(*store_, *table_.CurrentSnapshot()).ValueOrDie();
  EXPECT_EQ(live.data.size(), 1u);
  EXPECT_EQ(live.deletes.size(), 1u);
  EXPECT_EQ(table_.CurrentSnapshot()->summary.at("total-delete-files"), "1");
  EXPECT_EQ(table_.CurrentSnapshot()->summary.at("added-position-deletes"), "10");
}

TEST_F(WritingASnapshot, VersionThreeGivesRowIds) {
  table_.format_version = 3;
  Append({File("a"), File("b")});
  Append({File("c")});
  EXPECT_EQ(table_.next_row_id, 30);
  const auto live = ReadLiveFiles(*store_, *table_.CurrentSnapshot()).ValueOrDie();
  EXPECT_EQ(live.data[0].data_file.first_row_id, 20);
  EXPECT_EQ(live.data[1].data_file.first_row_id, 0);
  EXPECT_EQ(live.data[2].data_file.first_row_id, 10);
}

TEST_F(WritingASnapshot, ATableThatWasUpgradedGivesRowIdsToItsOldFiles) {
  Append({File("a"), File("b")});
  table_.format_version = 3;
  Append({File("c")});
  EXPECT_EQ(table_.next_row_id, 30);
  EXPECT_EQ(table_.CurrentSnapshot()->added_rows, 30);
}

TEST_F(WritingASnapshot, AnotherBranchLeavesMainAlone) {
  Append({File("a")});
  const SnapshotId main = table_.current_snapshot_id;
  SnapshotWriter writer(*store_);
  auto plan = PlanOf({File("b")});
  plan.branch = "side";
  Commit(Prepare(writer, plan));
  EXPECT_EQ(table_.current_snapshot_id, main);
  EXPECT_EQ(table_.refs.at("side").snapshot_id, writer.snapshot_id());
}

TEST_F(WritingASnapshot, ARemovedFileIsDeletedFromItsManifestAndTheOthersStay) {
  Append({File("a"), File("b")});
  Append({File("c")});
  SnapshotPlan plan = PlanOf({File("ab", 1)});
  plan.operation = operation::kReplace;
  plan.removed = {Removed("a"), Removed("b")};
  SnapshotWriter writer(*store_);
  Commit(Prepare(writer, plan));
  EXPECT_THAT(Live(), ElementsAre(std::pair("ab", 1), std::pair("c", 2)));
  const auto lines = ReadManifestList(*store_, *table_.CurrentSnapshot()).ValueOrDie();
  ASSERT_EQ(lines.size(), 3u);
  const auto rewritten = ReadManifest(*store_, lines[1]).ValueOrDie();
  ASSERT_EQ(rewritten.entries.size(), 2u);
  EXPECT_EQ(rewritten.entries[0].status, EntryStatus::kDeleted);
  EXPECT_EQ(rewritten.entries[0].snapshot_id, writer.snapshot_id());
  EXPECT_EQ(rewritten.entries[0].sequence_number, 1);
  const auto& summary = table_.CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "replace");
  EXPECT_EQ(summary.at("deleted-data-files"), "2");
  EXPECT_EQ(summary.at("deleted-records"), "20");
  EXPECT_EQ(summary.at("total-data-files"), "2");
  EXPECT_EQ(summary.at("total-records"), "20");

  // What is left of the manifest has no live file: the next commit leaves it out.
  Append({File("d")});
  EXPECT_EQ(ReadManifestList(*store_, *table_.CurrentSnapshot())->size(), 3u);
}

TEST_F(WritingASnapshot, SurvivorsOfAManifestKeepTheirSequenceNumbers) {
  Append({File("a"), File("b")});
  Append({File("c")});
  SnapshotPlan plan;
  plan.operation = operation::kDelete;
  plan.removed = {Removed("a")};
  SnapshotWriter writer(*store_);
  Commit(Prepare(writer, plan));
  EXPECT_THAT(Live(), ElementsAre(std::pair("b", 1), std::pair("c", 2)));
  const auto lines = ReadManifestList(*store_, *table_.CurrentSnapshot()).ValueOrDie();
  EXPECT_EQ(lines[0].min_sequence_number, 1);
  EXPECT_EQ(lines[0].existing_files_count, 1);
  EXPECT_EQ(lines[0].deleted_files_count, 1);
}

TEST_F(WritingASnapshot, AFileThatIsNoLongerThereCannotBeRemoved) {
  Append({File("a"), File("b")});
  SnapshotPlan plan = PlanOf({File("new")});
  plan.removed = {Removed("a"), Removed("gone")};
  const auto status = SnapshotWriter(*store_).Prepare(table_, plan, 1).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kValidationFailed)) << status;
  EXPECT_NE(status.message().find("gone"), std::string::npos) << status;
  plan.removed = {Removed("a")};
  SnapshotWriter writer(*store_);
  Commit(Prepare(writer, plan));
  EXPECT_TRUE(IsKind(SnapshotWriter(*store_).Prepare(table_, plan, 1).status(),
                     ErrorKind::kValidationFailed));
}

TEST_F(WritingASnapshot, ARetriedReplacementWritesOnlyWhatTheOtherCommitTouched) {
  Append({File("a")});
  Append({File("b")});
  SnapshotPlan plan = PlanOf({File("a2", 1)});
  plan.removed = {Removed("a")};
  SnapshotWriter slow(*store_);
  Prepare(slow, plan);
  Append({File("c")});
  const auto before = store_->List("t/")->size();
  const auto second = Prepare(slow, plan);
  EXPECT_EQ(store_->List("t/")->size(), before + 1);
  Commit(second);
  EXPECT_THAT(Live(), ElementsAre(std::pair("a2", 1), std::pair("c", 3), std::pair("b", 2)));
  ASSERT_TRUE(slow.DeleteUnused(second.snapshot.manifest_list).ok());
  EXPECT_EQ(store_->List("t/")->size(), before);
}

TEST_F(WritingASnapshot, APlanThatChangesBetweenAttemptsLeavesNothingBehind) {
  Append({File("a")});
  SnapshotWriter writer(*store_);
  Prepare(writer, PlanOf({File("b"), File("c")}));
  const auto change = Prepare(writer, PlanOf({File("c")}));
  Commit(change);
  ASSERT_TRUE(writer.DeleteUnused(change.snapshot.manifest_list).ok());
  EXPECT_THAT(Live(), ElementsAre(std::pair("c", 2), std::pair("a", 1)));
  EXPECT_EQ(store_->List("t/metadata/")->size(), 4u);  // two manifests, two lists
}

TEST_F(WritingASnapshot, ManySmallManifestsBecomeOne) {
  table_.properties["commit.manifest.min-count-to-merge"] = "4";
  for (int i = 0; i < 10; ++i) Append({File(std::to_string(i))});
  const auto lines = ReadManifestList(*store_, *table_.CurrentSnapshot()).ValueOrDie();
  EXPECT_LE(lines.size(), 5u);
  const auto live = Live();
  ASSERT_EQ(live.size(), 10u);
  for (const auto& [name, sequence] : live) EXPECT_EQ(sequence, std::stoi(name) + 1);
  EXPECT_EQ(table_.CurrentSnapshot()->summary.at("total-data-files"), "10");
}

TEST_F(WritingASnapshot, MergedManifestsOfVersionThreeKeepTheirRowIds) {
  table_.format_version = 3;
  table_.properties["commit.manifest.min-count-to-merge"] = "2";
  for (int i = 0; i < 6; ++i) Append({File(std::to_string(i))});
  const auto live = ReadLiveFiles(*store_, *table_.CurrentSnapshot()).ValueOrDie();
  ASSERT_EQ(live.data.size(), 6u);
  std::set<int64_t> ids;
  for (const auto& entry : live.data) ids.insert(entry.data_file.first_row_id.value());
  EXPECT_EQ(ids.size(), 6u);
  // The first file had the first ids, whatever manifest it lies in now.
  for (const auto& entry : live.data) {
    if (entry.data_file.file_path.back() == '0') EXPECT_EQ(entry.data_file.first_row_id, 0);
  }
}

TEST_F(WritingASnapshot, AnUnusedListIsKnownByItsNameOnly) {
  SnapshotWriter writer(*store_);
  const auto change = Prepare(writer, PlanOf({File("a")}));
  Commit(change);
  ASSERT_TRUE(writer.DeleteUnused("memory:///t/metadata/of-somebody-else.avro").ok());
  EXPECT_EQ(Live().size(), 1u);
}

TEST_F(WritingASnapshot, UnusableInputsAreRefused) {
  const auto refusal = [&](const SnapshotPlan& plan) {
    return KindOf(SnapshotWriter(*store_).Prepare(table_, plan, 1).status());
  };
  EXPECT_EQ(refusal({}), ErrorKind::kBadInput);
  AddedFile file = File("a");
  file.file.spec_id = 4;
  EXPECT_EQ(refusal(PlanOf({file})), ErrorKind::kBadInput);
  EXPECT_EQ(refusal(PlanOf({File("a"), file})), ErrorKind::kBadInput);
  table_.format_version = 1;
  EXPECT_EQ(refusal(PlanOf({File("a")})), ErrorKind::kNotSupported);
}

TEST_F(WritingASnapshot, AParentWithoutTotalsIsCounted) {
  Append({File("a"), File("b")});
  Snapshot bare = table_.snapshots[0];
  bare.summary = {{"operation", "append"}};
  table_.snapshots.Replace(0, bare);
  Append({File("c")});
  const auto& summary = table_.CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("total-data-files"), "3");
  EXPECT_EQ(summary.at("total-records"), "30");
  EXPECT_EQ(summary.at("total-position-deletes"), "0");
  EXPECT_EQ(summary.count("total-files-size"), 0u);
}

}  // namespace
}  // namespace tarn::iceberg
