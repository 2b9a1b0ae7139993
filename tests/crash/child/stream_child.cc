// SPDX-License-Identifier: Apache-2.0
#include "stream_child.h"

#include <unistd.h>

#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

#include "arrow/api.h"
#include "store/fault_store.h"
#include "tarn/mem_table_writer.h"

namespace tarn {
namespace {

const TableIdent kTable{{"db"}, "t"};
constexpr int32_t kDim = 4;

void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::abort();
}

std::string Range(int64_t first, int64_t rows) {
  return std::to_string(first) + " " + std::to_string(rows);
}

/// Every second batch has an id; a client that counts gives half of those.
std::string IdOf(int64_t first) {
  if (first % 2 == 0) return "";
  return first % 4 == 1 ? "client:" + std::to_string(first) : "batch of " + std::to_string(first);
}

VectorStoragePolicy Policy() {
  VectorStoragePolicy policy;
  policy.column_name = "embedding";
  policy.dim = kDim;
  return policy;
}

Result<std::unique_ptr<MemTableWriter>> OpenWriter(
    const std::shared_ptr<CatalogProvider>& catalog) {
  MemTableConfig config;
  config.flush_max_rows = 60;
  config.max_memory_bytes = 256 << 10;
  config.log.segment_bytes = 16 << 10;
  config.index_in_background = false;
  return MemTableWriter::Open(catalog, catalog->shared_store(), Policy(), kTable, config);
}

Result<InsertResult> Insert(MemTableWriter& writer, int64_t first, int64_t rows) {
  std::mt19937 random(static_cast<uint32_t>(first));
  arrow::Int64Builder ids;
  arrow::StringBuilder texts;
  std::vector<float> vectors;
  for (int64_t i = 0; i < rows; ++i) {
    ARROW_RETURN_NOT_OK(ids.Append(first + i));
    ARROW_RETURN_NOT_OK(texts.Append(std::string(random() % 200, 'x')));
    for (int32_t d = 0; d < kDim; ++d) vectors.push_back(static_cast<float>(random() % 1000) + 1);
  }
  ARROW_ASSIGN_OR_RAISE(auto id_array, ids.Finish());
  ARROW_ASSIGN_OR_RAISE(auto text_array, texts.Finish());
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())}),
      rows, {std::move(id_array), std::move(text_array)});
  ARROW_ASSIGN_OR_RAISE(const auto view, EmbeddingsView::FromSpan(vectors, kDim));
  return writer.Insert(*batch, view, IdOf(first));
}

/// Lost replies end: what is tried again goes well sooner or later.
Status CloseAtLast(MemTableWriter& writer) {
  Status status;
  for (int tries = 0; tries < 50; ++tries) {
    status = writer.Close();
    if (status.ok()) return status;
  }
  return status;
}

}  // namespace

Status Stream(const std::string& uri, int64_t series, int64_t batches, bool lossy) {
  std::shared_ptr<CatalogProvider> catalog;
  std::shared_ptr<FaultStore> faults;
  if (lossy) {
    ARROW_ASSIGN_OR_RAISE(auto local, LocalStore::Make(uri, {.durable = false}));
    faults = FaultStore::Make(std::move(local));
    ARROW_ASSIGN_OR_RAISE(catalog, HadoopCatalog::Make(faults, ""));
  } else {
    ARROW_ASSIGN_OR_RAISE(catalog, OpenCatalog(uri, {.durable = false}));
  }
  ARROW_ASSIGN_OR_RAISE(const auto writer, OpenWriter(catalog));
  std::mt19937 random(static_cast<uint32_t>(series));
  std::vector<std::pair<int64_t, int64_t>> sent;
  int64_t next = series * 1'000'000;
  for (int64_t batch = 0; batch < batches; ++batch) {
    if (lossy && random() % 4 == 0) {
      faults->Add({.kind = random() % 2 == 0 ? FaultKind::kLoseReply : FaultKind::kFail,
                   .op = StoreOp::kWrite,
                   .path_contains = "/metadata/",
                   .nth = 1 + static_cast<int64_t>(random() % 4)});
    }
    const int64_t rows = 1 + static_cast<int64_t>(random() % 9);
    Say("try " + Range(next, rows));
    ARROW_RETURN_NOT_OK(Insert(*writer, next, rows).status());
    Say("ack " + Range(next, rows));
    if (!IdOf(next).empty()) sent.emplace_back(next, rows);
    next += rows;
    if (!sent.empty() && random() % 5 == 0) {
      const auto [first, count] = sent[random() % sent.size()];
      ARROW_ASSIGN_OR_RAISE(const auto again, Insert(*writer, first, count));
      if (!again.duplicate) return Error(ErrorKind::kCorrupt, "a batch was accepted twice");
    }
    // An error stands in last_flush_error; the rows are tried again.
    if (random() % 12 == 0) (void)writer->Flush();
  }
  ARROW_RETURN_NOT_OK(CloseAtLast(*writer));
  Say("done");
  return Status::OK();
}

Status Resend(const std::string& uri, int64_t first, int64_t rows) {
  if (IdOf(first).empty()) return Error(ErrorKind::kBadInput, "the batch has no id");
  ARROW_ASSIGN_OR_RAISE(const auto catalog, OpenCatalog(uri, {.durable = false}));
  ARROW_ASSIGN_OR_RAISE(const auto writer, OpenWriter(catalog));
  Say("try " + Range(first, rows));
  ARROW_RETURN_NOT_OK(Insert(*writer, first, rows).status());
  Say("ack " + Range(first, rows));
  return Status::OK();
}

Status Recover(const std::string& uri) {
  ARROW_ASSIGN_OR_RAISE(const auto catalog, OpenCatalog(uri, {.durable = false}));
  ARROW_ASSIGN_OR_RAISE(const auto writer, OpenWriter(catalog));
  ARROW_RETURN_NOT_OK(writer->Close());
  Say("recovered");
  return Status::OK();
}

}  // namespace tarn
