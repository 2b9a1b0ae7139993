// SPDX-License-Identifier: Apache-2.0
#include "catalog/sqlite_database.h"

#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <utility>

#include "base/crash_point.h"

namespace tarn {
namespace {

CrashPoint kSqlCommitting("sql/committing");
CrashPoint kSqlCommitted("sql/committed");

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

ErrorKind KindOfCode(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::kCorrupt;
    case SQLITE_CONSTRAINT:
      return ErrorKind::kAlreadyExists;
    default:
      return ErrorKind::kIo;
  }
}

/// The files this process has open, and those that were open in a process it was forked from.
/// SQLite keeps what it knows of an open file for the whole process: a child that opened such a
/// file once more would build on its parent's locks, which it does not have, and could damage the
/// database.
class OpenFiles {
 public:
  static OpenFiles& Instance() {
    static OpenFiles files;
    return files;
  }
  /// Notes that the file is open; false when it must not be.
  bool Enter(const std::string& file) {
    std::lock_guard guard(mutex_);
    NoticeFork();
    if (inherited_.count(file) > 0) return false;
    open_.insert(file);
    return true;
  }
  void Leave(const std::string& file) {
    std::lock_guard guard(mutex_);
    NoticeFork();
    const auto found = open_.find(file);
    if (found != open_.end()) open_.erase(found);
  }

 private:
  void NoticeFork() {
    if (process_ == ::getpid()) return;
    inherited_.insert(open_.begin(), open_.end());
    open_.clear();
    process_ = ::getpid();
  }
  std::mutex mutex_;
  int64_t process_ = ::getpid();
  std::multiset<std::string> open_;
  std::set<std::string> inherited_;
};

Status Forked(const std::string& file) {
  return Error(ErrorKind::kBadInput, file,
               " was open when this process was forked; open catalogs in the child alone, or start "
               "it by exec");
}

}  // namespace

SqliteDatabase::SqliteDatabase(std::string file, sqlite3* connection,
                               std::chrono::milliseconds timeout)
    : file_(std::move(file)), connection_(connection), timeout_(timeout), process_(::getpid()) {}

SqliteDatabase::~SqliteDatabase() {
  // A forked child leaves the connection to its parent: closing it would disturb the locks and the
  // log that the parent works with.
  if (!CheckProcess().ok()) return;
  sqlite3_close_v2(connection_);
  OpenFiles::Instance().Leave(file_);
}

Status SqliteDatabase::CheckProcess() const {
  return process_ == ::getpid() ? Status::OK() : Forked(file_);
}

Status SqliteDatabase::Fail(int code, const char* doing) const {
  const std::string context = file_ + ": " + doing + ": ";
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorKind::kIo, context, "another process kept the database locked for ",
                   timeout_.count(), " ms; nothing was changed");
    case SQLITE_READONLY:
      return Error(ErrorKind::kIo, context, "the database, or its folder, is read-only");
    case SQLITE_NOTADB:
      return Error(ErrorKind::kCorrupt, context, "the file is no SQLite database");
    default:
      return Error(KindOfCode(code), context, sqlite3_errmsg(connection_), " (", code, ")");
  }
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& name,
                                                             Options options) {
  std::error_code error;
  const auto kind = std::filesystem::status(name, error).type();
  if (kind == std::filesystem::file_type::directory) {
    return Error(ErrorKind::kBadInput, name,
                 " is a folder, not a database; a catalog of folders is named without sqlite:");
  }
  if (kind == std::filesystem::file_type::not_found && !options.create) {
    return Error(ErrorKind::kNotFound, "there is no database ", name);
  }
  const auto folder = std::filesystem::absolute(name, error).parent_path();
  if (!std::filesystem::is_directory(folder, error)) {
    return Error(ErrorKind::kNotFound, "the folder of the database ", name, " does not exist");
  }
  const std::string file = std::filesystem::weakly_canonical(name, error).string();
  if (error) return Error(ErrorKind::kIo, "finding ", name, ": ", error.message());
  if (!OpenFiles::Instance().Enter(file)) return Forked(file);
  sqlite3* connection = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (options.create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(file.c_str(), &connection, flags, nullptr);
  if (connection == nullptr) {
    OpenFiles::Instance().Leave(file);
    return Error(ErrorKind::kIo, file, ": no memory for a connection");
  }
  std::unique_ptr<SqliteDatabase> database(
      new SqliteDatabase(file, connection, options.busy_timeout));
  if (code != SQLITE_OK) return database->Fail(code, "opening");
  // With a write-ahead log readers and the writer do not wait for each other. The mode is kept in
  // the file; where it cannot be had (a file system without shared memory, a database in use just
  // now, which is not waited for) the other mode is slower and as safe. Who comes to read leaves
  // the file as it is.
  if (options.create) {
    sqlite3_exec(connection, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
  }
  sqlite3_busy_timeout(connection, static_cast<int>(options.busy_timeout.count()));
  const std::string sync =
      std::string("PRAGMA synchronous=") + (options.durable ? "FULL" : "NORMAL");
  if (const int set = sqlite3_exec(connection, sync.c_str(), nullptr, nullptr, nullptr);
      set != SQLITE_OK) {
    return database->Fail(set, "opening");
  }
  return database;
}

Result<std::vector<SqliteDatabase::Row>> SqliteDatabase::Run(const std::string& sql,
                                                             const std::vector<Text>& arguments) {
  sqlite3_stmt* prepared = nullptr;
  int code = sqlite3_prepare_v2(connection_, sql.c_str(), -1, &prepared, nullptr);
  const Statement statement(prepared);
  if (code != SQLITE_OK) return Fail(code, "preparing a statement");
  for (size_t i = 0; i < arguments.size(); ++i) {
    const int at = static_cast<int>(i) + 1;
    const Text& text = arguments[i];
    code = text ? sqlite3_bind_text64(prepared, at, text->data(), text->size(), SQLITE_STATIC,
                                      SQLITE_UTF8)
                : sqlite3_bind_null(prepared, at);
    if (code != SQLITE_OK) return Fail(code, "preparing a statement");
  }
  std::vector<Row> rows;
  while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
    Row row(static_cast<size_t>(sqlite3_column_count(prepared)));
    for (size_t i = 0; i < row.size(); ++i) {
      const int at = static_cast<int>(i);
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, at));
      if (text != nullptr) {
        row[i] = std::string(text, static_cast<size_t>(sqlite3_column_bytes(prepared, at)));
      }
    }
    rows.push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return Fail(code, "reading or writing");
  return rows;
}

Result<std::vector<SqliteDatabase::Row>> SqliteDatabase::Query(const std::string& sql,
                                                               const std::vector<Text>& arguments) {
  ARROW_RETURN_NOT_OK(CheckProcess());
  std::lock_guard guard(mutex_);
  return Run(sql, arguments);
}

Result<std::vector<SqliteDatabase::Row>> SqliteDatabase::Transaction::Query(
    const std::string& sql, const std::vector<Text>& arguments) {
  return database_.Run(sql, arguments);
}

Result<int64_t> SqliteDatabase::Transaction::Execute(const std::string& sql,
                                                     const std::vector<Text>& arguments) {
  ARROW_RETURN_NOT_OK(database_.Run(sql, arguments));
  return sqlite3_changes64(database_.connection_);
}

Status SqliteDatabase::Write(const std::function<Status(Transaction&)>& body) {
  ARROW_RETURN_NOT_OK(CheckProcess());
  std::lock_guard guard(mutex_);
  // Taking the write lock at once: a transaction that began as a reader could not wait for it.
  if (const int code = sqlite3_exec(connection_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
      code != SQLITE_OK) {
    return Fail(code, "beginning to write");
  }
  Transaction transaction(*this);
  const Status done = body(transaction);
  if (done.ok()) return Commit();
  // Some errors undo the transaction by themselves.
  if (sqlite3_get_autocommit(connection_) == 0) {
    sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return done;
}

Status SqliteDatabase::Commit() {
  kSqlCommitting.Reach();
  const int code = sqlite3_exec(connection_, "COMMIT", nullptr, nullptr, nullptr);
  kSqlCommitted.Reach();
  if (code == SQLITE_OK) return Status::OK();
  const Status failed = Fail(code, "committing");
  if (sqlite3_get_autocommit(connection_) == 0) {
    sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  // Waiting for readers comes before anything is written to the database. After every other error
  // the commit's record may lie in the log or journal, whole: whoever recovers it decides.
  const int primary = code & 0xff;
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_READONLY) {
    return failed;
  }
  return Error(ErrorKind::kCommitStateUnknown, failed.message());
}

}  // namespace tarn
