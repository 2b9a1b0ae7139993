// SPDX-License-Identifier: Apache-2.0
//
// SqliteDatabase: one connection to an SQLite file, and what its error codes mean for a commit.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tarn/status.h"

struct sqlite3;

namespace tarn {

/// Thread-safe: one mutex over the connection. Errors name the file:
///   kIo           locked for longer than the timeout, read-only, full, or failing
///   kCorrupt      damaged, or no SQLite database
///   kAlreadyExists  a row of that key is there
///   kBadInput     used, or opened again, in a forked child of a process that had it open
class SqliteDatabase {
 public:
  struct Options {
    /// Makes the file when it is missing, and gives it a write-ahead log.
    bool create = false;
    bool durable = true;
    std::chrono::milliseconds busy_timeout{30'000};
  };
  using Text = std::optional<std::string>;  ///< nullopt: NULL
  using Row = std::vector<Text>;

  /// kNotFound when there is no such file (and none is to be made).
  static Result<std::unique_ptr<SqliteDatabase>> Open(const std::string& name, Options options);
  ~SqliteDatabase();

  const std::string& file() const { return file_; }

  /// All rows of one SELECT; `?` in the statement stand for the arguments, in order.
  Result<std::vector<Row>> Query(const std::string& sql, const std::vector<Text>& arguments = {});

  /// The statements of one write transaction.
  class Transaction {
   public:
    Result<std::vector<Row>> Query(const std::string& sql, const std::vector<Text>& arguments = {});
    /// Returns how many rows it changed.
    Result<int64_t> Execute(const std::string& sql, const std::vector<Text>& arguments = {});

   private:
    friend class SqliteDatabase;
    explicit Transaction(SqliteDatabase& database) : database_(database) {}
    SqliteDatabase& database_;
  };

  /// Takes the write lock, runs `body`, and commits if it returns OK; otherwise everything is
  /// undone and its error returned. Errors of the database before the commit, and a commit that had
  /// to wait too long, mean that nothing happened. Any other failure of the commit itself is
  /// kCommitStateUnknown: SQLite may find it whole when the file is next recovered.
  Status Write(const std::function<Status(Transaction&)>& body);

 private:
  SqliteDatabase(std::string file, sqlite3* connection, std::chrono::milliseconds timeout);
  Status CheckProcess() const;
  Status Fail(int code, const char* doing) const;
  Result<std::vector<Row>> Run(const std::string& sql, const std::vector<Text>& arguments);
  Status Commit();

  const std::string file_;
  sqlite3* const connection_;
  const std::chrono::milliseconds timeout_;
  const int64_t process_;
  std::mutex mutex_;
};

}  // namespace tarn
