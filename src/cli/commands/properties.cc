// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/text_output.h"
#include "tarn/alter_table.h"
#include "tarn/table_info.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  std::vector<std::string> items;
};

Status List(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto info, DescribeTable(*catalog, ident));
  ARROW_ASSIGN_OR_RAISE(const auto properties, info.properties.ToIceberg());
  std::vector<std::vector<std::string>> rows{{"property", "value"}};
  for (const auto& [key, value] : properties) rows.push_back({key, value});
  PrintAligned(rows, {}, session.out());
  return Status::OK();
}

Status Set(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  std::map<std::string, std::string> set;
  for (const auto& item : options.items) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(ErrorKind::kBadInput, "'", item, "': write KEY=VALUE");
    }
    set[item.substr(0, equals)] = item.substr(equals + 1);
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_RETURN_NOT_OK(SetTableProperties(*catalog, ident, set));
  session.out() << "set " << set.size() << " properties of " << ident.ToString() << '\n';
  return Status::OK();
}

Status Unset(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_RETURN_NOT_OK(SetTableProperties(*catalog, ident, {}, options.items));
  session.out() << "removed " << options.items.size() << " properties of " << ident.ToString()
                << '\n';
  return Status::OK();
}

}  // namespace

void AddProperties(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("properties", "Show or change a table's properties");
  command->require_subcommand(1);
  command->footer(
      "What Tarn keeps by itself (vector columns, codebooks) cannot be set.\n\n"
      "Examples:\n"
      "  tarn properties list default.docs\n"
      "  tarn properties set default.docs history.expire.min-snapshots-to-keep=50 owner=search\n"
      "  tarn properties unset default.docs owner");
  const auto add = [&](const char* name, const char* help, const char* items,
                       Status (*run)(Session&, const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App* verb = command->add_subcommand(name, help);
    verb->add_option("table", options->table, "namespace.table")->required();
    if (items != nullptr) verb->add_option("items", options->items, items)->required();
    verb->callback([&session, options, run] {
      session.action = [&session, options, run] { return run(session, *options); };
    });
  };
  add("list", "Print all of them", nullptr, &List);
  add("set", "Set some", "KEY=VALUE", &Set);
  add("unset", "Remove some", "KEY", &Unset);
}

}  // namespace tarn::cli
