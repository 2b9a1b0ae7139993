// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_rows.h"

#include <algorithm>

#include "arrow/api.h"
#include "tarn/read_view.h"

namespace tarn::testing {
namespace {

std::string SampleWord(int64_t id) { return "word " + std::to_string(id * 7919 % 1000); }

Status CheckRow(int64_t id, std::string_view word, const float* vector) {
  if (word != SampleWord(id))
    return Error(ErrorKind::kCorrupt, "row ", id, " has word '", word, "'");
  const auto expected = SampleVector(id);
  if (!std::equal(expected.begin(), expected.end(), vector)) {
    return Error(ErrorKind::kCorrupt, "row ", id, " has another vector than was written");
  }
  return Status::OK();
}

}  // namespace

std::shared_ptr<arrow::RecordBatch> SampleBatch(int64_t first, int64_t rows) {
  arrow::Int64Builder ids;
  arrow::StringBuilder words;
  for (int64_t id = first; id < first + rows; ++id) {
    ARROW_UNUSED(ids.Append(id));
    ARROW_UNUSED(words.Append(SampleWord(id)));
  }
  auto schema = arrow::schema(
      {arrow::field("id", arrow::int64(), false), arrow::field("word", arrow::utf8())});
  return arrow::RecordBatch::Make(schema, rows,
                                  {ids.Finish().ValueOrDie(), words.Finish().ValueOrDie()});
}

std::vector<float> SampleVector(int64_t id) {
  std::vector<float> vector(kSampleDim);
  uint64_t state = static_cast<uint64_t>(id) * 0x9e3779b97f4a7c15u + 1;
  for (auto& value : vector) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    value = static_cast<float>(state >> 40) / static_cast<float>(1 << 24) - 0.5f;
  }
  return vector;
}

std::vector<float> SampleVectors(int64_t first, int64_t rows) {
  std::vector<float> values;
  for (int64_t id = first; id < first + rows; ++id) {
    const auto vector = SampleVector(id);
    values.insert(values.end(), vector.begin(), vector.end());
  }
  return values;
}

TableProperties SampleProperties() {
  return TableProperties(VectorStoragePolicy{"embedding", kSampleDim, VectorMetric::kEuclidean,
                                             VectorPrecision::kF32, std::nullopt, true});
}

Result<std::vector<int64_t>> ReadSampleIds(std::shared_ptr<CatalogProvider> catalog,
                                           const TableIdent& table) {
  ARROW_ASSIGN_OR_RAISE(auto view, ReadView::Open(std::move(catalog), table));
  std::vector<int64_t> ids;
  if (view->rows() == 0) return ids;
  ARROW_ASSIGN_OR_RAISE(auto reader, view->Scan({"id", "word", "embedding"}));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (!batch) break;
    const auto& id = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& word = static_cast<const arrow::StringArray&>(*batch->column(1));
    ARROW_ASSIGN_OR_RAISE(auto vectors, EmbeddingsView::FromArrow(batch->column(2), kSampleDim));
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      ARROW_RETURN_NOT_OK(CheckRow(id.Value(i), word.GetView(i), vectors.Row(i)));
      ids.push_back(id.Value(i));
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace tarn::testing
