// SPDX-License-Identifier: Apache-2.0
#include "format/embedding_list.h"

#include <cstring>
#include <limits>

#include "arrow/api.h"
#include "base/byte_step.h"
#include "base/float16.h"
#include "format/storable_schema.h"

namespace tarn::format {
namespace {

using BufferPtr = std::shared_ptr<arrow::Buffer>;

BufferPtr Offsets(const EmbeddingsView& embeddings) {
  std::vector<int32_t> offsets(embeddings.rows() + 1);
  int32_t end = 0;
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    if (!embeddings.IsNull(row)) end += embeddings.dim();
    offsets[row + 1] = end;
  }
  return arrow::Buffer::FromVector(std::move(offsets));
}

BufferPtr GatherValues(const EmbeddingsView& embeddings) {
  std::vector<float> values;
  values.reserve((embeddings.rows() - embeddings.null_count()) * embeddings.dim());
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    if (const float* v = embeddings.Row(row)) values.insert(values.end(), v, v + embeddings.dim());
  }
  return arrow::Buffer::FromVector(std::move(values));
}

std::shared_ptr<arrow::Array> MakeList(const EmbeddingsView& embeddings, BufferPtr values) {
  const int64_t count = (embeddings.rows() - embeddings.null_count()) * embeddings.dim();
  const auto type = EmbeddingField("v", -1, -1)->type();
  BufferPtr validity;
  if (embeddings.null_count() > 0) validity = arrow::Buffer::FromVector(ValidWords(embeddings));
  return std::make_shared<arrow::ListArray>(
      type, embeddings.rows(), Offsets(embeddings),
      std::make_shared<arrow::FloatArray>(count, std::move(values)), std::move(validity),
      embeddings.null_count());
}

/// The same rows and nulls with other values: those of the rows that are not null, in order.
Result<EmbeddingsView> WithValues(const EmbeddingsView& embeddings, std::vector<float> values) {
  // Lists of 64-bit offsets: a whole file may hold more than 2^31 floats.
  std::vector<int64_t> offsets(embeddings.rows() + 1);
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    offsets[row + 1] = offsets[row] + (embeddings.IsNull(row) ? 0 : embeddings.dim());
  }
  BufferPtr validity;
  if (embeddings.null_count() > 0) validity = arrow::Buffer::FromVector(ValidWords(embeddings));
  const auto count = static_cast<int64_t>(values.size());
  auto floats =
      std::make_shared<arrow::FloatArray>(count, arrow::Buffer::FromVector(std::move(values)));
  auto list = std::make_shared<arrow::LargeListArray>(
      arrow::large_list(arrow::float32()), embeddings.rows(),
      arrow::Buffer::FromVector(std::move(offsets)), std::move(floats), std::move(validity),
      embeddings.null_count());
  return EmbeddingsView::FromArrow(std::move(list), embeddings.dim());
}

}  // namespace

std::shared_ptr<arrow::Field> EmbeddingField(const std::string& name, int32_t field_id,
                                             int32_t element_id) {
  auto element = arrow::field("element", arrow::float32(), false);
  if (element_id >= 0) element = WithFieldId(*element, element_id);
  auto field = arrow::field(name, arrow::list(std::move(element)), true);
  return field_id >= 0 ? WithFieldId(*field, field_id) : field;
}

Result<std::shared_ptr<arrow::Array>> EmbeddingList(const EmbeddingsView& embeddings) {
  if (embeddings.rows() * embeddings.dim() > std::numeric_limits<int32_t>::max()) {
    return Error(ErrorKind::kBadInput, "a row group of ", embeddings.rows(), " rows x ",
                 embeddings.dim(), " floats is too large; use fewer rows per row group");
  }
  const float* values = embeddings.ContiguousValues();
  if (values == nullptr) return MakeList(embeddings, GatherValues(embeddings));
  const int64_t bytes = embeddings.rows() * embeddings.dim() * static_cast<int64_t>(sizeof(float));
  return MakeList(embeddings,
                  std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(values), bytes));
}

std::vector<uint64_t> ValidWords(const EmbeddingsView& embeddings) {
  std::vector<uint64_t> words;
  if (embeddings.null_count() == 0) return words;
  words.resize((embeddings.rows() + 63) / 64);
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    if (!embeddings.IsNull(row)) words[row / 64] |= uint64_t{1} << (row % 64);
  }
  return words;
}

Result<HalfEmbeddings> RoundToHalf(const EmbeddingsView& embeddings) {
  HalfEmbeddings out;
  const int64_t vectors = embeddings.rows() - embeddings.null_count();
  out.halves.reserve(vectors * embeddings.dim());
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    const float* v = embeddings.Row(row);
    for (int32_t i = 0; v != nullptr && i < embeddings.dim(); ++i)
      out.halves.push_back(FloatToHalf(v[i]));
  }
  std::vector<float> values(out.halves.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = HalfToFloat(out.halves[i]);
  ARROW_ASSIGN_OR_RAISE(out.rounded, WithValues(embeddings, std::move(values)));
  return out;
}

Result<ByteEmbeddings> RoundToBytes(const EmbeddingsView& embeddings,
                                    const VectorStoragePolicy& policy) {
  ByteEmbeddings out;
  out.step = RoundingStep(embeddings, policy);
  const int64_t vectors = embeddings.rows() - embeddings.null_count();
  out.bytes.reserve(vectors * embeddings.dim());
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    const float* v = embeddings.Row(row);
    for (int32_t i = 0; v != nullptr && i < embeddings.dim(); ++i)
      out.bytes.push_back(RoundToSteps(v[i], out.step));
  }
  std::vector<float> values(out.bytes.size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = out.step * static_cast<float>(out.bytes[i]);
  ARROW_ASSIGN_OR_RAISE(out.rounded, WithValues(embeddings, std::move(values)));
  return out;
}

}  // namespace tarn::format
