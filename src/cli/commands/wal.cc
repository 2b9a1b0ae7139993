// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/progress.h"
#include "cli/text_output.h"
#include "tarn/mem_table_writer.h"
#include "tarn/wal_info.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  std::string folder;
  bool json = false;
};

std::string FolderOf(const Options& options) {
  return options.folder.empty() ? "" : std::filesystem::absolute(options.folder).string();
}

Result<std::vector<WalInfo>> Describe(CatalogProvider& catalog, const TableIdent& ident,
                                      const Options& options, bool verify) {
  return DescribeWals(catalog, catalog.shared_store(), ident,
                      {.folder = FolderOf(options), .verify = verify});
}

nlohmann::ordered_json ToJson(const WalInfo& log) {
  nlohmann::ordered_json json{{"uuid", log.uuid},
                              {"epoch", log.epoch},
                              {"segments", log.segments},
                              {"bytes", log.bytes},
                              {"torn_bytes", log.torn_bytes},
                              {"first_sequence", log.first_sequence},
                              {"last_sequence", log.last_sequence},
                              {"covered", log.covered},
                              {"waiting_batches", log.waiting_batches},
                              {"waiting_rows", log.waiting_rows},
                              {"open", log.is_open}};
  if (!log.damage.ok()) json["damage"] = log.damage.message();
  if (!log.covered_damage.ok()) json["covered_damage"] = log.covered_damage.message();
  return json;
}

void PrintJson(Session& session, const std::vector<WalInfo>& logs) {
  auto list = nlohmann::ordered_json::array();
  for (const WalInfo& log : logs) list.push_back(ToJson(log));
  session.out() << nlohmann::ordered_json{{"logs", std::move(list)}}.dump() << '\n';
}

void PrintText(Session& session, const std::vector<WalInfo>& logs, const TableIdent& ident) {
  if (logs.empty()) {
    session.out() << ident.ToString() << " has no logs on this machine\n";
    return;
  }
  std::vector<std::vector<std::string>> rows{
      {"log", "epoch", "segments", "size", "first", "last", "in table", "waiting rows", "state"}};
  for (const WalInfo& log : logs) {
    rows.push_back({log.uuid, std::to_string(log.epoch), std::to_string(log.segments),
                    HumanBytes(log.bytes), std::to_string(log.first_sequence),
                    std::to_string(log.last_sequence), std::to_string(log.covered),
                    WithThousands(static_cast<int64_t>(log.waiting_rows)),
                    !log.damage.ok() ? "damaged"
                    : log.is_open    ? "open"
                                     : "closed"});
  }
  PrintAligned(rows, {false, true, true, true, true, true, true, true, false}, session.out());
  for (const WalInfo& log : logs) {
    if (!log.damage.ok()) session.out() << log.damage.message() << '\n';
  }
}

Status Info(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto logs, Describe(*catalog, ident, options, /*verify=*/false));
  if (options.json) {
    PrintJson(session, logs);
  } else {
    PrintText(session, logs, ident);
  }
  return Status::OK();
}

Status Verify(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto logs, Describe(*catalog, ident, options, /*verify=*/true));
  if (options.json) PrintJson(session, logs);
  int findings = 0;
  uint64_t records = 0, bytes = 0;
  for (const WalInfo& log : logs) {
    for (const Status& damage : {log.damage, log.covered_damage}) {
      if (damage.ok()) continue;
      ++findings;
      if (!options.json) session.out() << damage.message() << '\n';
    }
    if (log.first_sequence > 0) records += log.last_sequence - log.first_sequence + 1;
    bytes += log.bytes;
  }
  if (findings > 0) {
    return Error(ErrorKind::kCorrupt, "logs of ", ident.ToString(), ": ", findings, " findings");
  }
  if (!options.json) {
    session.out() << "the logs of " << ident.ToString() << " are sound: " << logs.size()
                  << " logs, " << WithThousands(static_cast<int64_t>(records)) << " records, "
                  << HumanBytes(bytes) << '\n';
  }
  return Status::OK();
}

Status Replay(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto logs, Describe(*catalog, ident, options, /*verify=*/false));
  // To open a writer where nobody left anything would begin a log for nothing.
  bool left = false;
  for (const WalInfo& log : logs) {
    left |= !log.is_open && (log.waiting_batches > 0 || !log.damage.ok());
  }
  MemTableMetrics metrics;
  if (left) {
    MemTableConfig config;
    config.index_in_background = false;
    config.log.folder = FolderOf(options);
    ARROW_ASSIGN_OR_RAISE(const auto writer,
                          MemTableWriter::Open(catalog, catalog->shared_store(), ident, config));
    ARROW_RETURN_NOT_OK(writer->Close());
    metrics = writer->metrics();
  }
  if (options.json) {
    nlohmann::ordered_json json{{"batches", metrics.replayed_batches},
                                {"rows", metrics.replayed_rows},
                                {"stored_rows", metrics.flushed_rows}};
    if (metrics.last_snapshot != 0) json["snapshot"] = metrics.last_snapshot.value();
    session.out() << json.dump() << '\n';
    return Status::OK();
  }
  if (metrics.replayed_rows == 0) {
    session.out() << "no rows of writers that are gone wait in the logs of " << ident.ToString()
                  << '\n';
    return Status::OK();
  }
  session.out() << "replayed " << WithThousands(static_cast<int64_t>(metrics.replayed_rows))
                << " rows of " << metrics.replayed_batches << " batches into " << ident.ToString()
                << ", snapshot " << metrics.last_snapshot << '\n';
  if (metrics.flushed_rows < metrics.replayed_rows) {
    session.out() << WithThousands(
                         static_cast<int64_t>(metrics.replayed_rows - metrics.flushed_rows))
                  << " rows were left out: the table has their batches already\n";
  }
  return Status::OK();
}

void AddOne(CLI::App& parent, Session& session, const std::string& name,
            const std::string& description, const std::shared_ptr<Options>& options,
            Status (*action)(Session&, const Options&)) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_flag("--json", options->json, "Print one JSON object");
  command
      ->add_option("--log-folder", options->folder,
                   "Where the logs lie, if `tarn stream` was told so")
      ->type_name("FOLDER");
  command->callback([&session, options, action] {
    session.action = [&session, options, action] { return action(session, *options); };
  });
}

}  // namespace

void AddWal(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* wal = app.add_subcommand(
      "wal", "Logs on this machine: rows that `tarn stream` accepted and no snapshot has yet");
  wal->require_subcommand(1);
  AddOne(*wal, session, "info", "Which logs there are and what waits in them", options, Info);
  AddOne(*wal, session, "verify", "Read every record and check its checksums", options, Verify);
  AddOne(*wal, session, "replay", "Commit what the logs of writers that are gone hold", options,
         Replay);
  wal->footer(
      "A log lies outside its table, in .tarn/wal of the warehouse. `verify` says where a log is "
      "damaged, and exits with 1.\n"
      "`replay` is what the next `tarn stream` does by itself; logs of writers at work are left to "
      "them.");
}

}  // namespace tarn::cli
