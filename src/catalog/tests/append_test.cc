// SPDX-License-Identifier: Apache-2.0
#include "catalog/append.h"

#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "catalog/tests/catalog_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/manifest_io.h"

namespace tarn {
namespace {

using testing::HasSubstr;

class Append : public CatalogTest {};

INSTANTIATE_TEST_SUITE_P(Stores, Append, AllCatalogs(), StoreKindName);

TEST_P(Append, FirstCommitGivesTheSchemaAndIsReadBack) {
  auto made = catalog_->CreateTable(ident_, TableProperties());
  ASSERT_TRUE(made.ok()) << made.status();
  auto commit = AppendOf({"a"});
  commit.properties["tarn.test"] = "yes";
  auto done = CommitAppend(*catalog_, ident_, commit);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_GT(done->snapshot, 0);
  auto loaded = catalog_->LoadTable(ident_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->version, 2);
  EXPECT_EQ(loaded->metadata->current_snapshot_id, done->snapshot);
  EXPECT_EQ(loaded->metadata->CurrentSchema().fields, TestSchema().fields);
  EXPECT_EQ(*loaded->metadata->FindProperty("tarn.test"), "yes");
  EXPECT_THAT(LivePaths(), testing::ElementsAre(PathOf("a")));
}

TEST_P(Append, WithoutASchemaTheFirstCommitIsRefused) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  auto commit = AppendOf({"a"});
  commit.schema.reset();
  const auto status = CommitAppend(*catalog_, ident_, commit).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << status;
}

TEST_P(Append, SummaryCountsAddUpOverCommits) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  ASSERT_TRUE(CommitAppend(*catalog_, ident_, AppendOf({"a", "b"})).ok());
  const auto done = CommitAppend(*catalog_, ident_, AppendOf({"c"}));
  ASSERT_TRUE(done.ok()) << done.status();
  const auto& summary = done->state.metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "append");
  EXPECT_EQ(summary.at("added-data-files"), "1");
  EXPECT_EQ(summary.at("added-records"), "10");
  EXPECT_EQ(summary.at("added-files-size"), "1000");
  EXPECT_EQ(summary.at("total-data-files"), "3");
  EXPECT_EQ(summary.at("total-records"), "30");
  EXPECT_EQ(summary.at("total-files-size"), "3000");
  EXPECT_EQ(summary.at("total-delete-files"), "0");
  EXPECT_EQ(summary.at("total-position-deletes"), "0");
  EXPECT_EQ(summary.at("total-equality-deletes"), "0");
}

TEST_P(Append, AnExpectedParentMustBeCurrent) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  auto first = AppendOf({"a"});
  first.parent = SnapshotId(0);
  const auto done = CommitAppend(*catalog_, ident_, first);
  ASSERT_TRUE(done.ok()) << done.status();
  auto late = AppendOf({"b"});
  late.parent = SnapshotId(0);
  const auto refused = CommitAppend(*catalog_, ident_, late).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kValidationFailed)) << refused;
  late.parent = done->snapshot;
  EXPECT_TRUE(CommitAppend(*catalog_, ident_, late).ok());
  EXPECT_EQ(LivePaths().size(), 2u);
}

TEST_P(Append, AnExpectedPropertyMustHaveItsValue) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  auto first = AppendOf({"a"});
  first.expected_properties["tarn.x"] = std::nullopt;
  first.properties["tarn.x"] = "1";
  ASSERT_TRUE(CommitAppend(*catalog_, ident_, first).ok());

  auto late = AppendOf({"b"});
  late.expected_properties["tarn.x"] = std::nullopt;
  const auto taken = CommitAppend(*catalog_, ident_, late).status();
  EXPECT_TRUE(IsKind(taken, ErrorKind::kValidationFailed)) << taken;
  EXPECT_THAT(taken.message(), HasSubstr("'tarn.x' is '1'"));

  auto other = AppendOf({"c"});
  other.expected_properties["tarn.x"] = "2";
  EXPECT_TRUE(
      IsKind(CommitAppend(*catalog_, ident_, other).status(), ErrorKind::kValidationFailed));

  auto next = AppendOf({"d"});
  next.expected_properties["tarn.x"] = "1";
  next.properties["tarn.x"] = "2";
  ASSERT_TRUE(CommitAppend(*catalog_, ident_, next).ok());
  EXPECT_EQ(LivePaths().size(), 2);
}

TEST_P(Append, ADifferentSchemaIsRefusedAndAnEqualOneIsFine) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  ASSERT_TRUE(CommitAppend(*catalog_, ident_, AppendOf({"a"})).ok());
  EXPECT_TRUE(CommitAppend(*catalog_, ident_, AppendOf({"b"})).ok());
  auto other = AppendOf({"c"});
  other.schema->fields[0].name = "other";
  const auto status = CommitAppend(*catalog_, ident_, other).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kValidationFailed)) << status;
  EXPECT_EQ(LivePaths().size(), 2u);
}

TEST_P(Append, ARefusedCommitLeavesNoFileBehind) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  ASSERT_TRUE(CommitAppend(*catalog_, ident_, AppendOf({"a"})).ok());
  const auto before = MetadataFiles();
  auto late = AppendOf({"b"});
  late.files[0].spec_id = 77;
  EXPECT_FALSE(CommitAppend(*catalog_, ident_, late).ok());
  late = AppendOf({"b"});
  late.parent = SnapshotId(5);
  EXPECT_FALSE(CommitAppend(*catalog_, ident_, late).ok());
  EXPECT_EQ(MetadataFiles(), before);
}

TEST_P(Append, AnAttemptThatSucceededSaysSoAgain) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  AppendAttempt attempt(*catalog_, ident_, AppendOf({"a"}));
  EXPECT_EQ(attempt.IsCommitted().ValueOrDie(), false);
  const auto first = attempt.Commit();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(attempt.IsCommitted().ValueOrDie(), true);
  const auto second = attempt.Commit();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->snapshot, second->snapshot);
  EXPECT_EQ(second->state.metadata->snapshots.size(), 1u);
}

TEST_P(Append, EightThreadsLoseNothing) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  constexpr int kThreads = 8, kCommits = 6;
  std::vector<std::thread> threads;
  std::vector<Status> failed(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) {
        const auto done = CommitAppend(*catalog_, ident_,
                                       AppendOf({std::to_string(t) + "-" + std::to_string(i)}));
        if (!done.ok()) failed[static_cast<size_t>(t)] = done.status();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& status : failed) EXPECT_TRUE(status.ok()) << status;
  const auto paths = LivePaths();
  EXPECT_EQ(paths.size(), static_cast<size_t>(kThreads * kCommits));
  EXPECT_EQ(std::set<std::string>(paths.begin(), paths.end()).size(), paths.size());
  EXPECT_EQ(catalog_->LoadTable(ident_)->version, 1 + kThreads * kCommits);
}

TEST_P(Append, WritersWithoutTheQueueLoseNothingEither) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  // Every lock fails: only put-if-absent is left.
  auto store = FaultStore::Make(store_);
  store->Add({.kind = FaultKind::kFail, .op = StoreOp::kLock, .repeat = true});
  constexpr int kThreads = 4, kCommits = 5;
  std::vector<std::thread> threads;
  std::vector<Status> failed(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto catalog = OpenOn(store);
      for (int i = 0; i < kCommits; ++i) {
        const auto done =
            CommitAppend(*catalog, ident_, AppendOf({std::to_string(t) + "-" + std::to_string(i)}));
        if (!done.ok()) failed[static_cast<size_t>(t)] = done.status();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& status : failed) EXPECT_TRUE(status.ok()) << status;
  const auto paths = LivePaths();
  EXPECT_EQ(std::set<std::string>(paths.begin(), paths.end()).size(),
            static_cast<size_t>(kThreads * kCommits));
  EXPECT_EQ(paths.size(), static_cast<size_t>(kThreads * kCommits));
}

class LocalAppend : public CatalogTest {};
INSTANTIATE_TEST_SUITE_P(Local, LocalAppend,
                         ::testing::Values(StoreKind::kLocal, StoreKind::kSqlLocal), StoreKindName);

TEST_P(LocalAppend, TwoProcessesLoseNothing) {
  ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok());
  constexpr int kProcesses = 2, kCommits = 15;
  catalog_.reset();  // a connection to a database does not survive a fork
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      auto catalog = OpenOn(MakeLocalStore());
      int failures = 0;
      for (int i = 0; i < kCommits; ++i) {
        const auto name = std::to_string(p) + "-" + std::to_string(i);
        failures += !CommitAppend(*catalog, ident_, AppendOf({name})).ok();
      }
      _exit(failures);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  const auto paths = LivePaths();
  EXPECT_EQ(std::set<std::string>(paths.begin(), paths.end()).size(),
            static_cast<size_t>(kProcesses * kCommits));
}

}  // namespace
}  // namespace tarn
