// SPDX-License-Identifier: Apache-2.0
#include "tarn/wal_info.h"

#include <thread>

#include "gmock/gmock.h"
#include "table/tests/mem_table_fixture.h"

namespace tarn {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class WalInfos : public MemTables {
 protected:
  std::vector<WalInfo> Describe(bool verify = false) {
    auto logs = DescribeWals(*catalog_, store_, kTable, {.folder = "", .verify = verify});
    EXPECT_TRUE(logs.ok()) << logs.status();
    return logs.ok() ? *std::move(logs) : std::vector<WalInfo>{};
  }
};

INSTANTIATE_TEST_SUITE_P(Worlds, WalInfos,
                         testing::Values(World::kMemory, World::kFolder, World::kSql), WorldName);

TEST_P(WalInfos, SayWhatWaitsAndForWhom) {
  CreateTable();
  EXPECT_THAT(Describe(), IsEmpty());
  auto first = Open(), second = Open();
  Insert(*first, 0, 3);
  Insert(*first, 3, 2);
  Insert(*second, 5, 1);
  ASSERT_TRUE(first->Flush().ok());
  Insert(*first, 6, 4);
  second.reset();
  auto logs = Describe();
  ASSERT_EQ(logs.size(), 2u);
  if (!logs[0].is_open) std::swap(logs[0], logs[1]);
  EXPECT_TRUE(logs[0].is_open);
  EXPECT_EQ(logs[0].covered, 2u);
  EXPECT_EQ(logs[0].last_sequence, 3u);
  EXPECT_EQ(logs[0].waiting_batches, 1u);
  EXPECT_EQ(logs[0].waiting_rows, 4u);
  EXPECT_FALSE(logs[1].is_open);
  EXPECT_EQ(logs[1].covered, 0u);
  EXPECT_EQ(logs[1].waiting_rows, 1u);
  for (const auto& log : Describe(/*verify=*/true)) {
    EXPECT_TRUE(log.damage.ok()) << log.damage;
    EXPECT_TRUE(log.covered_damage.ok()) << log.covered_damage;
    EXPECT_EQ(log.epoch, 1u);
  }
  // To look took nothing from anybody.
  Insert(*first, 10, 1);
  EXPECT_TRUE(first->Close().ok());
  EXPECT_TRUE(Open()->Close().ok());
  EXPECT_EQ(Ids(), Numbers(0, 11));
}

TEST_P(WalInfos, FindNoDamageInALogOfManyWritersWhateverTheyCovered) {
  CreateTable();
  for (int32_t round = 0; round < 6; ++round) {
    auto writer = Open();
    Insert(*writer, 10 * round, 5);
    if (round % 2 == 0) {
      ASSERT_TRUE(writer->Flush().ok());
    }
    Insert(*writer, 10 * round + 5, 5);
    if (round % 3 == 0) {
      ASSERT_TRUE(writer->Close().ok());
    }
    writer.reset();
    for (const auto& log : Describe(/*verify=*/true)) {
      EXPECT_TRUE(log.damage.ok()) << log.damage;
      EXPECT_TRUE(log.covered_damage.ok()) << log.covered_damage;
      EXPECT_EQ(log.epoch, static_cast<uint64_t>(round) + 1);
    }
  }
}

TEST_P(WalInfos, CanBeHadWhileTheLogIsWrittenAndShortened) {
  CreateTable();
  auto config = Config();
  config.flush_max_rows = 20;
  config.log.segment_bytes = 1 << 13;
  auto writer = Open(config);
  std::atomic<bool> stop = false;
  std::thread producer([&] {
    for (int32_t first = 0; first < 600; first += 3) {
      Insert(*writer, first, 3);
      // So that segments are let go.
      clock_.Advance(std::chrono::minutes(1));
    }
    stop = true;
  });
  int looks = 0;
  do {
    for (const auto& log : Describe(/*verify=*/++looks % 2 == 0)) {
      EXPECT_TRUE(log.damage.ok()) << log.damage;
      EXPECT_TRUE(log.covered_damage.ok()) << log.covered_damage;
      EXPECT_LE(log.waiting_rows, 600u);
    }
  } while (!stop);
  producer.join();
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_EQ(Ids(), Numbers(0, 600));
}

TEST_P(WalInfos, NeedATable) {
  EXPECT_TRUE(IsKind(DescribeWals(*catalog_, store_, kTable).status(), ErrorKind::kNotFound));
}

}  // namespace
}  // namespace tarn
