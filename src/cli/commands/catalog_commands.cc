// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/app.h"

namespace tarn::cli {

void AddList(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("list", "Name the tables of the catalog");
  command->callback([&session] {
    session.action = [&session]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      ARROW_ASSIGN_OR_RAISE(auto tables, catalog->ListTables());
      for (const auto& table : tables) session.out() << table.ToString() << '\n';
      return Status::OK();
    };
  });
}

void AddDrop(CLI::App& app, Session& session) {
  struct Options {
    std::string table;
    bool yes = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("drop", "Delete a table and its files");
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_flag("--yes", options->yes, "Needed: the rows cannot be brought back");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options->table));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      if (!options->yes) {
        return Error(ErrorKind::kBadInput, "drop deletes ", ident.ToString(),
                     " and its files for good; add --yes");
      }
      ARROW_RETURN_NOT_OK(catalog->DropTable(ident));
      session.out() << "dropped " << ident.ToString() << '\n';
      return Status::OK();
    };
  });
}

}  // namespace tarn::cli
