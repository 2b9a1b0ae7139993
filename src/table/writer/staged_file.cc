// SPDX-License-Identifier: Apache-2.0
#include "table/writer/staged_file.h"

#include <algorithm>

#include "arrow/api.h"
#include "base/crash_point.h"
#include "base/random_id.h"
#include "iceberg/location.h"
#include "iceberg/table_metadata.h"
#include "table/file/reindex.h"
#include "table/file_metrics.h"
#include "table/indexing/wanted_index.h"

namespace tarn {
namespace {

CrashPoint kWriterCommitCodedAgain("writer/commit/coded-again");

}  // namespace

IndexType StagedFileWriter::TypeFor(const VectorColumn& column, IndexType asked) const {
  const int64_t vectors = column.embeddings.rows() - column.embeddings.null_count();
  return ChooseIndexType(asked, vectors,
                         options_.hardware ? *options_.hardware : Hardware::Detect());
}

Result<StagedFile> StagedFileWriter::Write(const iceberg::TableMetadata& metadata,
                                           const HnswConfig& hnsw, const BatchPlan& plan,
                                           const FileIndexing& indexing) {
  const std::string uri = iceberg::DataFileLocation(metadata, NewUuid7() + ".parquet");
  ARROW_ASSIGN_OR_RAISE(std::string path, catalog_->store().PathOf(uri));
  AilakeFileWriter writer(catalog_->shared_store());
  writer.WithHnswConfig(hnsw)
      .WithIvfPq(indexing.ivf_pq)
      .WithIndexType(indexing.type.value_or(IndexType::kHnsw))
      .WithThreads(options_.threads);
  if (options_.hardware && indexing.type == IndexType::kAuto) {
    writer.WithAutoIndex(*options_.hardware);
  }
  const bool index_now = indexing.type.has_value() && !indexing.deferred;
  writer.WithFooterKey(WantedIndex::kFooterKey,
                       WantedIndex{indexing.type, indexing.ivf_pq}.ToFooter());
  for (const auto& column : plan.vectors) {
    const auto& name = column.policy.column_name;
    const auto* field = plan.schema.FindColumn(name);
    writer.WithVectorFieldId(field->name, field->id, field->type.fields[0].id);
    if (!index_now || TypeFor(column, *indexing.type) != IndexType::kIvfPq) continue;
    const int64_t vectors = column.embeddings.rows() - column.embeddings.null_count();
    ARROW_ASSIGN_OR_RAISE(auto codebook, shelf_.For(column.policy, field->id, vectors));
    if (codebook != nullptr) writer.WithCodebook(name, std::move(codebook));
  }
  ARROW_ASSIGN_OR_RAISE(auto written,
                        writer.WriteMulti(path, *plan.columns, plan.vectors, index_now));
  ARROW_ASSIGN_OR_RAISE(auto staged, Describe(metadata, written, uri, plan.schema));
  for (const auto& [name, codebook] : written.codebooks) {
    const auto* field = plan.schema.FindColumn(name);
    const auto& policy = std::find_if(plan.vectors.begin(), plan.vectors.end(), [&](const auto& v) {
                           return v.policy.column_name == name;
                         })->policy;
    shelf_.Trained(policy, field->id, codebook, uri);
  }
  staged.batch_id = indexing.batch_id;
  if (indexing.AwaitsIndex(plan.vectors)) {
    for (const auto& column : plan.vectors) {
      staged.waiting_bytes += staged.file.record_count * column.policy.dim * int64_t{4};
    }
  }
  return staged;
}

Result<StagedFile> StagedFileWriter::Describe(const iceberg::TableMetadata& metadata,
                                              const WrittenFile& written, const std::string& uri,
                                              const iceberg::Schema& schema) {
  auto file = DataFileFromFooter(*written.metadata, static_cast<int64_t>(written.size), schema);
  if (!file.ok()) {
    (void)catalog_->store().Delete(written.path);
    return file.status();
  }
  file->file_path = uri;
  file->spec_id = metadata.default_spec_id;
  StagedFile staged{written.path, *std::move(file)};
  for (const auto& [name, codebook] : written.codebooks) {
    staged.codebooks[name] = codebook->fingerprint();
  }
  return staged;
}

Status StagedFileWriter::CodeAgain(const iceberg::TableMetadata& metadata,
                                   std::span<const VectorStoragePolicy> policies,
                                   const iceberg::Schema& schema, StagedFile* staged) {
  std::map<std::string, IndexRequest> requests;
  for (const auto& [name, fingerprint] : staged->codebooks) {
    const auto policy = std::find_if(policies.begin(), policies.end(),
                                     [&](const auto& p) { return p.column_name == name; });
    ARROW_ASSIGN_OR_RAISE(auto codebook,
                          shelf_.For(*policy, schema.FindColumn(name)->id, /*vectors=*/0));
    if (codebook == nullptr || codebook->fingerprint() == fingerprint) continue;
    IndexRequest request;
    request.type = IndexType::kIvfPq;
    request.codebook = std::move(codebook);
    request.threads = options_.threads;
    requests[name] = std::move(request);
  }
  if (requests.empty()) return Status::OK();
  const std::string uri = iceberg::DataFileLocation(metadata, NewUuid7() + ".parquet");
  ARROW_ASSIGN_OR_RAISE(const std::string path, catalog_->store().PathOf(uri));
  ARROW_ASSIGN_OR_RAISE(const auto written,
                        ReindexFile(catalog_->store(), staged->path, path, requests));
  ARROW_ASSIGN_OR_RAISE(auto coded, Describe(metadata, written, uri, schema));
  for (const auto& [name, fingerprint] : staged->codebooks) {
    coded.codebooks.emplace(name, fingerprint);
  }
  coded.batch_id = staged->batch_id;
  coded.waiting_bytes = staged->waiting_bytes;
  kWriterCommitCodedAgain.Reach();
  shelf_.Moved(staged->file.file_path, uri);
  if (staged->surely_unused) (void)catalog_->store().Delete(staged->path);
  *staged = std::move(coded);
  return Status::OK();
}

void StagedFileWriter::Discard(const StagedFile& staged) {
  if (!staged.surely_unused) return;
  (void)catalog_->store().Delete(staged.path);
  shelf_.Forget(staged.file.file_path);
}

}  // namespace tarn
