// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_write.h"

#include <chrono>

#include "arrow/api.h"
#include "cli/batch_input.h"
#include "tarn/ailake_file.h"
#include "tarn/store.h"

namespace tarn::cli {

Status RunBenchWrite(const BenchWriteOptions& options, std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(auto input, OpenBatchInput(options.input, InputFormat::kDetect));
  ARROW_ASSIGN_OR_RAISE(auto table, input.reader->ToTable());
  ARROW_ASSIGN_OR_RAISE(auto whole, table->CombineChunksToBatch());
  const int at = whole->schema()->GetFieldIndex(options.column);
  if (at < 0)
    return Error(ErrorKind::kBadInput, options.input, " has no column '", options.column, "'");
  const auto& lists = whole->column(at);
  if (lists->type_id() != arrow::Type::LIST || lists->length() == 0) {
    return Error(ErrorKind::kBadInput, "column '", options.column,
                 "' must be a list<float> with rows");
  }
  VectorStoragePolicy policy;
  policy.column_name = options.column;
  policy.dim = static_cast<const arrow::ListArray&>(*lists).value_length(0);
  ARROW_ASSIGN_OR_RAISE(auto embeddings, EmbeddingsView::FromArrow(lists, policy.dim));
  ARROW_ASSIGN_OR_RAISE(auto rest, whole->RemoveColumn(at));

  ARROW_ASSIGN_OR_RAISE(auto store, LocalStore::Make(options.folder));
  AilakeFileWriter writer(store, policy);
  if (options.index != "none") {
    ARROW_ASSIGN_OR_RAISE(auto type, ParseIndexType(options.index));
    writer.WithIndexType(type);
  }
  std::string seconds;
  uint64_t bytes = 0;
  for (int round = 0; round < options.rounds; ++round) {
    const std::string path = "bench-write-" + std::to_string(round) + ".parquet";
    const auto start = std::chrono::steady_clock::now();
    auto written = options.index == "none" ? writer.WriteParquetOnly(path, *rest, embeddings)
                                           : writer.Write(path, *rest, embeddings);
    ARROW_RETURN_NOT_OK(written.status());
    const double took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    bytes = written->size;
    seconds += (round > 0 ? ", " : "") + std::to_string(took);
    ARROW_RETURN_NOT_OK(store->Delete(path));
  }
  out << "{\"rows\": " << rest->num_rows() << ", \"bytes\": " << bytes << ", \"seconds\": ["
      << seconds << "]}\n";
  return Status::OK();
}

}  // namespace tarn::cli
