// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/own_backlog.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OwnBacklog, CountsWhatWasSubmitted) {
  OwnBacklog backlog;
  EXPECT_EQ(backlog.waiting_bytes(), 0);
  backlog.Add({{"a", 10}, {"b", 5}}, 1);
  backlog.Add({{"c", 1}}, 2);
  EXPECT_EQ(backlog.waiting_bytes(), 16);
  EXPECT_THAT(backlog.locations(), ElementsAre("a", "b", "c"));
}

TEST(OwnBacklog, CountsAFileOnce) {
  OwnBacklog backlog;
  backlog.Add({{"a", 10}}, 1);
  backlog.Add({{"a", 10}}, 2);
  EXPECT_EQ(backlog.waiting_bytes(), 10);
}

TEST(OwnBacklog, ForgetsWhatTheTableNoLongerKnowsAsWaiting) {
  OwnBacklog backlog;
  backlog.Add({{"a", 10}, {"b", 5}}, 1);
  backlog.Update({{"b", true}, {"of somebody else", true}}, 1);
  EXPECT_EQ(backlog.waiting_bytes(), 5);
  EXPECT_THAT(backlog.locations(), ElementsAre("b"));
  backlog.Update({}, 1);
  EXPECT_EQ(backlog.waiting_bytes(), 0);
  EXPECT_THAT(backlog.locations(), IsEmpty());
}

TEST(OwnBacklog, KeepsWhatWasSubmittedAfterTheLookBegan) {
  OwnBacklog backlog;
  backlog.Add({{"a", 10}}, 1);
  backlog.Add({{"b", 5}}, 2);
  backlog.Update({}, 1);
  EXPECT_EQ(backlog.waiting_bytes(), 5);
  backlog.Update({}, 2);
  EXPECT_EQ(backlog.waiting_bytes(), 0);
}

TEST(OwnBacklog, CountsAFileAgainWhoseBuildIsLost) {
  OwnBacklog backlog;
  backlog.Add({{"a", 10}, {"b", 5}}, 1);
  backlog.Update({{"a", false}, {"b", true}}, 1);
  EXPECT_EQ(backlog.waiting_bytes(), 5);
  backlog.Update({{"a", true}, {"b", true}}, 1);
  EXPECT_EQ(backlog.waiting_bytes(), 15);
}

}  // namespace
}  // namespace tarn
