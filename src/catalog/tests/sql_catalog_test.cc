// SPDX-License-Identifier: Apache-2.0
#include "tarn/sql_catalog.h"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/clock.h"
#include "catalog/metadata_cache.h"
#include "catalog/metadata_file.h"
#include "catalog/sqlite_database.h"
#include "catalog/tests/catalog_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/table_update.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Pair;

class SqlCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tarn-sql-" + NewUuid4());
    fs::create_directories(folder_);
    database_ = (folder_ / "catalog.db").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  SqlCatalogOptions Options() const {
    SqlCatalogOptions options;
    options.database = database_;
    options.warehouse = "memory:///w";
    options.durable = false;
    options.busy_timeout = std::chrono::milliseconds(100);
    return options;
  }
  Result<std::shared_ptr<SqlCatalog>> Make(const std::string& name = "") {
    auto options = Options();
    options.name = name;
    return SqlCatalog::Make(store_, options);
  }
  std::shared_ptr<SqlCatalog> Open() { return Make().ValueOrDie(); }

  /// As another program would change the database.
  void Sql(const std::string& statement) {
    auto database = SqliteDatabase::Open(database_, {.create = true}).ValueOrDie();
    const Status done = database->Write([&](SqliteDatabase::Transaction& transaction) {
      return transaction.Execute(statement).status();
    });
    ASSERT_TRUE(done.ok()) << done;
  }
  std::string Ask(const std::string& query) {
    auto database = SqliteDatabase::Open(database_, {}).ValueOrDie();
    std::string text;
    const auto rows = database->Query(query).ValueOrDie();
    for (const auto& row : rows) {
      for (const auto& cell : row) text += cell.value_or("NULL") + "|";
    }
    return text;
  }
  static Result<TableState> SetProperty(SqlCatalog& catalog, const TableState& base,
                                        const std::string& value) {
    return catalog.CommitTable(base, {}, {{iceberg::update::SetProperties{{{"x", value}}}}});
  }

  const TableIdent ident_{{"db"}, "t"};
  fs::path folder_;
  std::string database_;
  std::shared_ptr<MemoryStore> store_ = MemoryStore::Make();
};

TEST_F(SqlCatalogTest, RowsAreThoseThatOtherCatalogsWrite) {
  auto catalog = Open();
  const auto made = catalog->CreateTable(ident_, {}).ValueOrDie();
  const std::string first = "memory:///" + made.metadata_path;
  EXPECT_THAT(first, MatchesRegex("memory:///w/db/t/metadata/00000-[0-9a-f-]*\\.metadata\\.json"));
  EXPECT_EQ(Ask("SELECT * FROM iceberg_tables"), "default|db|t|" + first + "|NULL|TABLE|");
  const auto next = SetProperty(*catalog, made, "1").ValueOrDie();
  const std::string second = "memory:///" + next.metadata_path;
  EXPECT_THAT(second, HasSubstr("/metadata/00001-"));
  EXPECT_EQ(Ask("SELECT * FROM iceberg_tables"),
            "default|db|t|" + second + "|" + first + "|TABLE|");
  EXPECT_EQ(Ask("SELECT * FROM iceberg_namespace_properties"), "default|db|exists|true|");
  EXPECT_EQ(Ask("PRAGMA journal_mode"), "wal|");
}

TEST_F(SqlCatalogTest, ADatabaseWithoutTypesIsUsedAsItIs) {
  // As catalogs made it before there were views; without the second table, as the oldest did.
  Sql("CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace "
      "VARCHAR(255) "
      "NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
      "previous_metadata_location VARCHAR(1000), "
      "PRIMARY KEY (catalog_name, table_namespace, table_name))");
  auto catalog = Open();
  const auto made = catalog->CreateTable(ident_, {});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(SetProperty(*catalog, *made, "1").ok());
  EXPECT_EQ(catalog->ListTables()->size(), 1u);
  EXPECT_TRUE(catalog->RenameTable(ident_, {{"db"}, "u"}).ok());
  EXPECT_TRUE(catalog->DropTable({{"db"}, "u"}).ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM pragma_table_info('iceberg_tables')"), "5|");
}

TEST_F(SqlCatalogTest, ViewsAreNoTablesAndRowsWithoutATypeAre) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateTable(ident_, {}).ok());
  Sql("UPDATE iceberg_tables SET iceberg_type = NULL");
  Sql("INSERT INTO iceberg_tables VALUES ('default', 'db', 'v', 'memory:///v.json', NULL, 'VIEW')");
  EXPECT_THAT(catalog->ListTables().ValueOrDie(), ElementsAre(ident_));
  EXPECT_TRUE(catalog->LoadTable(ident_).ok());
  const TableIdent view{{"db"}, "v"};
  EXPECT_FALSE(catalog->TableExists(view).ValueOrDie());
  const Status load = catalog->LoadTable(view).status();
  EXPECT_TRUE(IsKind(load, ErrorKind::kNotFound)) << load;
  EXPECT_THAT(load.message(), HasSubstr("is a view"));
  EXPECT_TRUE(IsKind(catalog->CreateTable(view, {}).status(), ErrorKind::kAlreadyExists));
  EXPECT_TRUE(IsKind(catalog->RenameTable(ident_, view), ErrorKind::kAlreadyExists));
  EXPECT_TRUE(IsKind(catalog->UnregisterTable(view), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(catalog->DropNamespace({"db"}), ErrorKind::kBadInput));
  EXPECT_EQ(Ask("SELECT count(*) FROM iceberg_tables"), "2|");
  // What was refused left nothing behind.
  EXPECT_THAT(store_->List("w/db/v").ValueOrDie(), IsEmpty());
}

TEST_F(SqlCatalogTest, TheNameOfTheCatalogIsFoundOrAskedFor) {
  EXPECT_EQ(Open()->name(), "default");
  ASSERT_TRUE(Make("golden").ValueOrDie()->CreateTable(ident_, {}).ok());
  EXPECT_EQ(Open()->name(), "golden");
  const auto missing = Make("other").ValueOrDie()->LoadTable(ident_).status();
  EXPECT_TRUE(IsKind(missing, ErrorKind::kNotFound)) << missing;
  EXPECT_THAT(missing.message(), HasSubstr("but of: golden"));
  ASSERT_TRUE(Make("silver").ValueOrDie()->CreateNamespace({"n"}, {}).ok());
  const auto several = Make().status();
  EXPECT_TRUE(IsKind(several, ErrorKind::kBadInput)) << several;
  EXPECT_THAT(several.message(), HasSubstr("golden, silver"));
  ASSERT_TRUE(Make("default").ValueOrDie()->CreateNamespace({"n"}, {}).ok());
  EXPECT_EQ(Open()->name(), "default");
  // Catalogs of one database do not see each other's.
  EXPECT_THAT(Open()->ListTables().ValueOrDie(), IsEmpty());
  EXPECT_EQ(Make("golden").ValueOrDie()->ListTables()->size(), 1u);
}

TEST_F(SqlCatalogTest, ADatabaseOfAnotherProgramIsRefusedAndLeftAsItIs) {
  Sql("CREATE TABLE songs (title TEXT)");
  const Status status = Make().status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("songs"));
  EXPECT_EQ(Ask("SELECT name FROM sqlite_master"), "songs|");
}

TEST_F(SqlCatalogTest, TablesOfOtherColumnsAreRefused) {
  Sql("CREATE TABLE iceberg_tables (catalog_name TEXT, metadata_location TEXT)");
  const Status status = Make().status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
  EXPECT_THAT(status.message(), HasSubstr("no column table_namespace"));
}

TEST_F(SqlCatalogTest, WhatIsNoDatabaseIsNamed) {
  auto options = Options();
  options.create = false;
  EXPECT_TRUE(IsKind(SqlCatalog::Make(store_, options).status(), ErrorKind::kNotFound));
  EXPECT_FALSE(fs::exists(database_));
  std::ofstream(database_).flush();
  EXPECT_TRUE(IsKind(SqlCatalog::Make(store_, options).status(), ErrorKind::kNotFound));
  std::ofstream(database_) << std::string(5000, 'x');
  const Status text = Make().status();
  EXPECT_TRUE(IsKind(text, ErrorKind::kCorrupt)) << text;
  EXPECT_THAT(text.message(), HasSubstr("catalog.db: "));
  options.database = folder_.string();
  EXPECT_TRUE(IsKind(SqlCatalog::Make(store_, options).status(), ErrorKind::kBadInput));
  options.create = true;
  options.database = (folder_ / "missing" / "catalog.db").string();
  EXPECT_TRUE(IsKind(SqlCatalog::Make(store_, options).status(), ErrorKind::kNotFound));
  options.database = database_;
  options.warehouse = "s3://bucket";
  EXPECT_TRUE(IsKind(SqlCatalog::Make(store_, options).status(), ErrorKind::kBadInput));
}

TEST_F(SqlCatalogTest, ADamagedDatabaseIsCorruptAndNotEmpty) {
  {
    auto catalog = Open();
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(catalog->CreateTable({{"db"}, "t" + std::to_string(i)}, {}).ok());
    }
  }
  const auto size = fs::file_size(database_);
  {
    std::fstream file(database_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(size - 4096, '\x5a');
  }
  auto catalog = Make();
  const Status status = catalog.ok() ? (*catalog)->ListTables().status() : catalog.status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
  if (catalog.ok()) {
    const Status made = (*catalog)->CreateTable(ident_, {}).status();
    EXPECT_TRUE(IsKind(made, ErrorKind::kCorrupt)) << made;
  }
}

TEST_F(SqlCatalogTest, ALockedDatabaseChangesNothingAndIsStillRead) {
  auto catalog = Open();
  const auto made = catalog->CreateTable(ident_, {}).ValueOrDie();
  {
    auto other = SqliteDatabase::Open(database_, {}).ValueOrDie();
    const Status held = other->Write([&](SqliteDatabase::Transaction&) -> Status {
      const auto commit = SetProperty(*catalog, made, "1").status();
      EXPECT_TRUE(IsKind(commit, ErrorKind::kIo)) << commit;
      EXPECT_THAT(commit.message(), HasSubstr("locked for 100 ms"));
      EXPECT_TRUE(IsKind(catalog->DropTable(ident_), ErrorKind::kIo));
      EXPECT_TRUE(IsKind(catalog->CreateTable({{"db"}, "u"}, {}).status(), ErrorKind::kIo));
      EXPECT_TRUE(catalog->LoadTable(ident_).ok());
      return Status::OK();
    });
    ASSERT_TRUE(held.ok()) << held;
  }
  EXPECT_EQ(store_->List("w/")->size(), 1u) << "metadata that lost is deleted";
  EXPECT_EQ(catalog->LoadTable(ident_)->metadata_path, made.metadata_path);
  EXPECT_TRUE(SetProperty(*catalog, made, "1").ok());
}

TEST_F(SqlCatalogTest, AReadOnlyDatabaseIsReadAndNotWritten) {
  ASSERT_TRUE(Open()->CreateTable(ident_, {}).ok());
  // In a folder that cannot be written either, there is no room for a write-ahead log.
  {
    auto database = SqliteDatabase::Open(database_, {}).ValueOrDie();
    ASSERT_EQ(database->Query("PRAGMA journal_mode=DELETE").ValueOrDie()[0][0], "delete");
  }
  fs::permissions(database_, fs::perms(0444));
  fs::permissions(folder_, fs::perms(0555));
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    // The superuser may write anything.
    if (::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setegid(65534) != 0 || ::seteuid(65534) != 0)) {
      _exit(10);
    }
    auto catalog = Make();
    if (!catalog.ok()) _exit(1);
    auto loaded = (*catalog)->LoadTable(ident_);
    if (!loaded.ok()) _exit(2);
    const Status commit = SetProperty(**catalog, *loaded, "1").status();
    if (!IsKind(commit, ErrorKind::kIo)) _exit(3);
    if (commit.message().find("read-only") == std::string::npos) _exit(4);
    _exit(store_->List("w/")->size() == 1 ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  fs::permissions(folder_, fs::perms(0755));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
}

TEST_F(SqlCatalogTest, ProcessesThatMakeTheSameDatabaseAtOnceShareIt) {
  constexpr int kRounds = 5, kProcesses = 6;
  for (int round = 0; round < kRounds; ++round) {
    database_ = (folder_ / ("race" + std::to_string(round) + ".db")).string();
    std::vector<pid_t> children;
    for (int p = 0; p < kProcesses; ++p) {
      const pid_t pid = fork();
      ASSERT_GE(pid, 0);
      if (pid == 0) {
        auto options = Options();
        options.busy_timeout = std::chrono::seconds(20);
        auto catalog = SqlCatalog::Make(store_, options);
        if (!catalog.ok()) std::cerr << catalog.status() << std::endl;
        if (!catalog.ok()) _exit(1);
        const auto made = (*catalog)->CreateTable({{"db"}, "t" + std::to_string(p)}, {});
        if (!made.ok()) std::cerr << made.status() << std::endl;
        // One name that all of them want.
        const auto taken = (*catalog)->CreateTable(ident_, {}).status();
        if (!taken.ok() && !IsKind(taken, ErrorKind::kAlreadyExists)) std::cerr << taken;
        _exit((made.ok() ? 0 : 2) + (taken.ok() ? 16 : 0) +
              (taken.ok() || IsKind(taken, ErrorKind::kAlreadyExists) ? 0 : 4));
      }
      children.push_back(pid);
    }
    int winners = 0;
    for (const pid_t pid : children) {
      int status = 0;
      ASSERT_EQ(waitpid(pid, &status, 0), pid);
      ASSERT_TRUE(WIFEXITED(status));
      winners += WEXITSTATUS(status) == 16;
      EXPECT_EQ(WEXITSTATUS(status) & 15, 0);
    }
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(Open()->ListTables()->size(), kProcesses + 1u);
  }
}

TEST_F(SqlCatalogTest, AChildProcessIsRefusedWhatItsParentHadOpen) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateTable(ident_, {}).ok());
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    if (!IsKind(catalog->LoadTable(ident_).status(), ErrorKind::kBadInput)) _exit(1);
    if (!IsKind(catalog->CreateNamespace({"n"}, {}), ErrorKind::kBadInput)) _exit(2);
    catalog.reset();
    if (!IsKind(Make().status(), ErrorKind::kBadInput)) _exit(3);
    database_ = (folder_ / "other.db").string();
    _exit(Make().ok() ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
  EXPECT_TRUE(catalog->LoadTable(ident_).ok());
  catalog.reset();
  EXPECT_TRUE(Open()->LoadTable(ident_).ok());
}

TEST_F(SqlCatalogTest, ARowThatLeadsNowhereIsCorruptAndNamesTheFile) {
  const auto made = Open()->CreateTable(ident_, {}).ValueOrDie();
  ASSERT_TRUE(store_->Delete(made.metadata_path).ok());
  for (const auto& [sql, text] : std::map<std::string, std::string>{
           {"UPDATE iceberg_tables SET catalog_name = catalog_name", made.metadata_path},
           {"UPDATE iceberg_tables SET metadata_location = NULL", "no metadata_location"},
           {"UPDATE iceberg_tables SET metadata_location = ''", "no metadata_location"}}) {
    Sql(sql);
    const Status status = Open()->LoadTable(ident_).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
    EXPECT_THAT(status.message(), HasSubstr(text));
  }
  Sql("UPDATE iceberg_tables SET metadata_location = 's3://bucket/t/00001-x.metadata.json'");
  const Status far = Open()->LoadTable(ident_).status();
  EXPECT_TRUE(IsKind(far, ErrorKind::kNotSupported)) << far;
  EXPECT_THAT(far.message(), HasSubstr("s3://bucket"));
  ASSERT_TRUE(store_->Put("w/bad.metadata.json", std::string_view("{}")).ok());
  Sql("UPDATE iceberg_tables SET metadata_location = 'memory:///w/bad.metadata.json'");
  auto catalog = Open();
  EXPECT_TRUE(IsKind(catalog->LoadTable(ident_).status(), ErrorKind::kCorrupt));
  EXPECT_TRUE(catalog->TableExists(ident_).ValueOrDie());
  // Such a table cannot be dropped with its files, which nobody knows; it can be forgotten.
  EXPECT_TRUE(IsKind(catalog->DropTable(ident_), ErrorKind::kCorrupt));
  EXPECT_TRUE(catalog->UnregisterTable(ident_).ok());
}

/// A clock whose sleep is the moment in which others act.
struct Meanwhile : Clock {
  std::function<void()> act;
  std::chrono::system_clock::time_point Now() const override { return System().Now(); }
  void SleepFor(std::chrono::milliseconds) const override { act(); }
};

TEST_F(SqlCatalogTest, WhoIsOvertakenBetweenFileAndRowLosesAndLeavesNothing) {
  auto catalog = Open();
  auto base = catalog->CreateTable(ident_, {}).ValueOrDie();
  Meanwhile clock;
  auto slow_store = FaultStore::Make(store_, clock);
  auto slow = SqlCatalog::Make(slow_store, Options()).ValueOrDie();
  const auto delay = [&] {
    slow_store->Add({.kind = FaultKind::kDelay,
                     .op = StoreOp::kWrite,
                     .path_contains = "metadata.json",
                     .delay = std::chrono::milliseconds(1)});
  };
  clock.act = [&] { base = SetProperty(*catalog, base, "fast").ValueOrDie(); };
  delay();
  const auto lost = SetProperty(*slow, base, "slow").status();
  EXPECT_TRUE(IsKind(lost, ErrorKind::kCommitConflict)) << lost;
  EXPECT_EQ(store_->List("w/")->size(), 2u);
  EXPECT_EQ(*slow->LoadTable(ident_)->metadata->FindProperty("x"), "fast");

  clock.act = [&] { ASSERT_TRUE(catalog->RenameTable(ident_, {{"db"}, "u"}).ok()); };
  delay();
  const auto gone = SetProperty(*slow, base, "slow").status();
  EXPECT_TRUE(IsKind(gone, ErrorKind::kNotFound)) << gone;
  EXPECT_EQ(store_->List("w/")->size(), 2u);

  clock.act = [&] { ASSERT_TRUE(catalog->CreateTable({{"db"}, "v"}, {}).ok()); };
  delay();
  const auto second = slow->CreateTable({{"db"}, "v"}, {}).status();
  EXPECT_TRUE(IsKind(second, ErrorKind::kAlreadyExists)) << second;
  EXPECT_EQ(store_->List("w/")->size(), 3u);
}

TEST_F(SqlCatalogTest, ARenamedTableKeepsItsFolderAndNobodyElseGetsIt) {
  auto catalog = Open();
  const auto made = catalog->CreateTable(ident_, {}).ValueOrDie();
  const TableIdent moved{{"other"}, "t"};
  EXPECT_TRUE(IsKind(catalog->RenameTable(ident_, moved), ErrorKind::kNotFound));
  ASSERT_TRUE(catalog->CreateNamespace({"other"}, {}).ok());
  ASSERT_TRUE(catalog->RenameTable(ident_, moved).ok());
  EXPECT_TRUE(IsKind(catalog->LoadTable(ident_).status(), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(catalog->RenameTable(ident_, moved), ErrorKind::kNotFound));
  EXPECT_TRUE(catalog->RenameTable(moved, moved).ok());
  EXPECT_EQ(catalog->LoadTable(moved)->metadata->location, "memory:///w/db/t");
  EXPECT_TRUE(IsKind(SetProperty(*catalog, made, "1").status(), ErrorKind::kNotFound));
  EXPECT_TRUE(SetProperty(*catalog, *catalog->LoadTable(moved), "1").ok());

  const auto again = catalog->CreateTable(ident_, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->metadata->location, MatchesRegex("memory:///w/db/t-[0-9a-f-]*"));
  EXPECT_TRUE(IsKind(catalog->RenameTable(moved, ident_), ErrorKind::kAlreadyExists));
  ASSERT_TRUE(catalog->DropTable(ident_).ok());
  EXPECT_TRUE(Open()->LoadTable(moved).ok());
  ASSERT_TRUE(catalog->DropTable(moved).ok());
  EXPECT_THAT(store_->List("").ValueOrDie(), IsEmpty());
}

TEST_F(SqlCatalogTest, AForgottenTableComesBackByItsMetadata) {
  auto catalog = Open();
  auto state = catalog->CreateTable(ident_, {}).ValueOrDie();
  state = SetProperty(*catalog, state, "1").ValueOrDie();
  const std::string location = "memory:///" + state.metadata_path;
  const TableIdent back{{"n"}, "back"};
  EXPECT_TRUE(IsKind(catalog->RegisterTable(back, location).status(), ErrorKind::kAlreadyExists));
  ASSERT_TRUE(catalog->UnregisterTable(ident_).ok());
  EXPECT_TRUE(IsKind(catalog->UnregisterTable(ident_), ErrorKind::kNotFound));
  const auto registered = catalog->RegisterTable(back, location);
  ASSERT_TRUE(registered.ok()) << registered.status();
  EXPECT_EQ(*registered->metadata, *state.metadata);
  EXPECT_THAT(SetProperty(*catalog, *registered, "2")->metadata_path, HasSubstr("/00002-"));
  const auto missing = catalog->RegisterTable({{"n"}, "x"}, "memory:///w/no.metadata.json");
  EXPECT_TRUE(IsKind(missing.status(), ErrorKind::kNotFound)) << missing.status();
  ASSERT_TRUE(catalog->CreateTable(ident_, {}).ok());
  ASSERT_TRUE(
      store_->Put("w/copy.metadata.json", iceberg::TableMetadataToJson(*state.metadata)).ok());
  const auto taken = catalog->RegisterTable(ident_, "memory:///w/copy.metadata.json").status();
  EXPECT_TRUE(IsKind(taken, ErrorKind::kAlreadyExists)) << taken;
}

TEST_F(SqlCatalogTest, ATableOfAHadoopCatalogIsTakenOver) {
  auto hadoop = HadoopCatalog::Make(store_, "h").ValueOrDie();
  const auto made = hadoop->CreateTable(ident_, {}).ValueOrDie();
  auto catalog = Open();
  const auto state = catalog->RegisterTable(ident_, "memory:///" + made.metadata_path);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->version, 0);
  EXPECT_THAT(SetProperty(*catalog, *state, "1")->metadata_path,
              testing::StartsWith("h/db/t/metadata/00000-"));
}

TEST_F(SqlCatalogTest, FilesThatAnotherNameNeedsAreNotDeleted) {
  auto catalog = Open();
  auto state = catalog->CreateTable(ident_, {}).ValueOrDie();
  // Registered twice by somebody who allows it, and moved on under one of the names.
  Sql("INSERT INTO iceberg_tables SELECT 'theirs', 'x', 'copy', metadata_location, NULL, NULL FROM "
      "iceberg_tables");
  const Status same = catalog->DropTable(ident_);
  EXPECT_TRUE(IsKind(same, ErrorKind::kBadInput)) << same;
  EXPECT_THAT(same.message(), HasSubstr("theirs: x.copy"));
  auto options = Options();
  options.name = "default";
  catalog = SqlCatalog::Make(store_, options).ValueOrDie();
  state = SetProperty(*catalog, state, "1").ValueOrDie();
  EXPECT_TRUE(IsKind(catalog->DropTable(ident_), ErrorKind::kBadInput));
  options.name = "theirs";
  auto theirs = SqlCatalog::Make(store_, options).ValueOrDie();
  ASSERT_TRUE(SetProperty(*theirs, *theirs->LoadTable({{"x"}, "copy"}), "2").ok());
  EXPECT_TRUE(IsKind(catalog->DropTable(ident_), ErrorKind::kBadInput));
  ASSERT_TRUE(theirs->UnregisterTable({{"x"}, "copy"}).ok());
  EXPECT_TRUE(catalog->DropTable(ident_).ok());

  TableProperties kept;
  kept.extra["gc.enabled"] = "false";
  ASSERT_TRUE(catalog->CreateTable({{"db"}, "kept"}, kept).ok());
  EXPECT_TRUE(IsKind(catalog->DropTable({{"db"}, "kept"}), ErrorKind::kBadInput));
  EXPECT_TRUE(catalog->LoadTable({{"db"}, "kept"}).ok());
}

TEST_F(SqlCatalogTest, NamespacesHaveProperties) {
  auto catalog = Open();
  ASSERT_TRUE(
      catalog->CreateNamespace({"n"}, {{"owner", "me"}, {"location", "memory:///far/"}}).ok());
  EXPECT_THAT(catalog->NamespaceProperties({"n"}).ValueOrDie(),
              ElementsAre(Pair("location", "memory:///far/"), Pair("owner", "me")));
  const auto made = catalog->CreateTable({{"n"}, "t"}, {}).ValueOrDie();
  EXPECT_EQ(made.metadata->location, "memory:///far/t");
  ASSERT_TRUE(
      catalog
          ->SetNamespaceProperties({"n"}, {{"owner", "you"}, {"b", "2"}}, {"location", "unknown"})
          .ok());
  EXPECT_THAT(Open()->NamespaceProperties({"n"}).ValueOrDie(),
              ElementsAre(Pair("b", "2"), Pair("owner", "you")));
  for (const Status& refused : {catalog->SetNamespaceProperties({"n"}, {{"a", "1"}}, {"a"}),
                                catalog->SetNamespaceProperties({"n"}, {{"exists", "no"}}, {}),
                                catalog->SetNamespaceProperties({"n"}, {}, {"exists"}),
                                catalog->CreateNamespace({"m"}, {{"exists", "no"}})}) {
    EXPECT_TRUE(IsKind(refused, ErrorKind::kBadInput)) << refused;
  }
  EXPECT_TRUE(
      IsKind(catalog->SetNamespaceProperties({"m"}, {{"a", "1"}}, {}), ErrorKind::kNotFound));
}

TEST_F(SqlCatalogTest, ANamespaceWithoutTheMarkLivesOnWhenItsLastPropertyGoes) {
  auto catalog = Open();
  Sql("INSERT INTO iceberg_namespace_properties VALUES ('default', 'n', 'a', '1')");
  ASSERT_TRUE(catalog->SetNamespaceProperties({"n"}, {}, {"a"}).ok());
  EXPECT_THAT(catalog->NamespaceProperties({"n"}).ValueOrDie(), IsEmpty());
  EXPECT_TRUE(catalog->DropNamespace({"n"}).ok());
}

TEST_F(SqlCatalogTest, WithoutAWarehouseTablesNeedALocation) {
  auto options = Options();
  options.warehouse.clear();
  auto catalog = SqlCatalog::Make(store_, options).ValueOrDie();
  const Status nowhere = catalog->CreateTable(ident_, {}).status();
  EXPECT_TRUE(IsKind(nowhere, ErrorKind::kBadInput)) << nowhere;
  EXPECT_THAT(nowhere.message(), HasSubstr("?warehouse="));
  ASSERT_TRUE(catalog->CreateNamespace({"db"}, {{"location", "memory:///l"}}).ok());
  EXPECT_TRUE(catalog->CreateTable(ident_, {}).ok());
}

TEST_F(SqlCatalogTest, CompressedMetadataOfOthersIsRead) {
  auto catalog = Open();
  auto state = catalog->CreateTable(ident_, {}).ValueOrDie();
  const std::string text = iceberg::TableMetadataToJson(*state.metadata);
  const std::string packed = Gzip(text);
  ASSERT_TRUE(store_->Put("w/db/t/metadata/00007-x.gz.metadata.json", packed).ok());
  Sql("UPDATE iceberg_tables SET metadata_location = "
      "'memory:///w/db/t/metadata/00007-x.gz.metadata.json'");
  const auto loaded = catalog->LoadTable(ident_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*loaded->metadata, *state.metadata);
  EXPECT_THAT(SetProperty(*catalog, *loaded, "1")->metadata_path, HasSubstr("/00008-"));
  for (const size_t size : {size_t{3}, packed.size() / 2, packed.size() - 1}) {
    ASSERT_TRUE(store_->Put("w/cut.metadata.json", packed.substr(0, size)).ok());
    Sql("UPDATE iceberg_tables SET metadata_location = 'memory:///w/cut.metadata.json'");
    const Status cut = catalog->LoadTable(ident_).status();
    EXPECT_TRUE(IsKind(cut, ErrorKind::kCorrupt)) << cut;
  }
}

TEST(MetadataFile, TheNumberIsInFrontOfTheDash) {
  EXPECT_EQ(VersionOfMetadataFile("file:///t/metadata/00012-abc.metadata.json"), 12);
  EXPECT_EQ(VersionOfMetadataFile("100000-a-b.metadata.json"), 100000);
  for (const char* name : {"v3.metadata.json", "", "/", "-a.metadata.json", "x1-a.metadata.json",
                           "1x-a.json", "99999999999999999999-a.json", "9223372036854775807-a"}) {
    EXPECT_EQ(VersionOfMetadataFile(name), -1) << name;
  }
  EXPECT_THAT(NewMetadataFileName(7), MatchesRegex("00007-[0-9a-f-]*\\.metadata\\.json"));
}

TEST(MetadataCache, ForgetsWhatWasUsedLongestAgo) {
  MetadataCache cache(2);
  const auto metadata = std::make_shared<const iceberg::TableMetadata>();
  cache.Put("a", metadata);
  cache.Put("b", metadata);
  EXPECT_NE(cache.Find("a"), nullptr);
  cache.Put("c", metadata);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
}

}  // namespace
}  // namespace tarn
