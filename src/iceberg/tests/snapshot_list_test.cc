// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_list.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using ::testing::ElementsAre;

Snapshot Of(int64_t id) {
  Snapshot snapshot;
  snapshot.snapshot_id = SnapshotId(id);
  snapshot.timestamp_ms = 10 * id;
  return snapshot;
}

std::vector<int64_t> Ids(const SnapshotList& list) {
  std::vector<int64_t> ids;
  for (const Snapshot& snapshot : list) ids.push_back(snapshot.snapshot_id.value());
  return ids;
}

TEST(ASnapshotList, ReadsAsAVector) {
  const SnapshotList list = {Of(3), Of(1), Of(7)};
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1].timestamp_ms, 10);
  EXPECT_EQ(list.front().timestamp_ms, 30);
  EXPECT_EQ(list.back().timestamp_ms, 70);
  EXPECT_EQ(list.rbegin()->timestamp_ms, 70);
  EXPECT_EQ(list.end() - list.begin(), 3);
  EXPECT_EQ((list.begin() + 2)->timestamp_ms, 70);
  EXPECT_EQ(std::count_if(list.begin(), list.end(),
                          [](const Snapshot& s) { return s.timestamp_ms > 20; }),
            2);
  EXPECT_TRUE(SnapshotList().empty());
  EXPECT_EQ(SnapshotList().begin(), SnapshotList().end());
}

TEST(ASnapshotList, FindsTheNewestOfAnId) {
  SnapshotList list = {Of(3), Of(1)};
  Snapshot twin = Of(3);
  twin.timestamp_ms = 99;
  list.push_back(twin);
  EXPECT_EQ(list.Find(SnapshotId(3))->timestamp_ms, 99);
  EXPECT_EQ(list.Find(SnapshotId(1)), &list[1]);
  EXPECT_EQ(list.Find(SnapshotId(2)), nullptr);
}

TEST(ASnapshotList, CopiesShareSnapshotsAndChangeAlone) {
  SnapshotList list = {Of(1), Of(2), Of(3)};
  SnapshotList copy = list;
  EXPECT_EQ(&copy[0], &list[0]);
  copy.EraseIf([](const Snapshot& s) { return s.snapshot_id == 2; });
  copy.push_back(Of(4));
  copy.Replace(0, Of(9));
  EXPECT_THAT(Ids(copy), ElementsAre(9, 3, 4));
  EXPECT_EQ(copy.Find(SnapshotId(1)), nullptr);
  EXPECT_THAT(Ids(list), ElementsAre(1, 2, 3));
}

TEST(ASnapshotList, IsEqualToOneOfEqualSnapshots) {
  const SnapshotList list = {Of(1), Of(2)};
  EXPECT_EQ(list, SnapshotList(list));
  EXPECT_EQ(list, (SnapshotList{Of(1), Of(2)}));
  EXPECT_FALSE(list == (SnapshotList{Of(1)}));
  EXPECT_FALSE(list == (SnapshotList{Of(1), Of(3)}));
}

TEST(ASnapshotList, RendersASnapshotOnceForAllCopiesAndThreads) {
  const SnapshotList list = {Of(1), Of(2)};
  std::atomic<int> asked{0};
  const auto render = [&](const Snapshot& snapshot) {
    ++asked;
    return std::to_string(snapshot.timestamp_ms);
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, copy = list] {
      EXPECT_EQ(copy.Rendered(0, render), "10");
      EXPECT_EQ(copy.Rendered(1, render), "20");
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace tarn::iceberg
