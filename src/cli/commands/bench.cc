// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/bench_ann.h"
#include "cli/bench_commits.h"
#include "cli/bench_deferred.h"
#include "cli/bench_ingest.h"
#include "cli/bench_open.h"
#include "cli/bench_truth.h"
#include "cli/bench_write.h"

namespace tarn::cli {
namespace {

void AddBenchAnn(CLI::App& bench, Session& session) {
  struct Options {
    BenchAnnOptions ann;
    std::string metric = "cosine";
    std::string precision = "f32";
    std::string index = "hnsw";
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      bench.add_subcommand("ann", "Recall against speed of nearest-neighbour search");
  command->add_option("--base", options->ann.base, "Vectors, .npy (f32 or f16)")->required();
  command->add_option("--queries", options->ann.queries, "Queries, .npy")->required();
  command->add_option(
      "--truth", options->ann.truth,
      "Row numbers of each query's neighbours, nearest first, .npy; by default, and "
      "under a filter, they are found by exact search");
  command->add_option("--metric", options->metric,
                      "cosine, euclidean, dot_product or normalized_cosine");
  command->add_option("--precision", options->precision, "f32, f16 or i8: how rows are stored");
  command->add_option("--index", options->index, "hnsw, ivf_pq or flat");
  command->add_option("--files", options->ann.files, "Files that share the rows");
  command->add_flag("--fan-out", options->ann.fan_out,
                    "Search every file alone with the whole effort and merge, for comparison");
  command->add_option("--table", options->ann.table,
                      "Folder to keep the table in; one that is there is searched as it is");
  command->add_option("--filter", options->ann.filter, "Share of the rows that a filter keeps");
  command->add_option("--deleted", options->ann.deleted, "Share of the rows that are taken away");
  command->add_option("--hnsw-m", options->ann.hnsw.m, "Half the links of a row");
  command->add_option("--ef-construction", options->ann.hnsw.ef_construction,
                      "Candidates kept while building");
  command->add_option("--build-threads", options->ann.build_threads,
                      "Threads of the build (0: all)");
  command
      ->add_option("--ef", options->ann.efs,
                   "Values of ef to try; by default a sweep up to recall .995")
      ->delimiter(',');
  command
      ->add_option("--nprobes", options->ann.nprobes,
                   "Numbers of inverted lists to try, each with each ef")
      ->delimiter(',');
  command->add_option("--passes", options->ann.passes, "Times to ask; the fastest counts");
  command->add_option("--query-begin", options->ann.query_begin, "First query to use");
  command->add_option("--query-end", options->ann.query_end, "Query to stop before (0: all)");
  command->add_flag("--json", options->ann.json, "Print one JSON object");
  command->footer(
      "k = 10; ties with the tenth neighbour count as right; one search thread. The vectors are "
      "written to a table\n"
      "in a temporary folder (or that of --table) and searched there, as every other table is.\n\n"
      "Prints n, dim, metric, build_seconds, index_bytes and for each setting its recall, qps, "
      "p50_us and p99_us.");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(options->ann.metric, ParseMetric(options->metric));
      ARROW_ASSIGN_OR_RAISE(options->ann.precision, ParsePrecision(options->precision));
      ARROW_ASSIGN_OR_RAISE(options->ann.index, ParseIndexType(options->index));
      ARROW_RETURN_NOT_OK(options->ann.hnsw.Validate());
      return RunBenchAnn(options->ann, session.out());
    };
  });
}

void AddBenchTruth(CLI::App& bench, Session& session) {
  struct Options {
    BenchTruthOptions truth;
    std::string metric = "cosine";
    std::string precision = "f32";
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      bench.add_subcommand("truth", "The exact nearest rows of many queries, and their speed");
  command->add_option("--base", options->truth.base, "Vectors, .npy (f32 or f16)")->required();
  command->add_option("--queries", options->truth.queries, "Queries, .npy")->required();
  command->add_option("--out", options->truth.out, "Row numbers to write, .npy, nearest first");
  command->add_option("--metric", options->metric,
                      "cosine, euclidean, dot_product or normalized_cosine");
  command->add_option("--precision", options->precision, "f32, f16 or i8: how rows are stored");
  command->add_option("--k", options->truth.k, "Rows for each query");
  command->add_option("--threads", options->truth.threads, "Threads (0: all)");
  command->add_option("--passes", options->truth.passes, "Times to ask; the fastest counts");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(options->truth.metric, ParseMetric(options->metric));
      ARROW_ASSIGN_OR_RAISE(options->truth.precision, ParsePrecision(options->precision));
      return RunBenchTruth(options->truth, session.out());
    };
  });
}

void AddBenchWrite(CLI::App& bench, Session& session) {
  auto options = std::make_shared<BenchWriteOptions>();
  CLI::App* command = bench.add_subcommand("write", "Speed of writing one data file");
  command->add_option("input", options->input, "Rows to write: Parquet, Arrow, NDJSON or CSV")
      ->required();
  command->add_option("--vector", options->column, "The embedding column")->required();
  command->add_option("--out", options->folder, "Folder to write into")->required();
  command->add_option("--index", options->index, "none, hnsw or flat");
  command->add_option("--rounds", options->rounds, "Files to write, one after the other");
  command->callback([&session, options] {
    session.action = [&session, options] { return RunBenchWrite(*options, session.out()); };
  });
}

void AddBenchOpen(CLI::App& bench, Session& session) {
  auto options = std::make_shared<BenchOpenOptions>();
  CLI::App* command = bench.add_subcommand(
      "open", "Time from nothing to the first answer, and the memory it takes");
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_option("--queries", options->queries, "Queries, .npy; the first one is asked")
      ->required();
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      return RunBenchOpen(*options, std::move(catalog), session.out());
    };
  });
}

void AddBenchCommits(CLI::App& bench, Session& session) {
  auto options = std::make_shared<BenchCommitsOptions>();
  CLI::App* command =
      bench.add_subcommand("commits", "Time of small commits, and how it grows with their number");
  command->add_option("table", options->table, "namespace.table to make")->required();
  command->add_option("--rows", options->rows, "Rows of a commit");
  command->add_option("--commits", options->commits, "Commits, one after the other");
  command->add_option("--dim", options->dim, "Dimension of the rows' embeddings (0: none)");
  command->add_flag("--index", options->index,
                    "After each commit, another one that gives its file an index");
  command->add_option("--pause-ms", options->pause_ms, "Time between two commits");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
      return RunBenchCommits(*options, std::move(catalog), session.out());
    };
  });
}

void AddBenchDeferred(CLI::App& bench, Session& session) {
  auto options = std::make_shared<BenchDeferredOptions>();
  CLI::App* command = bench.add_subcommand(
      "deferred", "Speed of taking in rows whose indexes are built later, beside plain files");
  command->add_option("table", options->table, "namespace.table to make")->required();
  command->add_option("--base", options->base, "Embeddings, .npy")->required();
  command->add_option("--batch-rows", options->batch_rows, "Rows of a batch, which is one commit");
  command->add_option("--out", options->folder, "Folder for the plain files")->required();
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
      return RunBenchDeferred(*options, std::move(catalog), session.out());
    };
  });
}

void AddBenchIngest(CLI::App& bench, Session& session) {
  auto options = std::make_shared<BenchIngestOptions>();
  CLI::App* command =
      bench.add_subcommand("ingest", "Time of small batches that are taken in through a memtable");
  command->add_option("table", options->table, "namespace.table to make")->required();
  command->add_option("--base", options->base, "Embeddings, .npy")->required();
  command->add_option("--rows", options->rows, "Rows of a call");
  command->add_option("--calls", options->calls, "Calls, of all threads together");
  command->add_option("--threads", options->threads, "Threads that insert at the same time");
  command->add_option("--sync", options->sync, "every, interval or none: when the log is synced");
  command->add_option(
      "--out", options->folder,
      "Folder for a plain file that is written and synced as often, to compare with");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
      return RunBenchIngest(*options, std::move(catalog), session.out());
    };
  });
}

}  // namespace

void AddBench(CLI::App& app, Session& session) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine and this build");
  bench->require_subcommand(1);
  AddBenchAnn(*bench, session);
  AddBenchTruth(*bench, session);
  AddBenchWrite(*bench, session);
  AddBenchOpen(*bench, session);
  AddBenchCommits(*bench, session);
  AddBenchDeferred(*bench, session);
  AddBenchIngest(*bench, session);
}

}  // namespace tarn::cli
