// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/vector_options.h"
#include "tarn/alter_table.h"

namespace tarn::cli {
namespace {

enum class Kind { kAdd, kAddVector, kDrop, kRename, kWiden, kOptional, kMove, kDoc };

/// The changes as they were typed, in that order.
struct Options {
  std::string table;
  std::vector<std::pair<Kind, std::string>> changes;
};

struct TwoParts {
  std::string first, second;
};

Result<TwoParts> Split(const char* option, const std::string& text, char separator,
                       const char* form) {
  const size_t at = text.find(separator);
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
    return Error(ErrorKind::kBadInput, option, " '", text, "': write ", form);
  }
  return TwoParts{text.substr(0, at), text.substr(at + 1)};
}

Result<TableChange> MoveOf(const std::string& text) {
  constexpr char kForm[] =
      "\"NAME first\", \"NAME last\", \"NAME after OTHER\", \"NAME before OTHER\"";
  ARROW_ASSIGN_OR_RAISE(const auto parts, Split("--move", text, ' ', kForm));
  using Where = ColumnPlace::Where;
  if (parts.second == "first") return MoveColumn{parts.first, {Where::kFirst, ""}};
  if (parts.second == "last") return MoveColumn{parts.first, {Where::kLast, ""}};
  ARROW_ASSIGN_OR_RAISE(const auto place, Split("--move", parts.second, ' ', kForm));
  if (place.first == "after") return MoveColumn{parts.first, {Where::kAfter, place.second}};
  if (place.first == "before") return MoveColumn{parts.first, {Where::kBefore, place.second}};
  return Error(ErrorKind::kBadInput, "--move '", text, "': write ", kForm);
}

Result<TableChange> ChangeOf(Kind kind, const std::string& text) {
  switch (kind) {
    case Kind::kAdd: {
      ARROW_ASSIGN_OR_RAISE(const auto parts, Split("--add", text, ' ', "\"NAME TYPE\""));
      ARROW_ASSIGN_OR_RAISE(auto type, ParseColumnType(parts.second));
      return AddColumn{parts.first, std::move(type)};
    }
    case Kind::kAddVector: {
      ARROW_ASSIGN_OR_RAISE(auto policy, ParseVectorColumn(text));
      return AddVectorColumn{std::move(policy)};
    }
    case Kind::kDrop:
      return DropColumn{text};
    case Kind::kRename: {
      ARROW_ASSIGN_OR_RAISE(const auto parts, Split("--rename", text, '=', "OLD=NEW"));
      return RenameColumn{parts.first, parts.second};
    }
    case Kind::kWiden: {
      ARROW_ASSIGN_OR_RAISE(const auto parts, Split("--widen", text, ' ', "\"NAME TYPE\""));
      ARROW_ASSIGN_OR_RAISE(auto type, ParseColumnType(parts.second));
      return WidenColumn{parts.first, std::move(type)};
    }
    case Kind::kOptional:
      return MakeOptional{text};
    case Kind::kMove:
      return MoveOf(text);
    case Kind::kDoc: {
      ARROW_ASSIGN_OR_RAISE(const auto parts, Split("--doc", text, '=', "NAME=TEXT"));
      return SetColumnDoc{parts.first, parts.second};
    }
  }
  return Error(ErrorKind::kBadInput, "'", text, "'");
}

Status Alter(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  if (options.changes.empty()) {
    return Error(ErrorKind::kBadInput, "say what to change; `tarn alter --help` lists what can be");
  }
  std::vector<TableChange> changes;
  for (const auto& [kind, text] : options.changes) {
    ARROW_ASSIGN_OR_RAISE(auto change, ChangeOf(kind, text));
    changes.push_back(std::move(change));
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_RETURN_NOT_OK(AlterTable(*catalog, ident, changes));
  session.out() << "altered " << ident.ToString() << '\n';
  return Status::OK();
}

}  // namespace

void AddAlter(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("alter", "Change a table's columns");
  command->add_option("table", options->table, "namespace.table")->required();
  const auto add = [&](const char* name, Kind kind, const char* form, const char* help) {
    command
        ->add_option_function<std::string>(
            name,
            [options, kind](const std::string& text) {
              options->changes.push_back({kind, text});
            },
            help)
        ->type_name(form)
        ->trigger_on_parse();
  };
  add("--add", Kind::kAdd, "\"NAME TYPE\"", "A new column; old rows are null");
  add("--add-vector", Kind::kAddVector, "NAME:DIM[:METRIC[:PRECISION]]", "A new embedding column");
  add("--drop", Kind::kDrop, "NAME", "Drop a column");
  add("--rename", Kind::kRename, "OLD=NEW", "Rename a column");
  add("--widen", Kind::kWiden, "\"NAME TYPE\"",
      "int to long, float to double, a decimal to more digits");
  add("--optional", Kind::kOptional, "NAME", "Let a required column be null");
  add("--move", Kind::kMove, "\"NAME WHERE\"", "WHERE: first, last, after OTHER, before OTHER");
  add("--doc", Kind::kDoc, "NAME=TEXT", "Describe a column");
  command->footer(
      "All changes are made in one commit, in the order given; columns have the names they had "
      "before it. No data\n"
      "file is rewritten. Fields of structs are a.b. Types: boolean, int, long, float, double, "
      "date, time,\n"
      "timestamp, timestamptz, string, uuid, binary, decimal(P, S), fixed[N], list<T>, map<K, V>, "
      "struct<name: T, ...>.\n\n"
      "Examples:\n"
      "  tarn alter default.docs --add \"year int\" --move \"year after title\" --rename "
      "body=text\n"
      "  tarn alter default.docs --add-vector image:512:dot_product:f16\n"
      "  tarn alter default.docs --drop draft --widen \"views long\"");
  command->callback([&session, options] {
    session.action = [&session, options] { return Alter(session, *options); };
  });
}

}  // namespace tarn::cli
