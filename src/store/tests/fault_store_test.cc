// SPDX-License-Identifier: Apache-2.0
#include "store/fault_store.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

class Faults : public ::testing::Test {
 protected:
  std::shared_ptr<MemoryStore> base_ = MemoryStore::Make();
  std::shared_ptr<FaultStore> store_ = FaultStore::Make(base_);
};

TEST_F(Faults, FailsTheNthMatchOnce) {
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kWrite, .path_contains = "b", .nth = 2});
  EXPECT_TRUE(store_->Put("b1", "x").ok());
  EXPECT_TRUE(store_->Put("a", "x").ok());
  EXPECT_TRUE(IsKind(store_->Put("b2", "x"), ErrorKind::kIo));
  EXPECT_FALSE(base_->Exists("b2").ValueOrDie());
  EXPECT_TRUE(store_->Put("b2", "x").ok());
  EXPECT_EQ(store_->faults_fired(), 1);
  EXPECT_EQ(store_->operations(), 4);
}

TEST_F(Faults, RepeatsUntilHealed) {
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kRead, .repeat = true});
  ASSERT_TRUE(store_->Put("x", "1").ok());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(IsKind(store_->Read("x").status(), ErrorKind::kIo));
  EXPECT_TRUE(store_->Stat("x").ok());
  store_->Heal();
  EXPECT_TRUE(store_->Read("x").ok());
}

TEST_F(Faults, ATornWritePublishesItsBeginning) {
  store_->Add({.kind = FaultKind::kTear, .op = StoreOp::kWrite, .torn_fraction = 0.3});
  EXPECT_TRUE(IsKind(store_->Put("x", "0123456789"), ErrorKind::kIo));
  EXPECT_EQ(base_->Read("x").ValueOrDie()->text(), "012");
}

TEST_F(Faults, ALostReplyHidesAWriteThatHappened) {
  store_->Add({.kind = FaultKind::kLoseReply, .op = StoreOp::kWrite});
  EXPECT_TRUE(IsKind(store_->Put("x", "1", PutMode::kIfAbsent), ErrorKind::kIo));
  EXPECT_EQ(base_->Read("x").ValueOrDie()->text(), "1");
  store_->Add({.kind = FaultKind::kLoseReply, .op = StoreOp::kDelete});
  EXPECT_TRUE(IsKind(store_->Delete("x"), ErrorKind::kIo));
  EXPECT_FALSE(base_->Exists("x").ValueOrDie());
}

TEST_F(Faults, ALostOrTornWriteOfATakenNameStaysARefusal) {
  ASSERT_TRUE(base_->Put("x", "1").ok());
  for (const FaultKind kind : {FaultKind::kLoseReply, FaultKind::kTear}) {
    store_->Add({.kind = kind, .op = StoreOp::kWrite});
    EXPECT_TRUE(IsKind(store_->Put("x", "2", PutMode::kIfAbsent), ErrorKind::kAlreadyExists));
    EXPECT_EQ(base_->Read("x").ValueOrDie()->text(), "1");
  }
}

TEST_F(Faults, AfterACrashNothingHappens) {
  store_->Add({.kind = FaultKind::kCrash, .nth = 2});
  EXPECT_TRUE(store_->Put("a", "1").ok());
  EXPECT_FALSE(store_->Put("b", "1").ok());
  EXPECT_FALSE(store_->Put("c", "1").ok());
  EXPECT_FALSE(store_->Read("a").ok());
  EXPECT_FALSE(store_->Delete("a").ok());
  EXPECT_EQ(base_->List("")->size(), 1u);
  store_->Heal();
  EXPECT_EQ(store_->Read("a").ValueOrDie()->text(), "1");
}

TEST_F(Faults, DelaysPassOnTheGivenClock) {
  struct Recorder : Clock {
    mutable std::vector<int64_t> slept;
    std::chrono::system_clock::time_point Now() const override { return {}; }
    void SleepFor(std::chrono::milliseconds duration) const override {
      slept.push_back(duration.count());
    }
  } clock;
  auto store = FaultStore::Make(base_, clock);
  store->Add(
      {.kind = FaultKind::kDelay, .op = StoreOp::kWrite, .delay = std::chrono::milliseconds(7)});
  EXPECT_TRUE(store->Put("x", "1").ok());
  EXPECT_TRUE(store->Put("x", "2").ok());
  EXPECT_THAT(clock.slept, testing::ElementsAre(7));
}

}  // namespace
}  // namespace tarn
