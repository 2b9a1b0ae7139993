// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_expiry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kDay = 24 * 60 * 60 * 1000;
constexpr int64_t kNow = 100 * kDay;

/// Snapshot `id` is committed `age_days` before kNow on top of `parent`.
class SnapshotExpiryTest : public ::testing::Test {
 protected:
  void Add(int64_t id, int64_t parent, int64_t age_days) {
    Snapshot snapshot;
    snapshot.snapshot_id = SnapshotId(id);
    if (parent != 0) snapshot.parent_id = SnapshotId(parent);
    snapshot.timestamp_ms = kNow - age_days * kDay;
    table_.snapshots.push_back(snapshot);
  }
  void Ref(const std::string& name, int64_t id, bool branch = true) {
    table_.refs[name].snapshot_id = SnapshotId(id);
    table_.refs[name].is_branch = branch;
    if (name == kMainBranch) table_.current_snapshot_id = SnapshotId(id);
  }
  /// Five on main: 1 (ten days old) to 5 (today).
  void MakeMain() {
    const int64_t ages[] = {10, 8, 6, 3, 0};
    for (int64_t i = 0; i < 5; ++i) Add(i + 1, i, ages[i]);
    Ref(kMainBranch, 5);
  }
  std::vector<int64_t> Expired(std::optional<int64_t> older_than_days = {},
                               std::optional<int32_t> retain = {}) {
    ExpiryRules rules;
    rules.now_ms = kNow;
    if (older_than_days) rules.older_than_ms = kNow - *older_than_days * kDay;
    rules.retain_last = retain;
    const auto expiry = PlanSnapshotExpiry(table_, rules);
    refs_ = expiry.refs;
    std::vector<int64_t> ids;
    for (const auto id : expiry.snapshots) ids.push_back(id.value());
    return ids;
  }

  TableMetadata table_;
  std::vector<std::string> refs_;
};

TEST_F(SnapshotExpiryTest, AnEmptyTableHasNothingToExpire) { EXPECT_THAT(Expired(), IsEmpty()); }

TEST_F(SnapshotExpiryTest, FiveDaysAreKeptUnlessTheTableOrTheCallerSaysOtherwise) {
  MakeMain();
  EXPECT_THAT(Expired(), ElementsAre(1, 2, 3));
  EXPECT_THAT(Expired(7), ElementsAre(1, 2));
  table_.properties[kMaxSnapshotAge] = std::to_string(7 * kDay);
  EXPECT_THAT(Expired(), ElementsAre(1, 2));
  EXPECT_THAT(Expired(5), ElementsAre(1, 2, 3));
}

TEST_F(SnapshotExpiryTest, TheNewestOfABranchStaysHoweverOldAndAsManyAsAsked) {
  MakeMain();
  EXPECT_THAT(Expired(0), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Expired(-1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Expired(-1, 3), ElementsAre(1, 2));
  EXPECT_THAT(Expired(-1, 50), IsEmpty());
  table_.properties[kMinSnapshotsToKeep] = "4";
  EXPECT_THAT(Expired(-1), ElementsAre(1));
  table_.properties[kMinSnapshotsToKeep] = "-7";
  EXPECT_THAT(Expired(-1), ElementsAre(1, 2, 3, 4));
}

TEST_F(SnapshotExpiryTest, AnAgeOfForEverKeepsEverything) {
  MakeMain();
  table_.properties[kMaxSnapshotAge] = "9223372036854775807";
  EXPECT_THAT(Expired(), IsEmpty());
}

TEST_F(SnapshotExpiryTest, ATagKeepsItsSnapshotAlone) {
  MakeMain();
  Ref("v1", 2, /*branch=*/false);
  EXPECT_THAT(Expired(), ElementsAre(1, 3));
  EXPECT_THAT(refs_, IsEmpty());
}

TEST_F(SnapshotExpiryTest, ATagPastItsOwnAgeGoes) {
  MakeMain();
  Ref("v1", 2, /*branch=*/false);
  table_.refs["v1"].max_ref_age_ms = 9 * kDay;
  EXPECT_THAT(Expired(), ElementsAre(1, 3));
  table_.refs["v1"].max_ref_age_ms = 7 * kDay;
  EXPECT_THAT(Expired(), ElementsAre(1, 2, 3));
  EXPECT_THAT(refs_, ElementsAre("v1"));
  table_.refs["v1"].max_ref_age_ms.reset();
  table_.properties[kMaxRefAge] = std::to_string(2 * kDay);
  EXPECT_THAT(Expired(), ElementsAre(1, 2, 3));
  EXPECT_THAT(refs_, ElementsAre("v1"));
}

TEST_F(SnapshotExpiryTest, MainNeverGoesByItsAge) {
  Add(1, 0, 50);
  Ref(kMainBranch, 1);
  table_.refs[kMainBranch].max_ref_age_ms = kDay;
  EXPECT_THAT(Expired(), IsEmpty());
  EXPECT_THAT(refs_, IsEmpty());
}

TEST_F(SnapshotExpiryTest, ABranchKeepsWhatItsOwnSettingsSay) {
  MakeMain();
  Add(11, 3, 5);
  Add(12, 11, 4);
  Ref("audit", 12);
  EXPECT_THAT(Expired(4), ElementsAre(1, 2, 3, 11));
  table_.refs["audit"].min_snapshots_to_keep = 3;
  EXPECT_THAT(Expired(4), ElementsAre(1, 2));
  table_.refs["audit"].min_snapshots_to_keep.reset();
  table_.refs["audit"].max_snapshot_age_ms = 9 * kDay;
  EXPECT_THAT(Expired(4), ElementsAre(1)) << "the branch's age reaches into what it shares";
  table_.refs["audit"].max_snapshot_age_ms = kDay;
  EXPECT_THAT(Expired(20), ElementsAre(11)) << "and may be shorter than the table's";
}

TEST_F(SnapshotExpiryTest, SnapshotsThatNoRefReachesGoByAgeAlone) {
  MakeMain();
  Add(21, 2, 4);
  Add(22, 2, 7);
  EXPECT_THAT(Expired(), ElementsAre(1, 2, 3, 22));
  EXPECT_THAT(Expired(2), ElementsAre(1, 2, 3, 4, 21, 22));
}

TEST_F(SnapshotExpiryTest, ABranchThatGoesTakesItsOwnSnapshotsWhenTheyAreOld) {
  MakeMain();
  Add(11, 3, 9);
  Ref("old", 11);
  table_.refs["old"].max_ref_age_ms = kDay;
  EXPECT_THAT(Expired(), ElementsAre(1, 2, 3, 11));
  EXPECT_THAT(refs_, ElementsAre("old"));
}

TEST_F(SnapshotExpiryTest, AHistoryWithAYoungSnapshotBehindAnOldOneLosesBoth) {
  // Clocks of two writers differ: the order of the commits counts.
  Add(1, 0, 1);
  Add(2, 1, 8);
  Add(3, 2, 0);
  Ref(kMainBranch, 3);
  EXPECT_THAT(Expired(), ElementsAre(1, 2));
}

TEST_F(SnapshotExpiryTest, ACycleOfParentsEnds) {
  Add(1, 2, 9);
  Add(2, 1, 9);
  Ref(kMainBranch, 2);
  EXPECT_THAT(Expired(), ElementsAre(1));
  EXPECT_EQ(AncestorsOf(table_, SnapshotId(2)).size(), 2u);
}

}  // namespace
}  // namespace tarn::iceberg
