// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/vector_options.h"

namespace tarn::cli {

void AddCreate(CLI::App& app, Session& session) {
  struct Options {
    std::string table;
    VectorOptions vectors;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("create", "Make an empty table");
  command->add_option("table", options->table, "namespace.table")->required();
  options->vectors.AddTo(*command);
  command->footer(
      "The columns beside the vectors are those of the first batch that is written.\n\n"
      "Examples:\n"
      "  tarn create default.docs --vector embedding --dim 384 --metric cosine\n"
      "  tarn create shop.items --vector text --dim 768 --add-vector image:512:dot_product:f16\n"
      "  tarn create default.plain");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options->table));
      ARROW_ASSIGN_OR_RAISE(auto properties, options->vectors.ToProperties());
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
      ARROW_RETURN_NOT_OK(catalog->CreateTable(ident, properties));
      session.out() << "created " << ident.ToString() << '\n';
      return Status::OK();
    };
  });
}

}  // namespace tarn::cli
