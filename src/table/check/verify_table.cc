// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <mutex>

#include "arrow/api.h"
#include "base/parallel.h"
#include "format/storable_schema.h"
#include "iceberg/table_metadata.h"
#include "parquet/metadata.h"
#include "table/check/verify_deletes.h"
#include "table/check/verify_metadata.h"
#include "table/current_properties.h"
#include "table/file/file_reader.h"
#include "table/file_metrics.h"
#include "tarn/ailake_file.h"
#include "tarn/table_info.h"

namespace tarn {
namespace {

/// Checks one data file against its manifest entry. Messages come in the order of the structures.
class DataFileCheck {
 public:
  DataFileCheck(std::shared_ptr<Store> store, const iceberg::TableMetadata& metadata,
                const std::vector<VectorStoragePolicy>& policies, const iceberg::DataFile& file)
      : store_(std::move(store)), metadata_(metadata), policies_(policies), file_(file) {}

  std::vector<Finding> Run() {
    auto path = store_->PathOf(file_.file_path);
    path_ = path.ok() ? *path : file_.file_path;
    if (!path.ok()) {
      Find("data file: ", path.status().message());
      return std::move(findings_);
    }
    if (!CheckSize()) return std::move(findings_);
    auto reader = AilakeFileReader::Open(store_, path_);
    if (!reader.ok()) {
      Find("data file: ", reader.status().message());
      return std::move(findings_);
    }
    CheckFooter(**reader);
    CheckVectorColumns(**reader);
    if (const Status status = (*reader)->Verify(); !status.ok()) Find(status.message());
    CheckRows(**reader);
    return std::move(findings_);
  }

 private:
  template <typename... Parts>
  void Find(Parts&&... parts) {
    std::string message = Error(ErrorKind::kCorrupt, std::forward<Parts>(parts)...).message();
    // Lower layers name the file themselves; once is enough.
    for (const std::string& named : {path_ + ": ", "file '" + path_ + "': "}) {
      for (size_t at; (at = message.find(named)) != std::string::npos;)
        message.erase(at, named.size());
    }
    findings_.push_back({path_, std::move(message)});
  }

  bool CheckSize() {
    const auto info = store_->Stat(path_);
    if (!info.ok()) {
      Find("data file: ", info.status().message());
      return false;
    }
    if (static_cast<int64_t>(info->size) != file_.file_size_in_bytes) {
      Find("data file has ", info->size, " bytes, the manifest says ", file_.file_size_in_bytes);
      return false;
    }
    return true;
  }

  void CheckFooter(const AilakeFileReader& reader);
  std::vector<std::string> FooterProblems(const AilakeFileReader& reader,
                                          const iceberg::Schema& schema, bool ours);
  std::string NameInTable(const AilakeFileReader& reader, const std::string& name) const;
  bool WasDropped(const AilakeFileReader& reader, const std::string& name) const;
  void CheckVectorColumns(const AilakeFileReader& reader);
  void CheckRows(const AilakeFileReader& reader);

  std::shared_ptr<Store> store_;
  const iceberg::TableMetadata& metadata_;
  const std::vector<VectorStoragePolicy>& policies_;
  const iceberg::DataFile& file_;
  std::string path_;
  std::vector<Finding> findings_;
};

void DataFileCheck::CheckFooter(const AilakeFileReader& reader) {
  if (reader.rows() != file_.record_count) {
    Find("Parquet footer: the file has ", reader.rows(), " rows, the manifest says ",
         file_.record_count);
  }
  const auto columns = reader.vector_columns();
  const bool ours = FileReader::Of(reader).file().data_checksum.has_value() &&
                    std::none_of(columns.begin(), columns.end(),
                                 [](const auto& column) { return column.foreign_pages; });
  const auto problems = FooterProblems(reader, metadata_.CurrentSchema(), ours);
  if (problems.empty()) return;
  // A file of ours was written under one of the table's schemas, not always the current one.
  for (const auto& schema : metadata_.schemas) {
    if (ours && FooterProblems(reader, schema, ours).empty()) return;
  }
  for (const auto& problem : problems) Find(problem);
}

/// What does not fit between the footer and the manifest, under a schema.
std::vector<std::string> DataFileCheck::FooterProblems(const AilakeFileReader& reader,
                                                       const iceberg::Schema& schema, bool ours) {
  std::vector<std::string> problems;
  const auto expected =
      DataFileFromFooter(*reader.parquet_metadata(), file_.file_size_in_bytes, schema,
                         ours ? UnknownColumns::kRefuse : UnknownColumns::kLeaveOut);
  if (!expected.ok()) return {"Parquet footer: " + expected.status().message()};
  const auto compare = [&](const std::string& what, const auto& in_manifest,
                           const auto& in_footer) {
    for (const auto& [id, value] : in_manifest) {
      const auto found = in_footer.find(id);
      if (found != in_footer.end() && found->second != value) {
        problems.push_back("manifest entry: " + what + " of field " + std::to_string(id) +
                           " do not fit the Parquet footer");
      }
    }
  };
  // Other engines count and cut differently, but counts of values and nulls are facts.
  compare("value counts", file_.value_counts, expected->value_counts);
  compare("null value counts", file_.null_value_counts, expected->null_value_counts);
  if (!ours || reader.vector_columns().empty()) return problems;
  compare("column sizes", file_.column_sizes, expected->column_sizes);
  compare("lower bounds", file_.lower_bounds, expected->lower_bounds);
  compare("upper bounds", file_.upper_bounds, expected->upper_bounds);
  if (file_.split_offsets != expected->split_offsets) {
    problems.emplace_back("manifest entry: split offsets do not fit the Parquet footer");
  }
  return problems;
}

/// What the table calls a column of the file now.
std::string DataFileCheck::NameInTable(const AilakeFileReader& reader,
                                       const std::string& name) const {
  const auto column = reader.schema()->GetFieldByName(name);
  const auto id = column ? format::FieldIdOf(*column) : Result<int32_t>(-1);
  const auto* field = id.ok() ? metadata_.CurrentSchema().FindField(*id) : nullptr;
  return field != nullptr ? field->name : name;
}

/// Whether the table had the column of the file once, and has it no more.
bool DataFileCheck::WasDropped(const AilakeFileReader& reader, const std::string& name) const {
  const auto column = reader.schema()->GetFieldByName(name);
  const int32_t id = column ? format::FieldIdOf(*column).ValueOr(-1) : -1;
  const auto has = [&](const iceberg::Schema& schema) { return schema.FindField(id) != nullptr; };
  return id >= 0 && !has(metadata_.CurrentSchema()) &&
         std::any_of(metadata_.schemas.begin(), metadata_.schemas.end(), has);
}

void DataFileCheck::CheckVectorColumns(const AilakeFileReader& reader) {
  for (const auto& column : reader.vector_columns()) {
    const std::string name = NameInTable(reader, column.policy.column_name);
    const auto policy = std::find_if(policies_.begin(), policies_.end(),
                                     [&](const auto& p) { return p.column_name == name; });
    // Another column may have taken the name since.
    const bool dropped = WasDropped(reader, column.policy.column_name);
    if (!dropped && policy == policies_.end()) {
      Find("vector column '", column.policy.column_name, "' is not one of the table's");
    } else if (!dropped &&
               (policy->dim != column.policy.dim || policy->metric != column.policy.metric ||
                policy->precision != column.policy.precision)) {
      Find("vector column '", column.policy.column_name,
           "': dimension, metric or precision is not the table's");
    }
    if (column.has_index &&
        column.indexed_rows + column.rows_without_vector != static_cast<uint64_t>(reader.rows())) {
      Find("vector column '", column.policy.column_name, "': the index has ", column.indexed_rows,
           " rows and ", column.rows_without_vector, " have no vector, but the file has ",
           reader.rows());
    }
  }
}

/// Decodes every column: what no checksum covers still has to parse.
void DataFileCheck::CheckRows(const AilakeFileReader& reader) {
  for (const auto& field : reader.schema()->fields()) {
    const auto table = reader.ReadAll({field->name()});
    if (!table.ok()) {
      Find("Parquet column '", field->name(), "': ", table.status().message());
      continue;
    }
    if ((*table)->num_rows() != reader.rows()) {
      Find("Parquet column '", field->name(), "' has ", (*table)->num_rows(),
           " rows, the footer says ", reader.rows());
    } else if (const Status status = (*table)->ValidateFull(); !status.ok()) {
      Find("Parquet column '", field->name(), "': ", status.message());
    }
  }
}

}  // namespace

Result<VerifyReport> VerifyTable(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                                 int threads) {
  ARROW_ASSIGN_OR_RAISE(auto state, catalog->LoadTable(table));
  VerifyReport report;
  const auto files = VerifyMetadata(*catalog, state, &report);
  std::vector<VectorStoragePolicy> policies;
  if (auto properties = CurrentProperties(*state.metadata); properties.ok()) {
    policies = std::move(properties->vectors);
  }
  std::vector<const iceberg::DataFile*> data;
  for (const auto& [uri, file] : files.data) data.push_back(&file);
  std::vector<std::vector<Finding>> findings(data.size());
  ParallelFor(data.size(), 1, ResolveThreads(threads), [&](size_t begin, size_t end, int) {
    for (size_t i = begin; i < end; ++i) {
      findings[i] =
          DataFileCheck(catalog->shared_store(), *state.metadata, policies, *data[i]).Run();
    }
  });
  for (size_t i = 0; i < data.size(); ++i) {
    ++report.data_files;
    report.rows += data[i]->record_count;
    report.bytes += static_cast<uint64_t>(data[i]->file_size_in_bytes);
    report.findings.insert(report.findings.end(), findings[i].begin(), findings[i].end());
  }
  for (const auto& [uri, entries] : files.deletes) {
    ++report.delete_files;
    report.bytes += static_cast<uint64_t>(entries[0].file_size_in_bytes);
    const auto found = VerifyDeleteFile(catalog->shared_store(), *state.metadata, entries);
    report.findings.insert(report.findings.end(), found.begin(), found.end());
  }
  return report;
}

}  // namespace tarn
