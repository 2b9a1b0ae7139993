// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/app.h"
#include "cli/progress.h"
#include "tarn/indexing.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  bool json = false;
  bool files = false;
  bool small_files = false;
  int threads = 0;
  double timeout_seconds = 0;
};

std::string_view StateName(IndexState state) {
  switch (state) {
    case IndexState::kReady:
      return "ready";
    case IndexState::kPending:
      return "pending";
    case IndexState::kSmall:
      return "small";
    case IndexState::kUnwanted:
      return "unwanted";
    case IndexState::kUnsupported:
      return "unsupported";
  }
  return "";
}

constexpr IndexState kStates[] = {IndexState::kReady, IndexState::kPending, IndexState::kSmall,
                                  IndexState::kUnwanted, IndexState::kUnsupported};

nlohmann::json ToJson(const IndexStatus& status) {
  nlohmann::json json{{"snapshot", status.snapshot.value()}};
  for (const IndexState state : kStates) {
    json[StateName(state)] = {{"files", status.files(state)}, {"rows", status.rows(state)}};
  }
  auto files = nlohmann::json::array();
  for (const auto& column : status.columns) {
    nlohmann::json file{{"path", column.path},
                        {"column", column.column},
                        {"rows", column.rows},
                        {"state", StateName(column.state)}};
    if (column.type) file["type"] = IndexTypeName(*column.type);
    if (!column.reason.empty()) file["reason"] = column.reason;
    files.push_back(std::move(file));
  }
  json["files"] = std::move(files);
  return json;
}

Status PrintStatus(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto status, DescribeIndexes(*catalog, ident));
  if (options.json) {
    session.out() << ToJson(status).dump() << '\n';
    return Status::OK();
  }
  for (const IndexState state : kStates) {
    if (status.files(state) == 0 && state != IndexState::kReady) continue;
    session.out() << StateName(state) << ": " << WithThousands(status.files(state)) << " files, "
                  << WithThousands(status.rows(state)) << " rows\n";
  }
  for (const auto& column : status.columns) {
    if (!options.files && column.reason.empty()) continue;
    session.out() << column.path << ", " << column.column << ": " << StateName(column.state);
    if (column.type) session.out() << " (" << IndexTypeName(*column.type) << ')';
    if (!column.reason.empty()) session.out() << ": " << column.reason;
    session.out() << '\n';
  }
  return Status::OK();
}

Status Build(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, session.OpenCatalog(/*create=*/false));
  BuildIndexesOptions build;
  build.threads = options.threads;
  build.small_files = options.small_files;
  std::optional<Progress> progress;
  build.progress = [&](const IndexProgress& now) {
    if (!progress) progress.emplace("indexing", std::nullopt);
    progress->Update(now.built_rows);
    return true;
  };
  const auto start = std::chrono::steady_clock::now();
  ARROW_ASSIGN_OR_RAISE(const auto built, BuildIndexes(catalog, ident, build));
  progress.reset();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  char timing[64];
  std::snprintf(timing, sizeof(timing), "%.2f s", seconds);
  session.out() << "indexed " << built.files << " files, " << WithThousands(built.rows)
                << " rows in " << timing << ", " << built.commits << " commits\n";
  for (const auto& failure : built.failures) {
    session.out() << failure.path << ": " << failure.status.message() << '\n';
  }
  if (built.failures.empty()) return Status::OK();
  return WithContext(built.failures.front().status,
                     std::to_string(built.failures.size()) + " files could not be indexed");
}

Status WaitFor(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, session.OpenCatalog(/*create=*/false));
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto status, DescribeIndexes(*catalog, ident));
    if (status.files(IndexState::kPending) == 0) {
      session.out() << "no file of " << ident.ToString() << " waits for an index\n";
      return Status::OK();
    }
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
    if (options.timeout_seconds > 0 && waited.count() >= options.timeout_seconds) {
      return Error(ErrorKind::kIo, ident.ToString(), ": ", status.files(IndexState::kPending),
                   " files still wait for an index; `tarn index build` builds them");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

CLI::App* AddOne(CLI::App& parent, Session& session, const std::string& name,
                 const std::string& description, const std::shared_ptr<Options>& options,
                 Status (*action)(Session&, const Options&)) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("table", options->table, "namespace.table")->required();
  command->callback([&session, options, action] {
    session.action = [&session, options, action] { return action(session, *options); };
  });
  return command;
}

}  // namespace

void AddIndex(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* index =
      app.add_subcommand("index", "Indexes of rows that were written without one (--deferred)");
  index->require_subcommand(1);
  CLI::App* status =
      AddOne(*index, session, "status", "Which files have their index", options, PrintStatus);
  status->add_flag("--json", options->json, "Print one JSON object");
  status->add_flag("--files", options->files, "Name every file");
  CLI::App* build = AddOne(*index, session, "build",
                           "Build the indexes that files wait for, here and now", options, Build);
  build->add_flag("--small-files", options->small_files,
                  "Those as well for which a scan is as fast");
  build->add_option("--threads", options->threads, "Threads of a build (0: all)");
  CLI::App* wait = AddOne(*index, session, "wait", "Wait until another process has built them",
                          options, WaitFor);
  wait->add_option("--timeout", options->timeout_seconds, "Seconds to wait (0: for ever)");
  index->footer(
      "A file without an index is searched by comparing every vector. A build replaces it by one "
      "with the same row\n"
      "groups and the index inside; rows, deletes and older snapshots stay as they are.");
}

}  // namespace tarn::cli
