// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/as_of_options.h"
#include "cli/table_sink.h"
#include "tarn/read_view.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  std::vector<std::string> columns;
  int64_t limit = -1;
  AsOfOptions as_of;
  SinkOptions sink;
};

Status Scan(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(auto as_of, options.as_of.Get());
  ARROW_ASSIGN_OR_RAISE(auto view, ReadView::Open(catalog, ident, nullptr, as_of));
  ARROW_ASSIGN_OR_RAISE(auto reader, view->Scan(options.columns));
  ARROW_ASSIGN_OR_RAISE(auto sink, TableSink::Open(options.sink, reader->schema(), session.out()));
  int64_t left = options.limit < 0 ? INT64_MAX : options.limit;
  while (left > 0) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (!batch) break;
    if (batch->num_rows() > left) batch = batch->Slice(0, left);
    left -= batch->num_rows();
    ARROW_RETURN_NOT_OK(sink->Write(*batch));
  }
  return sink->Close();
}

}  // namespace

void AddScan(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("scan", "Print the rows of a table");
  command->add_option("table", options->table, "namespace.table")->required();
  command
      ->add_option("--columns", options->columns,
                   "Columns to print, separated by commas; all by default")
      ->delimiter(',');
  command->add_option("--limit", options->limit, "Rows to print at most (-1: all)");
  options->as_of.AddTo(*command);
  options->sink.AddTo(*command);
  command->footer(
      "Examples:\n"
      "  tarn scan default.docs --columns id,title --limit 20\n"
      "  tarn scan default.docs --json | jq .title\n"
      "  tarn scan default.docs --as-of 2026-11-21T10:30:00Z\n"
      "  tarn scan default.docs --out docs.parquet");
  command->callback([&session, options] {
    session.action = [&session, options] { return Scan(session, *options); };
  });
}

}  // namespace tarn::cli
