// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/as_of_options.h"
#include "cli/time_text.h"
#include "tarn/alter_table.h"
#include "tarn/table_info.h"

namespace tarn::cli {
namespace {

struct RollbackOptions {
  std::string table;
  int64_t snapshot = 0;
  std::string time;
  bool any = false;
};

Status Rollback(Session& session, const RollbackOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  if ((options.snapshot != 0) == !options.time.empty()) {
    return Error(ErrorKind::kBadInput, "say where to go back to: --snapshot or --time");
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  if (!options.time.empty()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t time, ParseTime(options.time));
    ARROW_RETURN_NOT_OK(RollbackToTime(*catalog, ident, time));
  } else if (options.any) {
    ARROW_RETURN_NOT_OK(SetCurrentSnapshot(*catalog, ident, SnapshotId(options.snapshot)));
  } else {
    ARROW_RETURN_NOT_OK(RollbackTo(*catalog, ident, SnapshotId(options.snapshot)));
  }
  ARROW_ASSIGN_OR_RAISE(const auto info, DescribeTable(*catalog, ident));
  session.out() << ident.ToString() << " is at snapshot " << info.current.value_or(SnapshotId(0))
                << '\n';
  return Status::OK();
}

struct RefCommand {
  std::string table, name;
  int64_t snapshot = 0;
  std::string max_age, max_snapshot_age;
  int32_t keep = 0;
  bool drop = false;
};

Status ChangeRef(Session& session, const RefCommand& command, bool is_branch) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(command.table));
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  const char* kind = is_branch ? "branch " : "tag ";
  if (command.drop) {
    ARROW_RETURN_NOT_OK(DropRef(*catalog, ident, command.name));
    session.out() << "dropped " << kind << command.name << " of " << ident.ToString() << '\n';
    return Status::OK();
  }
  RefOptions options;
  if (command.snapshot != 0) options.snapshot = SnapshotId(command.snapshot);
  if (!command.max_age.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.max_ref_age_ms, ParseAge(command.max_age));
  }
  if (!command.max_snapshot_age.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.max_snapshot_age_ms, ParseAge(command.max_snapshot_age));
  }
  if (command.keep != 0) options.min_snapshots_to_keep = command.keep;
  ARROW_RETURN_NOT_OK(is_branch ? CreateBranch(*catalog, ident, command.name, options)
                                : CreateTag(*catalog, ident, command.name, options));
  session.out() << "created " << kind << command.name << " of " << ident.ToString() << '\n';
  return Status::OK();
}

CLI::App* AddRef(CLI::App& app, Session& session, const char* verb, const char* help,
                 const std::shared_ptr<RefCommand>& options, bool is_branch) {
  CLI::App* command = app.add_subcommand(verb, help);
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_option("name", options->name, "Its name")->required();
  command->add_option("--snapshot", options->snapshot, "The snapshot to name (0: the current one)")
      ->type_name("ID");
  command->add_option("--max-age", options->max_age, "Forget the name after so long: 12h, 30d")
      ->type_name("AGE");
  command->add_flag("--drop", options->drop, "Remove the name instead; its snapshots may expire");
  command->callback([&session, options, is_branch] {
    session.action = [&session, options, is_branch] {
      return ChangeRef(session, *options, is_branch);
    };
  });
  return command;
}

}  // namespace

void AddRollback(CLI::App& app, Session& session) {
  auto options = std::make_shared<RollbackOptions>();
  CLI::App* command = app.add_subcommand("rollback", "Make an earlier snapshot current again");
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_option("--snapshot", options->snapshot, "An ancestor of the current snapshot")
      ->type_name("ID");
  command->add_option("--time", options->time, "The newest ancestor committed before this time")
      ->type_name("TIME");
  command->add_flag("--any", options->any, "Take a --snapshot that is no ancestor, too");
  command->footer(
      "Later snapshots stay, unreferenced, until they expire: --any brings one back until then.\n\n"
      "Examples:\n"
      "  tarn rollback default.docs --snapshot 5683921349302847211\n"
      "  tarn rollback default.docs --time 2026-11-20T18:00:00Z");
  command->callback([&session, options] {
    session.action = [&session, options] { return Rollback(session, *options); };
  });
}

void AddTag(CLI::App& app, Session& session) {
  AddRef(app, session, "tag", "Name a snapshot, so that it does not expire",
         std::make_shared<RefCommand>(), /*is_branch=*/false);
}

void AddBranch(CLI::App& app, Session& session) {
  auto options = std::make_shared<RefCommand>();
  CLI::App* command =
      AddRef(app, session, "branch", "Name a snapshot that others can continue from", options,
             /*is_branch=*/true);
  command->add_option("--keep-snapshots", options->keep, "Snapshots of it that never expire")
      ->type_name("N");
  command
      ->add_option("--max-snapshot-age", options->max_snapshot_age,
                   "How old its other snapshots may get")
      ->type_name("AGE");
}

}  // namespace tarn::cli
