// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/batch_input.h"
#include "cli/vector_options.h"
#include "tarn/table_writer.h"

namespace tarn::cli {

void AddCreate(CLI::App& app, Session& session) {
  struct Options {
    std::string table;
    std::string like;
    VectorOptions vectors;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("create", "Make an empty table");
  command->add_option("table", options->table, "namespace.table")->required();
  command
      ->add_option("--like", options->like,
                   "Take the columns from this Parquet, Arrow, NDJSON or CSV file")
      ->type_name("FILE");
  options->vectors.AddTo(*command);
  command->footer(
      "The columns beside the vectors are those of --like, or else of the first batch that is "
      "written.\n\n"
      "Examples:\n"
      "  tarn create default.docs --vector embedding --dim 384 --metric cosine\n"
      "  tarn create shop.items --vector text --dim 768 --add-vector image:512:dot_product:f16\n"
      "  tarn create default.plain");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options->table));
      ARROW_ASSIGN_OR_RAISE(auto properties, options->vectors.ToProperties());
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
      if (options->like.empty()) {
        ARROW_RETURN_NOT_OK(catalog->CreateTable(ident, properties));
      } else {
        ARROW_ASSIGN_OR_RAISE(auto input, OpenBatchInput(options->like, InputFormat::kDetect));
        ARROW_RETURN_NOT_OK(
            CreateTableWithSchema(*catalog, ident, properties, *input.reader->schema()));
      }
      session.out() << "created " << ident.ToString() << '\n';
      return Status::OK();
    };
  });
}

}  // namespace tarn::cli
