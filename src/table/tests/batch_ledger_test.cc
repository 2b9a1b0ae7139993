// SPDX-License-Identifier: Apache-2.0
#include "table/ledger/batch_ledger.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace tarn {
namespace {

constexpr int64_t kHour = 3'600'000;

BatchLedger Reread(const BatchLedger& ledger) {
  return BatchLedger::Of({{BatchLedger::kProperty, ledger.ToProperty()}}).ValueOrDie();
}

TEST(ABatchLedger, KnowsWhatWasAddedAndNothingElse) {
  BatchLedger ledger;
  EXPECT_TRUE(ledger.is_empty());
  ledger.Add("orders/2026-11-21", 0);
  ledger.Add("p:7", 0);
  for (const BatchLedger& l : {ledger, Reread(ledger)}) {
    EXPECT_TRUE(l.Contains("orders/2026-11-21"));
    EXPECT_TRUE(l.Contains("p:7"));
    EXPECT_FALSE(l.Contains("orders/2026-11-22"));
    EXPECT_FALSE(l.Contains("p:6"));
    EXPECT_FALSE(l.Contains("p:8"));
    EXPECT_FALSE(l.Contains("q:7"));
    EXPECT_FALSE(l.Contains("p:"));
    EXPECT_FALSE(l.Contains("p"));
    EXPECT_FALSE(l.Contains("p:07"));
  }
}

TEST(ABatchLedger, NumbersThatAreNoSequenceAreIdsOfTheirOwn) {
  BatchLedger ledger;
  for (const char* id : {"p:07", "p:-1", "p:1e3", ":5", "p:18446744073709551616", "p: 5", "5"}) {
    EXPECT_FALSE(ledger.Contains(id)) << id;
    ledger.Add(id, 0);
    EXPECT_TRUE(Reread(ledger).Contains(id)) << id;
  }
  EXPECT_FALSE(ledger.Contains("p:7"));
  ledger.Add("p:18446744073709551615", 0);
  ledger.Add("p:0", 0);
  EXPECT_TRUE(Reread(ledger).Contains("p:18446744073709551615"));
  EXPECT_FALSE(Reread(ledger).Contains("p:1"));
}

TEST(ABatchLedger, AProducerThatCountsTakesTheRoomOfOneEntry) {
  BatchLedger ledger;
  ledger.Add("stream-1:0", 0);
  const size_t one = ledger.ToProperty().size();
  for (int i = 1; i < 10'000; ++i) ledger.Add("stream-1:" + std::to_string(i), 0);
  EXPECT_LT(ledger.ToProperty().size(), one + 10);
  EXPECT_TRUE(ledger.Contains("stream-1:9999"));
  EXPECT_FALSE(ledger.Contains("stream-1:10000"));
}

TEST(ABatchLedger, RemembersLikeASetWhateverTheOrder) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 50; ++round) {
    BatchLedger ledger;
    std::set<std::string> all;
    for (int i = 0; i < 120; ++i) {
      const std::string id =
          "p" + std::to_string(random() % 3) + ":" + std::to_string(random() % 90);
      EXPECT_EQ(ledger.Contains(id), all.count(id) == 1) << id;
      ledger.Add(id, 0);
      all.insert(id);
      if (i % 40 == 0) ledger = Reread(ledger);
    }
    for (int p = 0; p < 3; ++p) {
      for (int n = 0; n < 92; ++n) {
        const std::string id = "p" + std::to_string(p) + ":" + std::to_string(n);
        ASSERT_EQ(ledger.Contains(id), all.count(id) == 1) << id;
      }
    }
  }
}

TEST(ABatchLedger, ForgetsWhatIsTooOld) {
  BatchLedger ledger;
  ledger.Add("old", 0);
  ledger.Add("p:1", 0);
  ledger.Add("q:1", 0);
  ledger.Add("new", 30 * kHour);
  ledger.Add("q:2", 30 * kHour);
  ledger.Trim(30 * kHour, {.max_ids = 100, .max_age_ms = 24 * kHour});
  ledger = Reread(ledger);
  EXPECT_FALSE(ledger.Contains("old"));
  EXPECT_FALSE(ledger.Contains("p:1"));
  EXPECT_TRUE(ledger.Contains("new"));
  EXPECT_TRUE(ledger.Contains("q:1")) << "its producer is still there";
}

TEST(ABatchLedger, ForgetsTheOldestOfTooMany) {
  BatchLedger ledger;
  for (int i = 0; i < 10; ++i) ledger.Add("id" + std::to_string(i), i / 4 * kHour);
  for (int i = 0; i < 10; ++i) ledger.Add("p" + std::to_string(i) + ":1", i * kHour);
  ledger.Trim(10 * kHour, {.max_ids = 3, .max_age_ms = 1000 * kHour});
  ledger = Reread(ledger);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ledger.Contains("id" + std::to_string(i)), i >= 7) << i;
    EXPECT_EQ(ledger.Contains("p" + std::to_string(i) + ":1"), i >= 7) << i;
  }
  ledger.Trim(10 * kHour, {.max_ids = 0, .max_age_ms = 0});
  EXPECT_TRUE(ledger.is_empty());
}

TEST(ABatchLedger, LimitsAreProperties) {
  const auto limits = LedgerLimits::Of(
      {{"tarn.batches.max-count", "7"}, {"tarn.batches.max-age-ms", "1000"}, {"x", "y"}});
  EXPECT_EQ(limits.max_ids, 7);
  EXPECT_EQ(limits.max_age_ms, 1000);
  EXPECT_EQ(LedgerLimits::Of({{"tarn.batches.max-count", "-3"}}).max_ids, 4096);
  EXPECT_EQ(LedgerLimits::Of({{"tarn.batches.max-count", "3 "}}).max_ids, 4096);
}

TEST(ABatchLedger, WhatCannotBeReadIsAnErrorNotAnEmptyLedger) {
  BatchLedger ledger;
  ledger.Add("a", 0);
  ledger.Add("p:1", 0);
  const std::string good = ledger.ToProperty();
  EXPECT_TRUE(BatchLedger::Of({}).ValueOrDie().is_empty());
  std::vector<std::string> bad = {"",
                                  "[]",
                                  "{}",
                                  "null",
                                  "{\"version\":1}",
                                  good.substr(0, 20),
                                  R"({"version":2,"ids":[],"producers":[]})",
                                  R"({"version":1,"ids":[[1,"AAAA"]],"producers":[]})",
                                  R"({"version":1,"ids":[[1,"!!!!"]],"producers":[]})",
                                  R"({"version":1,"ids":[["1",""]],"producers":[]})",
                                  R"({"version":1,"ids":[],"producers":[["AAAA",1,[[1,2]]]]})",
                                  R"({"version":1,"ids":[],"producers":[["AAAA",1,[[3,2]]]]})"};
  for (const auto& text : bad) {
    const auto status = BatchLedger::Of({{BatchLedger::kProperty, text}}).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << text << ": " << status;
  }
}

TEST(ABatchLedger, IdsHaveALength) {
  EXPECT_TRUE(BatchLedger::CheckId("a").ok());
  EXPECT_TRUE(BatchLedger::CheckId(std::string(1024, 'x')).ok());
  EXPECT_TRUE(IsKind(BatchLedger::CheckId(""), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(BatchLedger::CheckId(std::string(1025, 'x')), ErrorKind::kBadInput));
}

}  // namespace
}  // namespace tarn
