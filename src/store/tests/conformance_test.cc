// SPDX-License-Identifier: Apache-2.0
//
// What every store must do.
#include <atomic>
#include <thread>

#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/fault_store.h"
#include "store/tests/store_fixture.h"
#include "tarn/store.h"

namespace tarn {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct StoreCase {
  const char* name;
  std::shared_ptr<Store> (*make)(const std::string& folder);
};

std::shared_ptr<Store> MakeDurable(const std::string& folder) {
  return LocalStore::Make(folder).ValueOrDie();
}
std::shared_ptr<Store> MakeFast(const std::string& folder) {
  return LocalStore::Make(folder, {.durable = false}).ValueOrDie();
}
std::shared_ptr<Store> MakeMemory(const std::string&) { return MemoryStore::Make(); }
std::shared_ptr<Store> MakeFault(const std::string&) {
  return FaultStore::Make(MemoryStore::Make());
}

class Conformance : public ::testing::TestWithParam<StoreCase> {
 protected:
  void SetUp() override { store_ = GetParam().make(folder_.path()); }

  std::string TextOf(std::string_view path) {
    const auto bytes = store_->Read(path);
    return bytes.ok() ? std::string((*bytes)->text()) : bytes.status().ToString();
  }
  std::vector<std::string> Paths(std::string_view prefix) {
    std::vector<std::string> paths;
    for (const auto& info : store_->List(prefix).ValueOrDie()) paths.push_back(info.path);
    return paths;
  }

  TempFolder folder_;
  std::shared_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, Conformance,
                         ::testing::Values(StoreCase{"LocalDurable", MakeDurable},
                                           StoreCase{"LocalFast", MakeFast},
                                           StoreCase{"Memory", MakeMemory},
                                           StoreCase{"Fault", MakeFault}),
                         [](const auto& info) { return info.param.name; });

TEST_P(Conformance, WhatIsPutIsReadMappedAndMeasured) {
  ASSERT_TRUE(store_->Put("a/b/c.bin", "hello").ok());
  EXPECT_EQ(TextOf("a/b/c.bin"), "hello");
  EXPECT_EQ(store_->Map("a/b/c.bin").ValueOrDie()->text(), "hello");
  const auto info = store_->Stat("a/b/c.bin").ValueOrDie();
  EXPECT_EQ(info.path, "a/b/c.bin");
  EXPECT_EQ(info.size, 5u);
  EXPECT_TRUE(store_->Exists("a/b/c.bin").ValueOrDie());
}

TEST_P(Conformance, EmptyObjectsExist) {
  ASSERT_TRUE(store_->Put("empty", "").ok());
  EXPECT_EQ(TextOf("empty"), "");
  EXPECT_EQ(store_->Map("empty").ValueOrDie()->size(), 0u);
  EXPECT_EQ(store_->Stat("empty")->size, 0u);
}

TEST_P(Conformance, RangesAreReadAndNeverPastTheEnd) {
  ASSERT_TRUE(store_->Put("x", "0123456789").ok());
  EXPECT_EQ(store_->ReadRange("x", 3, 4).ValueOrDie()->text(), "3456");
  EXPECT_EQ(store_->ReadRange("x", 10, 0).ValueOrDie()->text(), "");
  for (const auto& [offset, length] :
       {std::pair<uint64_t, uint64_t>{8, 3}, {11, 0}, {UINT64_MAX, 2}, {5, UINT64_MAX}}) {
    const auto status = store_->ReadRange("x", offset, length).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << status;
    EXPECT_THAT(status.message(), HasSubstr("x"));
  }
}

TEST_P(Conformance, MissingObjectsAreNotFound) {
  ASSERT_TRUE(store_->Put("folder/x", "1").ok());
  for (const char* path : {"nothing", "folder", "folder/x/y", "folder/z"}) {
    EXPECT_TRUE(IsKind(store_->Read(path).status(), ErrorKind::kNotFound)) << path;
    EXPECT_TRUE(IsKind(store_->ReadRange(path, 0, 1).status(), ErrorKind::kNotFound)) << path;
    EXPECT_TRUE(IsKind(store_->Map(path).status(), ErrorKind::kNotFound)) << path;
    EXPECT_TRUE(IsKind(store_->Stat(path).status(), ErrorKind::kNotFound)) << path;
    EXPECT_TRUE(IsKind(store_->Delete(path), ErrorKind::kNotFound)) << path;
    EXPECT_FALSE(store_->Exists(path).ValueOrDie()) << path;
    EXPECT_THAT(store_->Read(path).status().message(), HasSubstr(path));
  }
}

TEST_P(Conformance, ReplaceReplacesAndIfAbsentDoesNot) {
  ASSERT_TRUE(store_->Put("x", "one").ok());
  ASSERT_TRUE(store_->Put("x", "two").ok());
  EXPECT_EQ(TextOf("x"), "two");
  const auto taken = store_->Put("x", "three", PutMode::kIfAbsent);
  EXPECT_TRUE(IsKind(taken, ErrorKind::kAlreadyExists)) << taken;
  EXPECT_EQ(TextOf("x"), "two");
  EXPECT_TRUE(store_->Put("y", "new", PutMode::kIfAbsent).ok());
  EXPECT_EQ(TextOf("y"), "new");
}

TEST_P(Conformance, BytesReadStayValidWhenTheObjectIsReplacedOrDeleted) {
  ASSERT_TRUE(store_->Put("x", "old bytes").ok());
  const auto read = store_->Read("x").ValueOrDie();
  const auto mapped = store_->Map("x").ValueOrDie();
  ASSERT_TRUE(store_->Put("x", "new").ok());
  ASSERT_TRUE(store_->Delete("x").ok());
  EXPECT_EQ(read->text(), "old bytes");
  EXPECT_EQ(mapped->text(), "old bytes");
}

TEST_P(Conformance, AWriterPublishesOnlyOnCommit) {
  {
    auto writer = store_->OpenWriter("d/x", PutMode::kReplace).ValueOrDie();
    ASSERT_TRUE(writer->Append(AsBytes("abc")).ok());
    EXPECT_EQ(writer->position(), 3u);
    EXPECT_FALSE(store_->Exists("d/x").ValueOrDie());
    EXPECT_THAT(Paths(""), IsEmpty());
    EXPECT_THAT(store_->ListFolder("d").ValueOrDie(), IsEmpty());
  }
  EXPECT_FALSE(store_->Exists("d/x").ValueOrDie());
  auto writer = store_->OpenWriter("d/x", PutMode::kReplace).ValueOrDie();
  const std::string large(600'000, 'L');
  ASSERT_TRUE(writer->Append(AsBytes("small")).ok());
  ASSERT_TRUE(writer->Append(AsBytes(large)).ok());
  ASSERT_TRUE(writer->Append(AsBytes("tail")).ok());
  EXPECT_EQ(writer->position(), large.size() + 9);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(TextOf("d/x"), "small" + large + "tail");
  EXPECT_FALSE(writer->Commit().ok());
}

TEST_P(Conformance, ListingIsByPrefixAndOrdered) {
  for (const char* path : {"b/2", "a/x/1", "a/x/2", "a/xy", "a/y", "ab"}) {
    ASSERT_TRUE(store_->Put(path, path).ok());
  }
  EXPECT_THAT(Paths(""), ElementsAre("a/x/1", "a/x/2", "a/xy", "a/y", "ab", "b/2"));
  EXPECT_THAT(Paths("a/x"), ElementsAre("a/x/1", "a/x/2", "a/xy"));
  EXPECT_THAT(Paths("a/x/"), ElementsAre("a/x/1", "a/x/2"));
  EXPECT_THAT(Paths("a"), ElementsAre("a/x/1", "a/x/2", "a/xy", "a/y", "ab"));
  EXPECT_THAT(Paths("a/x/2"), ElementsAre("a/x/2"));
  EXPECT_THAT(Paths("nothing/here"), IsEmpty());
  EXPECT_EQ(store_->List("b/")->at(0).size, 3u);
}

TEST_P(Conformance, AFolderListsItsOwnNames) {
  for (const char* path : {"b/2", "a/x/1", "a/x/2", "a/xy", "ab"}) {
    ASSERT_TRUE(store_->Put(path, path).ok());
  }
  EXPECT_THAT(store_->ListFolder("").ValueOrDie(), ElementsAre("a/", "ab", "b/"));
  EXPECT_THAT(store_->ListFolder("a").ValueOrDie(), ElementsAre("x/", "xy"));
  EXPECT_THAT(store_->ListFolder("a/").ValueOrDie(), ElementsAre("x/", "xy"));
  EXPECT_THAT(store_->ListFolder("zz").ValueOrDie(), IsEmpty());
}

TEST_P(Conformance, DeletingTheLastObjectTakesTheFolderAlong) {
  ASSERT_TRUE(store_->Put("a/b/c", "1").ok());
  ASSERT_TRUE(store_->Put("a/d", "1").ok());
  ASSERT_TRUE(store_->Delete("a/b/c").ok());
  EXPECT_THAT(store_->ListFolder("a").ValueOrDie(), ElementsAre("d"));
  ASSERT_TRUE(store_->Delete("a/d").ok());
  EXPECT_THAT(store_->ListFolder("").ValueOrDie(), IsEmpty());
  EXPECT_TRUE(store_->Put("a/b/c", "2").ok());
}

TEST_P(Conformance, PathsThatLeaveTheStoreAreRefused) {
  const std::string nul("a\0b", 3);
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string("../x"), std::string("a/../../x"),
        std::string("a//b"), std::string("a/"), std::string("./a"), std::string("a/."), nul,
        std::string(".tarn-tmp-1"), std::string("a/.tarn-locks/b")}) {
    EXPECT_TRUE(IsKind(store_->Read(path).status(), ErrorKind::kBadInput)) << path;
    EXPECT_TRUE(IsKind(store_->Put(path, "x"), ErrorKind::kBadInput)) << path;
    EXPECT_TRUE(IsKind(store_->Delete(path), ErrorKind::kBadInput)) << path;
    EXPECT_TRUE(IsKind(store_->Stat(path).status(), ErrorKind::kBadInput)) << path;
  }
  EXPECT_TRUE(IsKind(store_->ListFolder("../x").status(), ErrorKind::kBadInput));
}

TEST_P(Conformance, LocationsLeadBackToPaths) {
  const std::string uri = store_->UriOf("w/db/t/data/x.parquet");
  EXPECT_EQ(store_->PathOf(uri).ValueOrDie(), "w/db/t/data/x.parquet");
  EXPECT_EQ(store_->PathOf(uri + "/").ValueOrDie(), "w/db/t/data/x.parquet");
  for (const char* foreign : {"s3://bucket/x", "hdfs:///x", ""}) {
    EXPECT_TRUE(IsKind(store_->PathOf(foreign).status(), ErrorKind::kBadInput)) << foreign;
  }
  EXPECT_TRUE(IsKind(store_->PathOf(store_->UriOf("a/../../b")).status(), ErrorKind::kBadInput));
}

TEST_P(Conformance, OfRacingWritersExactlyOneTakesAName) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = "race/" + std::to_string(round);
    constexpr int kThreads = 6;
    std::atomic<int> winners = 0, losers = 0;
    std::string winner;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const Status status = store_->Put(path, std::to_string(t), PutMode::kIfAbsent);
        if (status.ok()) {
          winner = std::to_string(t);
          ++winners;
        }
        losers += IsKind(status, ErrorKind::kAlreadyExists);
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(winners, 1);
    ASSERT_EQ(losers, kThreads - 1);
    ASSERT_EQ(TextOf(path), winner);
  }
}

TEST_P(Conformance, WritersAndDeletersOfOneFolderDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string path = "shared/folder/" + std::to_string(t);
      for (int i = 0; i < 50; ++i) {
        failures += !store_->Put(path, "x").ok();
        failures += !store_->Delete(path).ok();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

TEST_P(Conformance, ALockExcludesUntilItIsReleased) {
  auto first = store_->Lock("t/lock", milliseconds(0));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = store_->Lock("t/lock", milliseconds(0)).status();
  EXPECT_TRUE(IsKind(second, ErrorKind::kIo)) << second;
  EXPECT_TRUE(store_->Lock("t/other", milliseconds(0)).ok());
  first.ValueUnsafe().reset();
  EXPECT_TRUE(store_->Lock("t/lock", milliseconds(0)).ok());
  EXPECT_THAT(Paths(""), IsEmpty());
}

TEST_P(Conformance, ALockCountsThreadsOneByOne) {
  int counter = 0;  // unguarded but for the lock
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto lock = store_->Lock("counter", milliseconds(60'000));
        if (lock.ok()) ++counter;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 200);
}

}  // namespace
}  // namespace tarn
