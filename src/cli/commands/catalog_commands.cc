// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <filesystem>

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

void AddRename(CLI::App& app, Session& session) {
  struct Options {
    std::string from, to;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("rename", "Give a table another name");
  command->add_option("from", options->from, "namespace.table")->required();
  command->add_option("to", options->to, "namespace.table, in a namespace that exists")->required();
  command->footer("The files stay where they are. Catalogs of folders cannot do it.");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto from, TableIdent::Parse(options->from));
      ARROW_ASSIGN_OR_RAISE(auto to, TableIdent::Parse(options->to));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      ARROW_RETURN_NOT_OK(catalog->RenameTable(from, to));
      session.out() << "renamed " << from.ToString() << " to " << to.ToString() << '\n';
      return Status::OK();
    };
  });
}

void AddRegister(CLI::App& app, Session& session) {
  struct Options {
    std::string table, metadata;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("register", "Take up a table that lies somewhere already");
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_option("metadata", options->metadata, "Its newest metadata file")
      ->type_name("FILE")
      ->required();
  command->footer(
      "From then on the table is to be written through this catalog alone. Catalogs of folders "
      "cannot do it.\n\n"
      "Example:\n"
      "  tarn -C sqlite:///catalog.db register default.docs "
      "lake/default/docs/metadata/v7.metadata.json");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options->table));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
      std::string location = options->metadata;
      if (location.find(':') == std::string::npos) {
        location = std::filesystem::absolute(location).lexically_normal().string();
      }
      ARROW_RETURN_NOT_OK(catalog->RegisterTable(ident, location));
      session.out() << "registered " << ident.ToString() << '\n';
      return Status::OK();
    };
  });
}

void AddUnregister(CLI::App& app, Session& session) {
  auto table = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("unregister", "Forget a table and keep its files");
  command->add_option("table", *table, "namespace.table")->required();
  command->footer("`tarn register` brings it back. Catalogs of folders cannot do it.");
  command->callback([&session, table] {
    session.action = [&session, table]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(*table));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      ARROW_ASSIGN_OR_RAISE(auto state, catalog->LoadTable(ident));
      ARROW_RETURN_NOT_OK(catalog->UnregisterTable(ident));
      session.out() << "unregistered " << ident.ToString() << ", whose metadata is "
                    << catalog->store().UriOf(state.metadata_path) << '\n';
      return Status::OK();
    };
  });
}

}  // namespace tarn::cli
