// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <span>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/as_of_options.h"
#include "cli/table_sink.h"
#include "cli/where_option.h"
#include "tarn/read_view.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  std::vector<std::string> columns;
  int64_t limit = -1;
  AsOfOptions as_of;
  SinkOptions sink;
  WhereOption where;
};

/// Rows that are read at once.
constexpr size_t kChunkRows = 65536;

/// The filter's rows of one file, in their order.
Status WriteRows(const ReadView& view, const RowFilter& filter, size_t file,
                 const std::vector<std::string>& columns, int64_t* left, TableSink& sink) {
  std::vector<uint32_t> rows;
  const auto words = filter.words(file);
  for (size_t w = 0; w < words.size() && static_cast<int64_t>(rows.size()) < *left; ++w) {
    for (uint64_t rest = words[w]; rest != 0; rest &= rest - 1) {
      rows.push_back(static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(rest))));
    }
  }
  rows.resize(std::min(rows.size(), static_cast<size_t>(*left)));
  *left -= static_cast<int64_t>(rows.size());
  for (size_t at = 0; at < rows.size(); at += kChunkRows) {
    const auto some = std::span(rows).subspan(at, std::min(kChunkRows, rows.size() - at));
    ARROW_ASSIGN_OR_RAISE(const auto table, view.ReadRows(file, some, columns));
    arrow::TableBatchReader batches(*table);
    for (;;) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
      if (!batch) break;
      ARROW_RETURN_NOT_OK(sink.Write(*batch));
    }
  }
  return Status::OK();
}

Status Scan(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(auto as_of, options.as_of.Get());
  ARROW_ASSIGN_OR_RAISE(auto view, ReadView::Open(catalog, ident, nullptr, as_of));
  ARROW_ASSIGN_OR_RAISE(auto reader, view->Scan(options.columns));
  ARROW_ASSIGN_OR_RAISE(auto sink, TableSink::Open(options.sink, reader->schema(), session.out()));
  int64_t left = options.limit < 0 ? INT64_MAX : options.limit;
  ARROW_ASSIGN_OR_RAISE(const auto filter, options.where.Filter(*view));
  if (filter != nullptr) {
    for (size_t file = 0; file < view->files().size() && left > 0; ++file) {
      ARROW_RETURN_NOT_OK(WriteRows(*view, *filter, file, options.columns, &left, *sink));
    }
    return sink->Close();
  }
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
  options->where.AddTo(*command, "Print only the rows for which this is true");
  options->as_of.AddTo(*command);
  options->sink.AddTo(*command);
  command->footer(std::string(kPredicateHelp) +
                  "\nExamples:\n"
                  "  tarn scan default.docs --columns id,title --limit 20\n"
                  "  tarn scan default.docs --where \"title LIKE 'A%' AND year IS NOT NULL\"\n"
                  "  tarn scan default.docs --json | jq .title\n"
                  "  tarn scan default.docs --as-of 2026-11-21T10:30:00Z\n"
                  "  tarn scan default.docs --out docs.parquet");
  command->callback([&session, options] {
    session.action = [&session, options] { return Scan(session, *options); };
  });
}

}  // namespace tarn::cli
