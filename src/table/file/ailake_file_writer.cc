// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "arrow/api.h"
#include "base/crash_point.h"
#include "format/embedding_list.h"
#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "format/storable_array.h"
#include "format/storable_schema.h"
#include "table/file/file_layout.h"
#include "table/file/vector_sections.h"
#include "tarn/ailake_file.h"

namespace tarn {
namespace {

CrashPoint kFileWriteOpened("file/write/opened");
CrashPoint kFileWriteRows("file/write/rows");
CrashPoint kFileWriteSections("file/write/sections");
CrashPoint kFileWriteDurable("file/write/durable");

struct WriteOptions {
  HnswConfig hnsw;
  IvfPqConfig ivf_pq;
  IndexType index_type = IndexType::kHnsw;
  std::optional<Hardware> hardware;
  std::map<std::string, std::shared_ptr<const index::Codebook>> codebooks;
  int threads = 0;
  int64_t row_group_rows = 0;
  std::map<std::string, std::pair<int32_t, int32_t>> vector_field_ids;
  bool build_indexes = true;
  std::map<std::string, std::string> footer_keys;

  IndexRequest RequestFor(const ColumnToWrite& column) const {
    IndexRequest request;
    const auto& stored = column.stored();
    request.type = index_type;
    if (index_type == IndexType::kAuto) {
      request.type = ChooseIndexType(index_type, stored.rows() - stored.null_count(),
                                     hardware ? *hardware : Hardware::Detect());
    }
    request.hnsw = hnsw;
    request.ivf_pq = ivf_pq;
    if (const auto& pq = column.policy().pq; pq && request.ivf_pq.m == 0) {
      request.ivf_pq.m = pq->num_subvectors;
      request.ivf_pq.bits = pq->bits;
    }
    const auto codebook = codebooks.find(column.policy().column_name);
    if (codebook != codebooks.end()) request.codebook = codebook->second;
    request.threads = threads;
    return request;
  }
};

Status CheckOptions(const WriteOptions& options, std::span<const VectorColumn> columns) {
  if (!options.build_indexes) return Status::OK();
  for (const VectorColumn& column : columns) {
    if (options.index_type == IndexType::kIvfPq || options.index_type == IndexType::kAuto) {
      ARROW_RETURN_NOT_OK(options.ivf_pq.Validate(column.policy.dim));
    }
    const auto codebook = options.codebooks.find(column.policy.column_name);
    if (codebook == options.codebooks.end() || codebook->second == nullptr) continue;
    if (codebook->second->dim() != static_cast<uint32_t>(column.policy.dim) ||
        codebook->second->metric() != column.policy.metric) {
      return Error(ErrorKind::kBadInput, "the codebook for '", column.policy.column_name,
                   "' is for dimension ", codebook->second->dim(), " and ",
                   MetricName(codebook->second->metric()), ", the column has ", column.policy.dim,
                   " and ", MetricName(column.policy.metric));
    }
  }
  return options.hnsw.Validate();
}

Status CheckInput(const arrow::RecordBatch& batch, std::span<const VectorColumn> columns) {
  if (batch.num_rows() > static_cast<int64_t>(UINT32_MAX)) {
    return Error(ErrorKind::kBadInput, batch.num_rows(),
                 " rows are too many for one file; split the batch");
  }
  std::set<std::string> names;
  for (const VectorColumn& column : columns) {
    const std::string& name = column.policy.column_name;
    ARROW_RETURN_NOT_OK(column.policy.Validate());
    if (batch.schema()->GetFieldIndex(name) >= 0 || !names.insert(name).second) {
      return Error(ErrorKind::kBadInput, "vector column '", name, "' appears twice");
    }
    if (column.embeddings.rows() != batch.num_rows()) {
      return Error(ErrorKind::kBadInput, "vector column '", name, "' has ",
                   column.embeddings.rows(), " rows, the batch has ", batch.num_rows());
    }
    ARROW_RETURN_NOT_OK(CheckEmbeddings(column.embeddings, column.policy));
  }
  return Status::OK();
}

/// The stored schema: the batch's fields, then the embedding columns; ids everywhere.
Result<std::shared_ptr<arrow::Schema>> FileSchema(
    const arrow::Schema& batch, std::span<const VectorColumn> columns,
    const std::map<std::string, std::pair<int32_t, int32_t>>& vector_field_ids) {
  arrow::FieldVector fields = batch.fields();
  for (const VectorColumn& column : columns) {
    const auto given = vector_field_ids.find(column.policy.column_name);
    const auto [id, element_id] =
        given == vector_field_ids.end() ? std::pair(-1, -1) : given->second;
    fields.push_back(format::EmbeddingField(column.policy.column_name, id, element_id));
  }
  if (fields.empty()) return Error(ErrorKind::kBadInput, "a file needs at least one column");
  ARROW_ASSIGN_OR_RAISE(const auto stored,
                        format::StorableSchema(*arrow::schema(std::move(fields))));
  return format::AssignFieldIds(*stored);
}

/// One file on its way into the store.
class FileInProgress {
 public:
  static Result<WrittenFile> Write(Store& store, const std::string& path,
                                   const arrow::RecordBatch& batch,
                                   std::span<const VectorColumn> columns,
                                   const WriteOptions& options) {
    ARROW_RETURN_NOT_OK(CheckInput(batch, columns));
    ARROW_RETURN_NOT_OK(CheckOptions(options, columns));
    FileInProgress file(batch, options);
    ARROW_ASSIGN_OR_RAISE(file.schema_,
                          FileSchema(*batch.schema(), columns, options.vector_field_ids));
    ARROW_ASSIGN_OR_RAISE(file.layout_, ChooseLayout(batch, columns, options.row_group_rows));
    for (const VectorColumn& column : columns) {
      ARROW_ASSIGN_OR_RAISE(ColumnToWrite prepared, ColumnToWrite::Make(column));
      file.columns_.push_back(std::move(prepared));
    }
    // Before the work is done; the commit makes sure once more.
    ARROW_ASSIGN_OR_RAISE(const bool exists, store.Exists(path));
    if (exists) return Error(ErrorKind::kAlreadyExists, "a file lies there already");
    // Synced at the end, in one with its name in the folder.
    ARROW_ASSIGN_OR_RAISE(const auto publisher, store.OpenUnsyncedWriter(path, PutMode::kIfAbsent));
    kFileWriteOpened.Reach();
    format::ChecksummedWriter out(publisher.get());
    ARROW_ASSIGN_OR_RAISE(const format::ParquetTail tail, file.WriteRows(&out));
    kFileWriteRows.Reach();
    ARROW_ASSIGN_OR_RAISE(WrittenFile written, file.WriteSections(&out, tail));
    written.path = path;
    kFileWriteSections.Reach();
    ARROW_RETURN_NOT_OK(out.Commit());
    ARROW_RETURN_NOT_OK(store.Sync());
    kFileWriteDurable.Reach();
    return written;
  }

 private:
  FileInProgress(const arrow::RecordBatch& batch, const WriteOptions& options)
      : batch_(batch), options_(options) {}

  Result<std::shared_ptr<arrow::RecordBatch>> RowGroup(int64_t first, int64_t count) const {
    const auto part = batch_.Slice(first, count);
    arrow::FieldVector fields(schema_->fields().begin(),
                              schema_->fields().begin() + part->num_columns());
    ARROW_ASSIGN_OR_RAISE(const auto scalars,
                          format::ToStorableBatch(*part, arrow::schema(std::move(fields))));
    arrow::ArrayVector arrays = scalars->columns();
    for (const ColumnToWrite& column : columns_) {
      ARROW_ASSIGN_OR_RAISE(auto list, format::EmbeddingList(column.stored().Slice(first, count)));
      arrays.push_back(std::move(list));
    }
    return arrow::RecordBatch::Make(schema_, count, std::move(arrays));
  }

  Result<format::ParquetTail> WriteRows(StoreWriter* out) const {
    format::ParquetLayout parquet;
    parquet.max_rows_per_page = layout_.max_rows_per_page;
    parquet.distinct_columns = layout_.distinct_columns;
    for (const ColumnToWrite& column : columns_) {
      const bool raw = column.policy().precision == VectorPrecision::kF32;
      (raw ? parquet.raw_embeddings : parquet.coded_embeddings)
          .push_back(column.policy().column_name);
    }
    ARROW_ASSIGN_OR_RAISE(const auto writer, format::ParquetWriter::Open(out, schema_, parquet));
    for (int64_t row = 0; row < batch_.num_rows(); row += layout_.row_group_rows) {
      const int64_t count = std::min(layout_.row_group_rows, batch_.num_rows() - row);
      ARROW_ASSIGN_OR_RAISE(const auto group, RowGroup(row, count));
      ARROW_RETURN_NOT_OK(writer->WriteRowGroup(*group));
    }
    return writer->Finish();
  }

  Result<WrittenFile> WriteSections(format::ChecksummedWriter* out,
                                    const format::ParquetTail& tail) {
    std::vector<format::KeyedSection> sections;
    for (ColumnToWrite& column : columns_) {
      ARROW_RETURN_NOT_OK(column.MapPages(tail));
      if (!options_.build_indexes) continue;
      ARROW_RETURN_NOT_OK(column.BuildIndex(options_.RequestFor(column)));
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      for (format::KeyedSection& section : columns_[i].Sections(/*primary=*/i == 0)) {
        sections.push_back(std::move(section));
      }
    }
    ARROW_ASSIGN_OR_RAISE(const auto finished,
                          format::FinishFile(out, tail, sections, FooterFacts()));
    WrittenFile written;
    written.size = finished.size;
    written.rows = batch_.num_rows();
    written.section_bytes = finished.section_bytes;
    written.metadata = finished.metadata;
    for (const ColumnToWrite& column : columns_) {
      if (column.codebook() == nullptr) continue;
      written.codebooks[column.policy().column_name] = column.codebook();
    }
    return written;
  }

  /// What a reader of the footer learns of the primary vector column.
  format::FooterKeys FooterFacts() const {
    format::FooterKeys keys;
    for (const auto& [key, value] : options_.footer_keys) keys.emplace_back(key, value);
    if (columns_.empty()) return keys;
    const VectorStoragePolicy& policy = columns_.front().policy();
    keys.emplace_back(format::kVersionKey, std::to_string(format::kSectionVersion));
    keys.emplace_back(format::kVectorColumnKey, policy.column_name);
    keys.emplace_back(format::kDimKey, std::to_string(policy.dim));
    keys.emplace_back(format::kMetricKey, std::string(MetricName(policy.metric)));
    keys.emplace_back(format::kPrecisionKey, std::string(PrecisionName(policy.precision)));
    keys.emplace_back(format::kRecordCountKey, std::to_string(batch_.num_rows()));
    return keys;
  }

  const arrow::RecordBatch& batch_;
  const WriteOptions& options_;
  std::shared_ptr<arrow::Schema> schema_;
  FileLayout layout_;
  std::vector<ColumnToWrite> columns_;
};

Status NoPolicy() {
  return Error(ErrorKind::kBadInput, "the writer was made without a vector policy; use WriteMulti");
}

}  // namespace

AilakeFileWriter::AilakeFileWriter(std::shared_ptr<Store> store, VectorStoragePolicy policy)
    : store_(std::move(store)), policy_(std::move(policy)) {}

AilakeFileWriter::AilakeFileWriter(std::shared_ptr<Store> store) : store_(std::move(store)) {}

AilakeFileWriter& AilakeFileWriter::WithHnswConfig(HnswConfig config) {
  hnsw_ = config;
  return *this;
}

AilakeFileWriter& AilakeFileWriter::WithIndexType(IndexType type) {
  index_type_ = type;
  return *this;
}

AilakeFileWriter& AilakeFileWriter::WithIvfPq(IvfPqConfig config) {
  ivf_pq_ = config;
  return WithIndexType(IndexType::kIvfPq);
}

AilakeFileWriter& AilakeFileWriter::WithAutoIndex(const Hardware& hardware) {
  hardware_ = hardware;
  return WithIndexType(IndexType::kAuto);
}

AilakeFileWriter& AilakeFileWriter::WithCodebook(const std::string& column,
                                                 std::shared_ptr<const index::Codebook> codebook) {
  codebooks_[column] = std::move(codebook);
  return *this;
}

AilakeFileWriter& AilakeFileWriter::WithThreads(int threads) {
  threads_ = threads;
  return *this;
}

AilakeFileWriter& AilakeFileWriter::WithRowGroupRows(int64_t rows) {
  row_group_rows_ = rows;
  return *this;
}

AilakeFileWriter& AilakeFileWriter::WithVectorFieldId(const std::string& column, int32_t field_id,
                                                      int32_t element_id) {
  vector_field_ids_[column] = {field_id, element_id};
  return *this;
}

AilakeFileWriter& AilakeFileWriter::WithFooterKey(const std::string& key, std::string value) {
  footer_keys_[key] = std::move(value);
  return *this;
}

Result<WrittenFile> AilakeFileWriter::Write(const std::string& path,
                                            const arrow::RecordBatch& batch,
                                            const EmbeddingsView& embeddings) {
  if (!policy_) return NoPolicy();
  const VectorColumn column{*policy_, embeddings};
  return WriteMulti(path, batch, {&column, 1}, true);
}

Result<WrittenFile> AilakeFileWriter::WriteParquetOnly(const std::string& path,
                                                       const arrow::RecordBatch& batch,
                                                       const EmbeddingsView& embeddings) {
  if (!policy_) return NoPolicy();
  const VectorColumn column{*policy_, embeddings};
  return WriteMulti(path, batch, {&column, 1}, false);
}

Result<WrittenFile> AilakeFileWriter::WriteMulti(const std::string& path,
                                                 const arrow::RecordBatch& batch,
                                                 std::span<const VectorColumn> columns,
                                                 bool build_indexes) {
  WriteOptions options{hnsw_,    ivf_pq_,         index_type_,       hardware_,     codebooks_,
                       threads_, row_group_rows_, vector_field_ids_, build_indexes, footer_keys_};
  auto written = FileInProgress::Write(*store_, path, batch, columns, options);
  if (!written.ok()) return WithContext(written.status(), "writing '" + path + "'");
  return written;
}

}  // namespace tarn
