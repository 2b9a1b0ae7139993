// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "arrow/compute/expression.h"
#include "cli/app.h"
#include "cli/progress.h"
#include "cli/where_option.h"
#include "tarn/delete_rows.h"
#include "tarn/predicate.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  WhereOption where;
  bool dry_run = false;
};

std::string Counted(int64_t count, const std::string& noun) {
  return WithThousands(count) + " " + noun + (count == 1 ? "" : "s");
}

Status Delete(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  if (!options.where.text) {
    return Error(ErrorKind::kBadInput,
                 "delete needs --where and a predicate that says which rows; --where true deletes "
                 "all rows");
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(auto view, ReadView::Open(catalog, ident));
  if (options.dry_run) {
    ARROW_ASSIGN_OR_RAISE(const auto filter, options.where.Filter(*view));
    session.out() << "would delete " << Counted(static_cast<int64_t>(filter->row_count()), "row")
                  << " of " << ident.ToString() << '\n';
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto predicate, ParsePredicate(*options.where.text, *view->schema()));
  ARROW_ASSIGN_OR_RAISE(const auto done, DeleteRows(catalog, ident, predicate));
  session.out() << "deleted " << Counted(done.rows, "row") << " of " << ident.ToString();
  if (done.removed_files > 0) {
    session.out() << ", and with them " << Counted(done.removed_files, "file");
  }
  session.out() << ", snapshot " << done.snapshot << '\n';
  return Status::OK();
}

}  // namespace

void AddDelete(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("delete", "Delete rows of a table");
  command->add_option("table", options->table, "namespace.table")->required();
  options->where.AddTo(*command, "Which rows: all for which this is true; needed");
  command->add_flag("--dry-run", options->dry_run, "Only count the rows");
  command->footer(
      std::string("One commit, of the rows that match in exactly the version it replaces. Every "
                  "engine sees them gone; older\n"
                  "snapshots keep them (`tarn rollback`) until they expire.\n\n") +
      kPredicateHelp +
      "\nExamples:\n"
      "  tarn delete default.docs --where \"lang = 'en' AND year < 2020\" --dry-run\n"
      "  tarn delete default.docs --where \"id IN (1, 2, 3) OR title IS NULL\"\n"
      "  tarn delete default.docs --where true");
  command->callback([&session, options] {
    session.action = [&session, options] { return Delete(session, *options); };
  });
}

}  // namespace tarn::cli
