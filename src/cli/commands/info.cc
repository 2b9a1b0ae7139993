// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/as_of_options.h"
#include "cli/progress.h"
#include "cli/text_output.h"
#include "tarn/hardware.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"

namespace tarn::cli {
namespace {

std::string Timestamp(int64_t millis) {
  const std::time_t seconds = millis / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &utc);
  return text;
}

std::string DescribePolicy(const VectorStoragePolicy& policy) {
  return "dim " + std::to_string(policy.dim) + ", " + std::string(MetricName(policy.metric)) +
         ", " + std::string(PrecisionName(policy.precision)) +
         (policy.keep_raw_for_reranking ? "" : ", no raw vectors");
}

void PrintSchema(const ReadView& view, std::ostream& out) {
  out << "\nschema\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& field : view.schema()->fields()) {
    std::string vector;
    for (const auto& policy : view.vector_policies()) {
      if (policy.column_name == field->name()) vector = "vector: " + DescribePolicy(policy);
    }
    rows.push_back({"  " + field->name(), field->type()->ToString(),
                    field->nullable() ? "" : "required", vector});
  }
  PrintAligned(rows, {}, out);
}

void PrintSnapshots(const TableInfo& info, size_t limit, std::ostream& out) {
  out << "\nsnapshots (" << info.snapshots.size() << ", newest last)\n";
  std::vector<std::vector<std::string>> rows;
  const size_t first = info.snapshots.size() > limit ? info.snapshots.size() - limit : 0;
  for (size_t i = first; i < info.snapshots.size(); ++i) {
    const auto& snapshot = info.snapshots[i];
    auto summary = [&](const char* key) {
      auto it = snapshot.summary.find(key);
      return it == snapshot.summary.end() ? std::string("0") : it->second;
    };
    rows.push_back({"  " + std::to_string(snapshot.id.value()), Timestamp(snapshot.timestamp_ms),
                    snapshot.operation, "+" + summary("added-records") + " rows",
                    "in " + summary("added-data-files") + " files",
                    snapshot.id == info.current ? "current" : ""});
  }
  PrintAligned(rows, {}, out);
}

struct IndexTotals {
  uint64_t bytes = 0;
  uint64_t indexed = 0;
  /// By codebook: files, rows, and the sum of drift times rows.
  struct Coded {
    size_t files = 0;
    uint64_t rows = 0;
    double drift = 0;
  };
  std::map<std::string, Coded> codebooks;
  uint64_t without_vector = 0;
  size_t files_indexed = 0;
};

/// Which codebooks the files are coded with, and how well they fit the rows.
void PrintCodebooks(const TableInfo& info, const std::map<std::string, IndexTotals>& totals,
                    std::ostream& out) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [column, total] : totals) {
    for (const auto& [fingerprint, coded] : total.codebooks) {
      std::string name = "not shared";
      for (const auto& shared : info.codebooks) {
        if (shared.column == column && shared.fingerprint == fingerprint) {
          name = "codebook " + std::to_string(shared.id);
        }
      }
      char drift[32];
      std::snprintf(drift, sizeof(drift), "drift %.3f",
                    coded.rows > 0 ? coded.drift / static_cast<double>(coded.rows) : 1.0);
      rows.push_back({"  " + column, name, fingerprint, std::to_string(coded.files) + " files",
                      WithThousands(static_cast<int64_t>(coded.rows)) + " rows", drift});
    }
  }
  if (rows.empty()) return;
  out << "\ncodebooks (drift: coding error over that of the rows trained on)\n";
  PrintAligned(rows, {}, out);
}

/// "150", or, where rows are deleted, "150 (155 in files, 5 deleted)".
Result<std::string> DescribeRows(const ReadView& view) {
  ARROW_ASSIGN_OR_RAISE(const int64_t live, view.CountLiveRows());
  if (live == view.rows()) return WithThousands(live);
  return WithThousands(live) + " (" + WithThousands(view.rows()) + " in files, " +
         WithThousands(view.rows() - live) + " deleted)";
}

void PrintDeleteFiles(const ReadView& view, size_t limit, std::ostream& out) {
  const auto& files = view.delete_files();
  if (files.empty()) return;
  out << "\ndelete files (" << files.size() << ")\n";
  std::vector<std::vector<std::string>> rows{{"  path", "deletes", "kind"}};
  for (size_t i = 0; i < std::min(files.size(), limit); ++i) {
    const char* kind = files[i].kind == ViewDeleteFile::Kind::kVector      ? "deletion vector"
                       : files[i].kind == ViewDeleteFile::Kind::kPositions ? "positions"
                                                                           : "equality";
    rows.push_back({"  " + files[i].path, WithThousands(files[i].records), kind});
  }
  PrintAligned(rows, {false, true, false}, out);
  if (files.size() > limit) out << "  ... " << files.size() - limit << " more (--all shows them)\n";
}

/// The rows of a file, and how many of them are deleted.
Result<std::string> RowsOfFile(const ReadView& view, size_t file) {
  ARROW_ASSIGN_OR_RAISE(const auto live, view.LiveRows(file));
  const int64_t rows = view.files()[file].rows;
  if (live == nullptr) return WithThousands(rows);
  return WithThousands(rows) + " - " + WithThousands(rows - static_cast<int64_t>(live->count));
}

Status PrintFiles(const TableInfo& info, const ReadView& view, size_t limit, std::ostream& out) {
  out << "\nfiles (" << view.files().size() << ")\n";
  std::vector<std::vector<std::string>> rows{
      {"  path", view.delete_files().empty() ? "rows" : "rows - deleted", "size", "index"}};
  std::map<std::string, IndexTotals> totals;
  for (size_t f = 0; f < view.files().size(); ++f) {
    const auto& file = view.files()[f];
    ARROW_ASSIGN_OR_RAISE(auto reader, view.OpenFile(f));
    std::string state;
    for (const auto& column : reader->vector_columns()) {
      auto& total = totals[column.policy.column_name];
      total.bytes += column.section_bytes;
      total.indexed += column.indexed_rows;
      total.without_vector += column.rows_without_vector;
      total.files_indexed += column.has_index;
      if (!column.codebook.empty()) {
        auto& coded = total.codebooks[column.codebook];
        ++coded.files;
        coded.rows += column.indexed_rows;
        coded.drift += column.codebook_drift * static_cast<double>(column.indexed_rows);
      }
      state += (state.empty() ? "" : "; ") + column.policy.column_name + ": ";
      state += column.has_index ? std::string(IndexTypeName(column.index_type)) + ", " +
                                      HumanBytes(column.section_bytes)
                                : std::string("none, scanned");
    }
    if (f < limit) {
      ARROW_ASSIGN_OR_RAISE(auto count, RowsOfFile(view, f));
      rows.push_back({"  " + file.path, std::move(count), HumanBytes(file.size), state});
    }
  }
  PrintAligned(rows, {false, true, true, false}, out);
  if (view.files().size() > limit)
    out << "  ... " << view.files().size() - limit << " more (--all shows them)\n";
  if (!totals.empty()) out << "\nindexes\n";
  for (const auto& [column, total] : totals) {
    out << "  " << column << ": " << total.files_indexed << " of " << view.files().size()
        << " files indexed, " << WithThousands(static_cast<int64_t>(total.indexed)) << " rows, "
        << HumanBytes(total.bytes) << ", "
        << WithThousands(static_cast<int64_t>(total.without_vector))
        << " rows without a usable vector\n";
  }
  PrintCodebooks(info, totals, out);
  return Status::OK();
}

Status Info(Session& session, const std::string& table, const AsOfOptions& as_of_options,
            bool all) {
  const size_t limit = all ? SIZE_MAX : 20;
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(table));
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(auto info, DescribeTable(*catalog, ident));
  ARROW_ASSIGN_OR_RAISE(auto as_of, as_of_options.Get());
  ARROW_ASSIGN_OR_RAISE(auto view, ReadView::Open(catalog, ident, nullptr, as_of));
  ARROW_ASSIGN_OR_RAISE(const auto rows, DescribeRows(*view));
  auto& out = session.out();
  out << "table      " << ident.ToString() << "\nuuid       " << info.uuid << "\nlocation   "
      << info.location << "\nmetadata   " << info.metadata_path << " (Iceberg v"
      << info.format_version << ")\nupdated    " << Timestamp(info.last_updated_ms)
      << "\nrows       " << rows << '\n';
  PrintSchema(*view, out);
  PrintSnapshots(info, limit, out);
  PrintDeleteFiles(*view, limit, out);
  return PrintFiles(info, *view, limit, out);
}

Status PrintHardware(Session& session) {
  const Hardware& hardware = Hardware::Detect();
  const IndexType choice = ChooseIndexType(IndexType::kAuto, kAutoIvfPqVectors, hardware);
  session.out() << "cores      " << hardware.cores << " (" << hardware.cores_from
                << ")\ngpus       " << hardware.gpus << " (" << hardware.gpus_from
                << ")\nauto index " << IndexTypeName(choice) << " from "
                << WithThousands(kAutoIvfPqVectors) << " vectors on, "
                << IndexTypeName(IndexType::kHnsw) << " below\n";
  return Status::OK();
}

}  // namespace

void AddInfo(CLI::App& app, Session& session) {
  struct Options {
    std::string table;
    AsOfOptions as_of;
    bool all = false;
    bool hardware = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("info", "Describe a table: schema, snapshots, files, indexes");
  auto* table = command->add_option("table", options->table, "namespace.table");
  command
      ->add_flag("--hardware", options->hardware,
                 "What this process may use, and which index type `auto` stands for")
      ->excludes(table);
  command->add_flag("--all", options->all, "Every snapshot and file, not only the first 20");
  options->as_of.AddTo(*command);
  command->callback([&session, options] {
    if (options->table.empty() && !options->hardware) {
      throw CLI::RequiredError("a table, or --hardware");
    }
    session.action = [&session, options] {
      return options->hardware ? PrintHardware(session)
                               : Info(session, options->table, options->as_of, options->all);
    };
  });
}

}  // namespace tarn::cli
