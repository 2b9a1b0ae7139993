// SPDX-License-Identifier: Apache-2.0
//
// The command line: options common to all commands, and how a command ends.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "tarn/catalog.h"
#include "tarn/status.h"

namespace CLI {
class App;
}

namespace tarn::cli {

/// What every command shares. Filled by the parser before the command runs.
class Session {
 public:
  Session(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }

  /// What tarn::OpenCatalog takes.
  std::string catalog = "lake";
  bool sync = true;

  /// The catalog. Commands that only read pass `create` = false: kNotFound says that there is no
  /// such folder or database instead of making one.
  Result<std::shared_ptr<CatalogProvider>> OpenCatalog(bool create) const;

  /// Set by the parsed command; Run calls it. Its status becomes the exit code.
  std::function<Status()> action;

 private:
  std::ostream& out_;
  std::ostream& err_;
};

// Each adds its command to the parser.
void AddCreate(CLI::App& app, Session& session);
void AddIngest(CLI::App& app, Session& session);
void AddStream(CLI::App& app, Session& session);
void AddWal(CLI::App& app, Session& session);
void AddSearch(CLI::App& app, Session& session);
void AddScan(CLI::App& app, Session& session);
void AddDelete(CLI::App& app, Session& session);
void AddInfo(CLI::App& app, Session& session);
void AddList(CLI::App& app, Session& session);
void AddDrop(CLI::App& app, Session& session);
void AddRename(CLI::App& app, Session& session);
void AddRegister(CLI::App& app, Session& session);
void AddUnregister(CLI::App& app, Session& session);
void AddNamespace(CLI::App& app, Session& session);
void AddVerify(CLI::App& app, Session& session);
void AddIndex(CLI::App& app, Session& session);
void AddBench(CLI::App& app, Session& session);
void AddAlter(CLI::App& app, Session& session);
void AddProperties(CLI::App& app, Session& session);
void AddRollback(CLI::App& app, Session& session);
void AddTag(CLI::App& app, Session& session);
void AddBranch(CLI::App& app, Session& session);
void AddExpire(CLI::App& app, Session& session);
void AddOrphans(CLI::App& app, Session& session);

/// The whole program. Exit code 0; 1 when the command failed, the reason on `err`; 2 for wrong
/// usage.
int Run(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace tarn::cli
