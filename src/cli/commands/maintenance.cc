// SPDX-License-Identifier: Apache-2.0
#include "tarn/maintenance.h"

#include <CLI/CLI.hpp>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/as_of_options.h"
#include "cli/progress.h"
#include "cli/text_output.h"
#include "cli/time_text.h"

namespace tarn::cli {
namespace {

/// One line a thing: {"kind", "name"}.
Status PrintThings(const std::vector<std::pair<std::string, std::string>>& things,
                   std::ostream& out) {
  arrow::StringBuilder kinds, names;
  for (const auto& [kind, name] : things) {
    ARROW_RETURN_NOT_OK(kinds.Append(kind));
    ARROW_RETURN_NOT_OK(names.Append(name));
  }
  ARROW_ASSIGN_OR_RAISE(auto kind, kinds.Finish());
  ARROW_ASSIGN_OR_RAISE(auto name, names.Finish());
  return PrintNdjson(*arrow::Table::Make(arrow::schema({arrow::field("kind", arrow::utf8()),
                                                        arrow::field("name", arrow::utf8())}),
                                         {std::move(kind), std::move(name)}),
                     out);
}

void TellLeftBehind(const std::vector<std::string>& left_behind, std::ostream& err) {
  for (const auto& message : left_behind) err << "tarn: left behind: " << message << '\n';
}

struct ExpireCommand {
  std::string table;
  std::string older_than;
  int32_t retain_last = 0;
  bool dry_run = false, keep_files = false, clean_metadata = false, json = false;
};

Status Expire(Session& session, const ExpireCommand& command) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(command.table));
  ExpireOptions options;
  options.dry_run = command.dry_run;
  options.delete_files = !command.keep_files;
  if (command.retain_last != 0) options.retain_last = command.retain_last;
  if (!command.older_than.empty()) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    options.now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    if (const auto age = ParseAge(command.older_than); age.ok()) {
      options.older_than_ms = *options.now_ms - *age;
    } else {
      ARROW_ASSIGN_OR_RAISE(options.older_than_ms, ParseTime(command.older_than));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto report, ExpireSnapshots(*catalog, ident, options));
  CleanReport cleaned;
  if (command.clean_metadata) {
    ARROW_ASSIGN_OR_RAISE(cleaned, CleanMetadata(*catalog, ident, command.dry_run));
  }
  TellLeftBehind(report.left_behind, session.err());
  const std::pair<const char*, const std::vector<std::string>*> kinds[] = {
      {"data file", &report.data_files},
      {"delete file", &report.delete_files},
      {"manifest", &report.manifests},
      {"manifest list", &report.manifest_lists},
      {"statistics file", &report.statistics},
      {"metadata file", &cleaned.metadata_files},
      {"ref", &report.refs}};
  if (command.json) {
    std::vector<std::pair<std::string, std::string>> things;
    for (const auto id : report.snapshots)
      things.push_back({"snapshot", std::to_string(id.value())});
    for (const auto& [kind, names] : kinds) {
      for (const auto& name : *names) things.push_back({kind, name});
    }
    return PrintThings(things, session.out());
  }
  std::vector<std::vector<std::string>> rows{{command.dry_run ? "would go" : "gone", "count"}};
  rows.push_back({"snapshots", WithThousands(static_cast<int64_t>(report.snapshots.size()))});
  for (const auto& [kind, names] : kinds) {
    const std::string plural = kind + std::string("s");
    rows.push_back({plural, WithThousands(static_cast<int64_t>(names->size()))});
  }
  PrintAligned(rows, {false, true}, session.out());
  session.out() << HumanBytes(report.bytes) << (command.dry_run ? " would be freed" : " freed")
                << " in data and delete files\n";
  return Status::OK();
}

struct OrphansCommand {
  std::string table;
  std::string older_than = "3d";
  bool force = false, remove = false, json = false;
  std::vector<std::string> locations;
};

Status PrintOrphans(const OrphanReport& report, bool json, std::ostream& out) {
  if (json) {
    arrow::StringBuilder paths;
    arrow::Int64Builder sizes;
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"),
                                  arrow::default_memory_pool());
    for (const auto& orphan : report.orphans) {
      ARROW_RETURN_NOT_OK(paths.Append(orphan.path));
      ARROW_RETURN_NOT_OK(sizes.Append(static_cast<int64_t>(orphan.size)));
      ARROW_RETURN_NOT_OK(times.Append(orphan.modified_ms));
    }
    const auto schema =
        arrow::schema({arrow::field("path", arrow::utf8()), arrow::field("bytes", arrow::int64()),
                       arrow::field("modified", times.type())});
    arrow::ArrayVector columns(3);
    ARROW_ASSIGN_OR_RAISE(columns[0], paths.Finish());
    ARROW_ASSIGN_OR_RAISE(columns[1], sizes.Finish());
    ARROW_ASSIGN_OR_RAISE(columns[2], times.Finish());
    return PrintNdjson(*arrow::Table::Make(schema, columns), out);
  }
  if (report.orphans.empty()) return Status::OK();
  std::vector<std::vector<std::string>> rows{{"orphan", "size", "modified"}};
  for (const auto& orphan : report.orphans) {
    rows.push_back({orphan.path, HumanBytes(orphan.size), TimeText(orphan.modified_ms)});
  }
  PrintAligned(rows, {false, true, false}, out);
  return Status::OK();
}

Status Orphans(Session& session, const OrphansCommand& command) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(command.table));
  OrphanOptions options;
  ARROW_ASSIGN_OR_RAISE(const int64_t age, ParseAge(command.older_than));
  options.older_than = std::chrono::milliseconds(age);
  options.force = command.force;
  options.dry_run = !command.remove;
  options.locations = command.locations;
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto report, RemoveOrphans(*catalog, ident, options));
  ARROW_RETURN_NOT_OK(PrintOrphans(report, command.json, session.out()));
  TellLeftBehind(report.left_behind, session.err());
  if (command.json) return Status::OK();
  session.out() << WithThousands(static_cast<int64_t>(report.orphans.size())) << " orphans of "
                << WithThousands(report.files_seen) << " files, " << HumanBytes(report.bytes)
                << (command.remove ? "; deleted " + WithThousands(report.deleted)
                                   : std::string("; --delete deletes them"))
                << '\n';
  return Status::OK();
}

}  // namespace

void AddExpire(CLI::App& app, Session& session) {
  auto options = std::make_shared<ExpireCommand>();
  CLI::App* command = app.add_subcommand("expire", "Forget old snapshots and delete their files");
  command->add_option("table", options->table, "namespace.table")->required();
  command
      ->add_option("--older-than", options->older_than,
                   "An age (12h, 5d) or a time; by default what the table says, else 5d")
      ->type_name("AGE");
  command
      ->add_option(
          "--retain-last", options->retain_last,
          "Newest snapshots of each branch that stay whatever their age (0: what the table "
          "says, else 1)")
      ->type_name("N");
  command->add_flag("--dry-run", options->dry_run, "Only say what would go");
  command->add_flag("--keep-files", options->keep_files,
                    "Forget the snapshots, delete nothing; `tarn orphans` finds the files");
  command->add_flag("--clean-metadata", options->clean_metadata,
                    "Delete metadata files that the metadata log no longer names, too");
  command->add_flag("--json", options->json, "Print one JSON object a line");
  command->footer(
      "What a branch or a tag needs stays. Only files that no remaining snapshot reaches are "
      "deleted. New tables\n"
      "do this by themselves now and then (property tarn.expire.auto).\n\n"
      "Examples:\n"
      "  tarn expire default.docs --dry-run\n"
      "  tarn expire default.docs --older-than 1d --retain-last 5");
  command->callback([&session, options] {
    session.action = [&session, options] { return Expire(session, *options); };
  });
}

void AddOrphans(CLI::App& app, Session& session) {
  auto options = std::make_shared<OrphansCommand>();
  CLI::App* command =
      app.add_subcommand("orphans", "Find files of a table that nothing names any more");
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_option("--older-than", options->older_than, "Younger files stay")->type_name("AGE");
  command->add_flag("--force", options->force,
                    "Allow an age below one day; only while nobody writes to the table");
  command->add_flag("--delete", options->remove, "Delete them; without it they are only listed");
  command
      ->add_option("--location", options->locations,
                   "Look only through this folder of the table (may be repeated)")
      ->type_name("FOLDER");
  command->add_flag("--json", options->json, "Print one JSON object a line");
  command->footer(
      "Crashed writers and interrupted expiry leave files that no snapshot reaches. The age "
      "protects those of\n"
      "commits that are under way. Names that begin with '.' or '_' are never touched.\n\n"
      "Examples:\n"
      "  tarn orphans default.docs\n"
      "  tarn orphans default.docs --older-than 7d --delete");
  command->callback([&session, options] {
    session.action = [&session, options] { return Orphans(session, *options); };
  });
}

}  // namespace tarn::cli
