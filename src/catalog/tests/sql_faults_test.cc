// SPDX-License-Identifier: Apache-2.0
//
// The files of the database fail once, at every single operation of a change in turn. After each,
// the database is looked at twice: as it is, and as it would be found after a crash (its files
// copied, without the shared memory, and recovered).
#include <filesystem>
#include <functional>

#include "base/random_id.h"
#include "catalog/metadata_file.h"
#include "catalog/sqlite_database.h"
#include "catalog/tests/catalog_fixture.h"
#include "catalog/tests/fault_vfs.h"
#include "gtest/gtest.h"
#include "iceberg/table_update.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* name;
  VfsFault kind;
  const char* journal;
};

class SqlFaults : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tarn-sql-faults-" + NewUuid4());
    fs::create_directories(folder_);
  }
  void TearDown() override {
    catalog_.reset();
    fs::remove_all(folder_);
  }

  void Start() {
    catalog_.reset();
    database_ = folder_ / NewUuid4() / "catalog.db";
    fs::create_directories(database_.parent_path());
    store_ = MemoryStore::Make();
    catalog_ = Open();
    ASSERT_TRUE(catalog_->CreateTable(ident_, {}).ok());
    if (std::string(GetParam().journal) != "wal") {
      // Only when it is alone may a connection change how the file is kept.
      catalog_.reset();
      sqlite3* connection = nullptr;
      ASSERT_EQ(sqlite3_open(database_.c_str(), &connection), SQLITE_OK);
      ASSERT_EQ(sqlite3_exec(connection, "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr),
                SQLITE_OK);
      // Held open as a reader holds it, it keeps the catalog from going back.
      ASSERT_EQ(sqlite3_exec(connection, "BEGIN; SELECT * FROM iceberg_tables", nullptr, nullptr,
                             nullptr),
                SQLITE_OK);
      catalog_ = Open();
      std::string mode;
      const auto note = [](void* to, int, char** values, char**) {
        *static_cast<std::string*>(to) = values[0];
        return 0;
      };
      sqlite3_exec(connection, "PRAGMA journal_mode", note, &mode, nullptr);
      sqlite3_close(connection);
      ASSERT_EQ(mode, "delete");
    }
  }

  std::shared_ptr<SqlCatalog> Open() {
    SqlCatalogOptions options;
    options.database = database_.string();
    options.warehouse = "memory:///w";
    options.busy_timeout = std::chrono::milliseconds(50);
    return SqlCatalog::Make(store_, options).ValueOrDie();
  }

  /// The metadata location of the table; "" without one.
  static std::string LocationIn(const fs::path& database) {
    auto opened = SqliteDatabase::Open(database.string(), {});
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return "";
    auto rows = (*opened)->Query("SELECT metadata_location FROM iceberg_tables");
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() && !rows->empty() ? rows->at(0).at(0).value_or("") : "";
  }

  /// What a crash at this moment would leave.
  std::string LocationAfterCrash() {
    const fs::path copy = folder_ / NewUuid4();
    fs::create_directories(copy);
    for (const auto& file : fs::directory_iterator(database_.parent_path())) {
      if (file.path().extension() != ".db-shm") {
        fs::copy_file(file.path(), copy / file.path().filename());
      }
    }
    return LocationIn(copy / "catalog.db");
  }

  TableIdent ident_{{"db"}, "t"};
  FaultVfs faults_;
  fs::path folder_, database_;
  std::shared_ptr<MemoryStore> store_;
  std::shared_ptr<SqlCatalog> catalog_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, SqlFaults,
                         ::testing::Values(Case{"WalFail", VfsFault::kFail, "wal"},
                                           Case{"WalFull", VfsFault::kFull, "wal"},
                                           Case{"WalLoseReply", VfsFault::kLoseReply, "wal"},
                                           Case{"WalCrash", VfsFault::kCrash, "wal"},
                                           Case{"JournalFail", VfsFault::kFail, "delete"},
                                           Case{"JournalFull", VfsFault::kFull, "delete"},
                                           Case{"JournalLoseReply", VfsFault::kLoseReply, "delete"},
                                           Case{"JournalCrash", VfsFault::kCrash, "delete"}),
                         [](const auto& info) { return info.param.name; });

TEST_P(SqlFaults, ASwapIsWhatItIsReportedToBeAlsoAfterACrash) {
  int unknown = 0;
  for (int64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    Start();
    const auto base = catalog_->LoadTable(ident_).ValueOrDie();
    const std::string before = store_->UriOf(base.metadata_path);
    const std::vector<iceberg::TableUpdate> updates = {
        {iceberg::update::SetProperties{{{"step", "1"}}}}};
    faults_.Arm(GetParam().kind, step);
    const auto done = catalog_->CommitTable(base, {}, updates);
    const bool fired = faults_.Disarm();
    const std::string crashed = LocationAfterCrash();
    const std::string now = LocationIn(database_);
    if (done.ok()) {
      EXPECT_EQ(now, store_->UriOf(done->metadata_path));
      EXPECT_EQ(crashed, now);
    } else if (!IsKind(done.status(), ErrorKind::kCommitStateUnknown)) {
      EXPECT_TRUE(IsKind(done.status(), ErrorKind::kIo)) << done.status();
      EXPECT_EQ(now, before) << done.status();
      EXPECT_EQ(crashed, before) << done.status();
      EXPECT_EQ(store_->List("w/db/t/metadata/")->size(), 1u) << "the loser's file is deleted";
    } else {
      ++unknown;
    }
    // Whatever the row says, its file is there.
    for (const auto& location : {now, crashed}) {
      EXPECT_TRUE(ReadMetadataFile(*store_, location).ok()) << location;
    }
    // The same catalog goes on.
    const auto again = catalog_->LoadTable(ident_);
    ASSERT_TRUE(again.ok()) << again.status();
    const auto next = catalog_->CommitTable(*again, {}, updates);
    EXPECT_TRUE(next.ok()) << next.status();
    EXPECT_EQ(LocationAfterCrash(), store_->UriOf(next->metadata_path));
    if (!fired) {
      EXPECT_TRUE(done.ok()) << done.status();
      EXPECT_GT(step, 2);
      break;
    }
  }
  EXPECT_GT(unknown, 0) << "some failure comes too late to know";
}

TEST_P(SqlFaults, ACreationIsWhatItIsReportedToBe) {
  for (int64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    Start();
    const TableIdent other{{"n"}, "u"};
    faults_.Arm(GetParam().kind, step);
    const auto done = catalog_->CreateTable(other, {});
    const bool fired = faults_.Disarm();
    auto fresh = Open();
    const auto loaded = fresh->LoadTable(other);
    if (done.ok()) {
      EXPECT_TRUE(loaded.ok()) << loaded.status();
    } else if (!IsKind(done.status(), ErrorKind::kCommitStateUnknown)) {
      EXPECT_TRUE(IsKind(loaded.status(), ErrorKind::kNotFound)) << loaded.status();
    }
    if (!loaded.ok()) {
      const auto again = catalog_->CreateTable(other, {});
      EXPECT_TRUE(again.ok()) << again.status();
    }
    EXPECT_TRUE(fresh->LoadTable(other).ok());
    EXPECT_TRUE(fresh->LoadTable(ident_).ok());
    if (!fired) {
      EXPECT_TRUE(done.ok()) << done.status();
      return;
    }
  }
}

TEST_P(SqlFaults, ADroppedTableIsWholeOrGone) {
  for (int64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    Start();
    faults_.Arm(GetParam().kind, step);
    const Status done = catalog_->DropTable(ident_);
    const bool fired = faults_.Disarm();
    const auto loaded = Open()->LoadTable(ident_);
    if (done.ok()) {
      EXPECT_TRUE(IsKind(loaded.status(), ErrorKind::kNotFound)) << loaded.status();
    } else if (!IsKind(done, ErrorKind::kCommitStateUnknown)) {
      EXPECT_TRUE(loaded.ok()) << done << loaded.status();
    }
    EXPECT_TRUE(loaded.ok() || IsKind(loaded.status(), ErrorKind::kNotFound)) << loaded.status();
    if (!fired) {
      EXPECT_TRUE(done.ok()) << done;
      return;
    }
  }
}

}  // namespace
}  // namespace tarn
