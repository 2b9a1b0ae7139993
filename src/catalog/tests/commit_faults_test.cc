// SPDX-License-Identifier: Apache-2.0
//
// The storage fails once, at every single operation of a creation and of a commit in turn.
#include <filesystem>
#include <set>

#include "catalog/tests/catalog_fixture.h"
#include "catalog/tests/interposed_catalog.h"
#include "gtest/gtest.h"
#include "tarn/sql_catalog.h"

namespace tarn {
namespace {

struct FaultCase {
  const char* name;
  FaultKind kind;
  double torn_fraction = 0.5;
  bool sql = false;
};

class CommitFaults : public ::testing::TestWithParam<FaultCase> {
 protected:
  void Start() {
    base_ = MemoryStore::Make();
    faults_ = FaultStore::Make(base_);
    database_ = (std::filesystem::path(folder_) / (NewUuid4() + ".db")).string();
    catalog_ = OpenOn(faults_);
  }
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / ("tarn-faults-" + NewUuid4())).string();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    catalog_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::shared_ptr<CatalogProvider> OpenOn(std::shared_ptr<Store> store) const {
    if (!GetParam().sql) return HadoopCatalog::Make(std::move(store), "w").ValueOrDie();
    SqlCatalogOptions options;
    options.database = database_;
    options.warehouse = base_->UriOf("w");
    options.durable = false;
    return SqlCatalog::Make(std::move(store), std::move(options)).ValueOrDie();
  }

  AppendCommit AppendOf(const std::string& name) {
    AppendCommit commit;
    iceberg::DataFile file;
    file.file_path = base_->UriOf("w/db/t/data/" + name);
    file.record_count = 1;
    file.file_size_in_bytes = 1;
    commit.files.push_back(file);
    commit.schema = TestSchema();
    return commit;
  }

  void Create() { ASSERT_TRUE(catalog_->CreateTable(ident_, TableProperties()).ok()); }

  void Inject(int64_t nth) {
    faults_->Add({.kind = GetParam().kind, .nth = nth, .torn_fraction = GetParam().torn_fraction});
  }

  /// How often each data file is live, seen by a process that knows nothing of what happened.
  std::multiset<std::string> LiveNames() {
    auto catalog = OpenOn(base_);
    const auto state = catalog->LoadTable(ident_);
    EXPECT_TRUE(state.ok()) << state.status();
    std::multiset<std::string> names;
    if (!state.ok() || state->metadata->CurrentSnapshot() == nullptr) return names;
    const auto live = iceberg::ReadLiveFiles(*base_, *state->metadata->CurrentSnapshot());
    EXPECT_TRUE(live.ok()) << live.status();
    if (!live.ok()) return names;
    for (const auto& entry : live->data) {
      const auto& path = entry.data_file.file_path;
      names.insert(path.substr(path.rfind('/') + 1));
    }
    return names;
  }

  TableIdent ident_{{"db"}, "t"};
  std::shared_ptr<MemoryStore> base_;
  std::shared_ptr<FaultStore> faults_;
  std::string folder_, database_;
  std::shared_ptr<CatalogProvider> catalog_;
};

INSTANTIATE_TEST_SUITE_P(
    Kinds, CommitFaults,
    ::testing::Values(FaultCase{"Fail", FaultKind::kFail}, FaultCase{"Tear", FaultKind::kTear},
                      FaultCase{"TearToNothing", FaultKind::kTear, 0.0},
                      FaultCase{"LoseReply", FaultKind::kLoseReply},
                      FaultCase{"Crash", FaultKind::kCrash},
                      FaultCase{"TearAndCrash", FaultKind::kTearCrash},
                      FaultCase{"SqlFail", FaultKind::kFail, 0.5, true},
                      FaultCase{"SqlTear", FaultKind::kTear, 0.5, true},
                      FaultCase{"SqlLoseReply", FaultKind::kLoseReply, 0.5, true},
                      FaultCase{"SqlCrash", FaultKind::kCrash, 0.5, true},
                      FaultCase{"SqlTearAndCrash", FaultKind::kTearCrash, 0.5, true}),
    [](const auto& info) { return info.param.name; });

TEST_P(CommitFaults, ACommitHappensOnceOrNotAtAllAndARetrySucceeds) {
  for (int64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    Start();
    Create();
    ASSERT_TRUE(CommitAppend(*catalog_, ident_, AppendOf("old")).ok());
    const int64_t before = faults_->operations();
    Inject(step);
    AppendAttempt attempt(*catalog_, ident_, AppendOf("new"));
    const auto done = attempt.Commit();
    const bool fired = faults_->faults_fired() > 0;
    faults_->Heal();

    const auto live = LiveNames();
    EXPECT_EQ(live.count("old"), 1u);
    if (done.ok()) {
      EXPECT_EQ(live.count("new"), 1u);
    } else if (!IsKind(done.status(), ErrorKind::kCommitStateUnknown)) {
      EXPECT_EQ(live.count("new"), 0u) << done.status();
    } else {
      EXPECT_LE(live.count("new"), 1u);
    }
    const auto again = attempt.Commit();
    EXPECT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(LiveNames(), (std::multiset<std::string>{"new", "old"}));
    // The table takes further commits, from a fresh catalog too.
    auto other = OpenOn(faults_);
    EXPECT_TRUE(CommitAppend(*other, ident_, AppendOf("next")).ok());
    EXPECT_EQ(LiveNames(), (std::multiset<std::string>{"new", "next", "old"}));
    if (!fired) {
      const int64_t least = GetParam().sql ? 3 : 8;
      EXPECT_GT(step, least) << "a commit takes more operations than that";
      EXPECT_GT(faults_->operations() - before, least);
      return;
    }
  }
}

class PowerLoss : public CommitFaults {};

INSTANTIATE_TEST_SUITE_P(Catalogs, PowerLoss,
                         ::testing::Values(FaultCase{"Hadoop", FaultKind::kPowerLoss},
                                           FaultCase{"Sql", FaultKind::kPowerLoss, 0.5, true}),
                         [](const auto& info) { return info.param.name; });

TEST_P(PowerLoss, TakesNothingThatACommitNames) {
  for (int64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    Start();
    Create();
    ASSERT_TRUE(CommitAppend(*catalog_, ident_, AppendOf("old")).ok());
    Inject(step);
    const auto done = CommitAppend(*catalog_, ident_, AppendOf("new"));
    const bool fired = faults_->faults_fired() > 0;
    // Another process, later: reads every manifest that the table names.
    const auto live = LiveNames();
    EXPECT_EQ(live.count("old"), 1u);
    EXPECT_LE(live.count("new"), 1u);
    EXPECT_TRUE(!done.ok() || live.count("new") == 1);
    auto other = OpenOn(base_);
    EXPECT_TRUE(CommitAppend(*other, ident_, AppendOf("next")).ok());
    if (!fired) return;
  }
}

TEST_P(CommitFaults, ACreationHappensOrNotAndARetrySucceeds) {
  for (int64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    Start();
    Inject(step);
    const auto made = catalog_->CreateTable(ident_, TableProperties());
    const bool fired = faults_->faults_fired() > 0;
    faults_->Heal();
    auto fresh = OpenOn(faults_);
    const auto loaded = fresh->LoadTable(ident_);
    if (made.ok()) {
      EXPECT_TRUE(loaded.ok()) << loaded.status();
    } else if (!IsKind(made.status(), ErrorKind::kCommitStateUnknown)) {
      EXPECT_TRUE(IsKind(loaded.status(), ErrorKind::kNotFound)) << loaded.status();
    }
    if (!loaded.ok()) {
      const auto again = fresh->CreateTable(ident_, TableProperties());
      EXPECT_TRUE(again.ok()) << again.status();
    }
    EXPECT_TRUE(CommitAppend(*fresh, ident_, AppendOf("a")).ok());
    EXPECT_EQ(LiveNames(), (std::multiset<std::string>{"a"}));
    if (!fired) {
      EXPECT_GT(step, GetParam().sql ? 1 : 3);
      return;
    }
  }
}

TEST_P(CommitFaults, ADroppedTableIsWholeOrGone) {
  for (int64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    Start();
    Create();
    ASSERT_TRUE(CommitAppend(*catalog_, ident_, AppendOf("a")).ok());
    ASSERT_TRUE(base_->Put("w/db/t/data/a", "x").ok());
    Inject(step);
    const Status dropped = catalog_->DropTable(ident_);
    const bool fired = faults_->faults_fired() > 0;
    faults_->Heal();
    auto fresh = OpenOn(base_);
    const auto loaded = fresh->LoadTable(ident_);
    if (loaded.ok()) {
      EXPECT_FALSE(dropped.ok());
      EXPECT_EQ(LiveNames(), (std::multiset<std::string>{"a"}));
      EXPECT_TRUE(base_->Exists("w/db/t/data/a").ValueOrDie());
    } else {
      EXPECT_TRUE(IsKind(loaded.status(), ErrorKind::kNotFound)) << loaded.status();
      EXPECT_TRUE(fresh->CreateTable(ident_, TableProperties()).ok());
    }
    if (!fired) {
      EXPECT_TRUE(dropped.ok()) << dropped;
      return;
    }
  }
}

/// A catalog whose swaps are answered by nobody, and take effect while somebody loads the table.
class LateCatalog : public InterposedCatalog {
 public:
  using InterposedCatalog::InterposedCatalog;
  bool is_late = false;
  std::optional<int> arrives_at_load;  ///< from now on, counted from 1

  Result<TableState> LoadTable(const TableIdent& table) override {
    if (arrives_at_load && --*arrives_at_load == 0 && late_) {
      // Refused where the writer went on by itself meanwhile.
      (void)InterposedCatalog::CommitTable(late_->base, late_->requirements, late_->updates);
    }
    return InterposedCatalog::LoadTable(table);
  }
  Result<TableState> CommitTable(const TableState& base,
                                 const std::vector<iceberg::TableRequirement>& requirements,
                                 const std::vector<iceberg::TableUpdate>& updates) override {
    if (!is_late) return InterposedCatalog::CommitTable(base, requirements, updates);
    late_ = {base, requirements, updates};
    return Error(ErrorKind::kCommitStateUnknown, "no answer");
  }

 private:
  struct Swap {
    TableState base;
    std::vector<iceberg::TableRequirement> requirements;
    std::vector<iceberg::TableUpdate> updates;
  };
  std::optional<Swap> late_;
};

TEST(CommitFault, ASwapThatTurnsUpWhileItsWriterQueuesAgainIsFound) {
  for (int load = 1; load <= 3; ++load) {
    SCOPED_TRACE(load);
    const auto store = MemoryStore::Make();
    auto catalog = std::make_shared<LateCatalog>(HadoopCatalog::Make(store, "w").ValueOrDie());
    const TableIdent ident{{"db"}, "t"};
    ASSERT_TRUE(catalog->CreateTable(ident, TableProperties(), TestSchema()).ok());
    AppendCommit append;
    append.files.emplace_back();
    append.files[0].file_path = store->UriOf("w/db/t/data/one");
    append.files[0].record_count = append.files[0].file_size_in_bytes = 1;
    AppendAttempt attempt(*catalog, ident, append);
    catalog->is_late = true;
    ASSERT_TRUE(IsKind(attempt.Commit().status(), ErrorKind::kCommitStateUnknown));
    catalog->is_late = false;
    catalog->arrives_at_load = load;
    const auto done = attempt.Commit();
    ASSERT_TRUE(done.ok()) << done.status();
    EXPECT_EQ(done->snapshot, attempt.snapshot_id());
    const auto state = catalog->LoadTable(ident).ValueOrDie();
    EXPECT_EQ(iceberg::ReadLiveFiles(*store, *state.metadata->CurrentSnapshot())->data.size(), 1u);
  }
}

TEST(CommitFault, AnUnknownOutcomeDeletesNothingAndIsSettledByAskingAgain) {
  auto base = MemoryStore::Make();
  auto faults = FaultStore::Make(base);
  auto catalog = HadoopCatalog::Make(faults, "w").ValueOrDie();
  const TableIdent ident{{"db"}, "t"};
  ASSERT_TRUE(catalog->CreateTable(ident, TableProperties()).ok());
  AppendCommit commit;
  iceberg::DataFile file;
  file.file_path = "memory:///w/db/t/data/a";
  commit.files.push_back(file);
  commit.schema = TestSchema();
  AppendAttempt attempt(*catalog, ident, commit);
  // The version is written, the reply is lost, and then nothing answers any more.
  faults->Add(
      {.kind = FaultKind::kLoseReply, .op = StoreOp::kWrite, .path_contains = "v2.metadata"});
  faults->Add({.kind = FaultKind::kCrash, .op = StoreOp::kRead, .path_contains = "v2.metadata"});
  const auto unknown = attempt.Commit().status();
  EXPECT_TRUE(IsKind(unknown, ErrorKind::kCommitStateUnknown)) << unknown;
  EXPECT_TRUE(base->Exists("w/db/t/metadata/v2.metadata.json").ValueOrDie());
  faults->Heal();
  EXPECT_EQ(attempt.IsCommitted().ValueOrDie(), true);
  const auto done = attempt.Commit();
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->state.metadata->snapshots.size(), 1u);
  EXPECT_TRUE(iceberg::ReadLiveFiles(*base, *done->state.metadata->CurrentSnapshot()).ok());
}

TEST(CommitFault, AWriterThatSleptThroughACleanUpDoesNotBelieveItCommitted) {
  auto base = MemoryStore::Make();
  const TableIdent ident{{"db"}, "t"};
  auto catalog = HadoopCatalog::Make(base, "w").ValueOrDie();
  TableProperties properties;
  properties.extra["write.metadata.previous-versions-max"] = "2";
  ASSERT_TRUE(catalog->CreateTable(ident, properties).ok());

  // A clock whose sleep lets others commit: the slow writer is delayed just before it publishes v2.
  struct Meanwhile : Clock {
    std::function<void()> act;
    std::chrono::system_clock::time_point Now() const override { return System().Now(); }
    void SleepFor(std::chrono::milliseconds) const override { act(); }
  } clock;
  clock.act = [&] {
    for (int i = 0; i < 6; ++i) {
      AppendCommit commit;
      iceberg::DataFile file;
      file.file_path = "memory:///w/db/t/data/" + std::to_string(i);
      commit.files.push_back(file);
      commit.schema = TestSchema();
      CommitOptions fast;
      fast.total_timeout = std::chrono::milliseconds(0);
      const auto done = CommitAppend(*catalog, ident, commit, fast);
      ASSERT_TRUE(done.ok()) << done.status();
    }
  };
  auto slow_store = FaultStore::Make(base, clock);
  // Without locks, so that nobody waits for the sleeper.
  slow_store->Add({.kind = FaultKind::kFail, .op = StoreOp::kLock, .repeat = true});
  slow_store->Add({.kind = FaultKind::kDelay,
                   .op = StoreOp::kWrite,
                   .path_contains = "v2.metadata",
                   .delay = std::chrono::milliseconds(1)});
  auto slow = HadoopCatalog::Make(slow_store, "w").ValueOrDie();
  AppendCommit commit;
  iceberg::DataFile file;
  file.file_path = "memory:///w/db/t/data/slow";
  commit.files.push_back(file);
  commit.schema = TestSchema();
  const auto done = CommitAppend(*slow, ident, commit);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->state.version, 8);
  auto fresh = HadoopCatalog::Make(base, "w").ValueOrDie();
  const auto state = fresh->LoadTable(ident);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(iceberg::ReadLiveFiles(*base, *state->metadata->CurrentSnapshot())->data.size(), 7u);
  EXPECT_FALSE(base->Exists("w/db/t/metadata/v2.metadata.json").ValueOrDie());
}

}  // namespace
}  // namespace tarn
