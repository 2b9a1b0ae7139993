// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/as_of_options.h"
#include "cli/query_source.h"
#include "cli/table_sink.h"
#include "cli/where_option.h"
#include "tarn/search_session.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  QuerySource queries;
  SearchRequest request;
  SinkOptions sink;
  int threads = 0;
  AsOfOptions as_of;
  WhereOption where;
};

Result<VectorStoragePolicy> PolicyOf(const ReadView& view, const std::string& column) {
  const auto& policies = view.vector_policies();
  if (policies.empty()) return Error(ErrorKind::kBadInput, "the table has no vector column");
  if (column.empty()) return policies[0];
  for (const auto& policy : policies) {
    if (policy.column_name == column) return policy;
  }
  return Error(ErrorKind::kBadInput, "the table has no vector column '", column, "'");
}

/// Several queries share one output: `_query` says which a row answers.
Result<std::shared_ptr<arrow::Table>> WithQueryNumber(const std::shared_ptr<arrow::Table>& table,
                                                      int64_t query) {
  arrow::Int64Builder numbers;
  ARROW_RETURN_NOT_OK(
      numbers.AppendValues(std::vector<int64_t>(static_cast<size_t>(table->num_rows()), query)));
  ARROW_ASSIGN_OR_RAISE(auto array, numbers.Finish());
  return table->AddColumn(0, arrow::field("_query", arrow::int64(), false),
                          std::make_shared<arrow::ChunkedArray>(std::move(array)));
}

Status WriteTable(const arrow::Table& table, TableSink& sink) {
  arrow::TableBatchReader batches(table);
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(auto batch, batches.Next());
    if (!batch) return Status::OK();
    ARROW_RETURN_NOT_OK(sink.Write(*batch));
  }
}

Status Search(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(auto as_of, options.as_of.Get());
  ARROW_ASSIGN_OR_RAISE(
      auto search,
      SearchSession::Open(catalog, ident, {.threads = options.threads, .as_of = std::move(as_of)}));
  const auto view = search->view();
  ARROW_ASSIGN_OR_RAISE(auto policy, PolicyOf(*view, options.request.column));
  ARROW_ASSIGN_OR_RAISE(auto queries, options.queries.Read(*view, policy));
  SearchRequest request = options.request;
  ARROW_ASSIGN_OR_RAISE(request.filter, options.where.Filter(*view));
  const bool several = !options.queries.file.empty();
  const auto dim = static_cast<size_t>(policy.dim);
  std::unique_ptr<TableSink> sink;
  for (size_t q = 0; q < queries.size() / dim; ++q) {
    auto found = search->Search(std::span(queries).subspan(q * dim, dim), request);
    if (!found.ok())
      return several ? WithContext(found.status(), "query " + std::to_string(q)) : found.status();
    std::shared_ptr<arrow::Table> table = *found;
    if (several) {
      ARROW_ASSIGN_OR_RAISE(table, WithQueryNumber(table, static_cast<int64_t>(q)));
    }
    if (!sink) {
      ARROW_ASSIGN_OR_RAISE(sink, TableSink::Open(options.sink, table->schema(), session.out()));
    }
    ARROW_RETURN_NOT_OK(WriteTable(*table, *sink));
  }
  return sink ? sink->Close() : Status::OK();
}

}  // namespace

void AddSearch(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("search", "Find the nearest rows");
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_option("--vector", options->queries.vector,
                      "The query: \"[0.1, 0.2, ...]\", or @FILE holding it");
  command->add_option("--like-id", options->queries.like_id,
                      "Use the embedding of the row with this id");
  command->add_option(
      "--id-column", options->queries.id_column,
      "Where --like-id looks; by default 'id', or the first column named so at its end");
  command
      ->add_option("--queries", options->queries.file,
                   "Many queries: .npy, Parquet, Arrow or NDJSON")
      ->type_name("FILE");
  command->add_option("--column", options->request.column,
                      "Vector column; by default the primary one");
  command->add_option("--k", options->request.k, "Rows to find");
  command->add_option("--nprobe", options->request.nprobe,
                      "Inverted lists looked into, in files that have them (0: default)");
  command->add_option("--ef", options->request.ef,
                      "Candidates kept: more finds better and takes longer (0: default)");
  command->add_flag("--exact", options->request.exact,
                    "Compare with every row instead of using indexes");
  command
      ->add_option("--columns", options->request.columns,
                   "Columns to print, separated by commas; by default all but the vectors")
      ->delimiter(',');
  options->where.AddTo(*command, "Search only among the rows for which this is true");
  command->add_option("--threads", options->threads,
                      "Threads of one query over several files (0: all)");
  options->as_of.AddTo(*command);
  options->sink.AddTo(*command);
  command->footer(
      std::string(
          "_distance is smaller for nearer rows: 1 - cos for cosine, the Euclidean distance for "
          "euclidean, minus the\n"
          "inner product for dot_product. _file and _pos say where a row lies.\n\n") +
      kPredicateHelp +
      "\nExamples:\n"
      "  tarn search default.docs --like-id n-02084071 --k 5\n"
      "  tarn search default.docs --vector @query.json --columns id,title --json\n"
      "  tarn search default.docs --like-id 42 --where \"lang = 'en' AND year >= 2020\"\n"
      "  tarn search default.docs --queries queries.npy --k 100 --out neighbours.parquet");
  command->callback([&session, options] {
    session.action = [&session, options] { return Search(session, *options); };
  });
}

}  // namespace tarn::cli
