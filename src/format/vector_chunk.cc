// SPDX-License-Identifier: Apache-2.0
#include "format/vector_chunk.h"

#include <algorithm>

#include "arrow/api.h"
#include "arrow/io/interfaces.h"
#include "base/crc32.h"
#include "format/compact_protocol.h"
#include "format/level_runs.h"

namespace tarn::format {
namespace {

constexpr int64_t kPageBytes = 1024 * 1024;

// Repetition: 0 begins a row, 1 goes on with its list. Definition: 0 is a null list, 1 an empty
// one, 2 a value.
constexpr int kRepetitionBits = 1;
constexpr int kDefinitionBits = 2;
constexpr uint8_t kValueLevel = 2;

// parquet.thrift.
constexpr int32_t kDataPage = 0;
constexpr int32_t kPlain = 0;
constexpr int32_t kRle = 3;

/// The length of the lists that are not null; 0 when there is none.
Result<int64_t> VectorLength(const arrow::ListArray& lists) {
  int64_t length = 0;
  for (int64_t row = 0; row < lists.length(); ++row) {
    const int64_t here = lists.value_length(row);
    if (lists.IsNull(row)) {
      if (here == 0) continue;
      return Error(ErrorKind::kBadInput, "row ", row, " is null, but its list holds values");
    }
    if (length == 0) length = here;
    if (here != length || here == 0) {
      return Error(ErrorKind::kBadInput, "row ", row, " has a vector of ", here,
                   " values, those before it have ", length);
    }
  }
  return length;
}

std::vector<std::byte> PageHeader(int32_t bytes, uint32_t crc, int32_t levels) {
  std::vector<std::byte> out;
  PutI32Field(out, 1, kDataPage, 0);
  PutI32Field(out, 2, bytes, 1);
  PutI32Field(out, 3, bytes, 2);
  PutI32Field(out, 4, static_cast<int32_t>(crc), 3);
  PutFieldHeader(out, 5, kStruct, 4);
  PutI32Field(out, 1, levels, 0);
  PutI32Field(out, 2, kPlain, 1);
  PutI32Field(out, 3, kRle, 2);
  PutI32Field(out, 4, kRle, 3);
  out.push_back(std::byte{kStop});
  out.push_back(std::byte{kStop});
  return out;
}

class ChunkWriter {
 public:
  ChunkWriter(const arrow::ListArray& lists, int64_t dim, arrow::io::OutputStream* out)
      : lists_(lists),
        values_(static_cast<const arrow::FloatArray&>(*lists.values()).raw_values()),
        dim_(static_cast<uint64_t>(dim)),
        out_(out) {}

  Result<WrittenChunk> Write(int64_t rows_per_page) {
    ARROW_ASSIGN_OR_RAISE(chunk_.offset, out_->Tell());
    for (int64_t row = 0; row < lists_.length(); row += rows_per_page)
      ARROW_RETURN_NOT_OK(WritePage(row, std::min(row + rows_per_page, lists_.length())));
    ARROW_ASSIGN_OR_RAISE(const int64_t end, out_->Tell());
    chunk_.size = end - chunk_.offset;
    chunk_.rows = lists_.length();
    return std::move(chunk_);
  }

 private:
  /// Rows [begin, end).
  Status WritePage(int64_t begin, int64_t end) {
    LevelRuns repetition(kRepetitionBits), definition(kDefinitionBits);
    for (int64_t row = begin; row < end; ++row) {
      const bool null = lists_.IsNull(row);
      repetition.Add(0, 1);
      definition.Add(null ? 0 : kValueLevel, null ? 1 : dim_);
      if (!null) repetition.Add(1, dim_ - 1);
    }
    std::vector<std::byte> levels;
    repetition.AppendTo(&levels);
    definition.AppendTo(&levels);
    // Null lists have no values here, see WriteVectorChunk.
    const int64_t first = lists_.value_offset(begin);
    const auto floats = std::as_bytes(
        std::span(values_ + first, static_cast<size_t>(lists_.value_offset(end) - first)));
    const auto bytes = static_cast<int32_t>(levels.size() + floats.size());
    std::vector<std::byte> head =
        PageHeader(bytes, Crc32(floats, Crc32(levels)), static_cast<int32_t>(repetition.count()));
    ChunkPage page;
    ARROW_ASSIGN_OR_RAISE(page.offset, out_->Tell());
    page.size = static_cast<int32_t>(head.size()) + bytes;
    page.first_row = begin;
    head.insert(head.end(), levels.begin(), levels.end());
    ARROW_RETURN_NOT_OK(out_->Write(head.data(), static_cast<int64_t>(head.size())));
    ARROW_RETURN_NOT_OK(out_->Write(floats.data(), static_cast<int64_t>(floats.size())));
    chunk_.pages.push_back(page);
    chunk_.values += static_cast<int64_t>(repetition.count());
    return Status::OK();
  }

  const arrow::ListArray& lists_;
  const float* values_;
  uint64_t dim_;
  arrow::io::OutputStream* out_;
  WrittenChunk chunk_;
};

}  // namespace

Result<WrittenChunk> WriteVectorChunk(const arrow::Array& array, int64_t max_rows_per_page,
                                      arrow::io::OutputStream* out) {
  const auto& lists = static_cast<const arrow::ListArray&>(array);
  if (array.type_id() != arrow::Type::LIST || lists.value_type()->id() != arrow::Type::FLOAT ||
      lists.values()->null_count() > 0) {
    return Error(ErrorKind::kBadInput,
                 "not lists of floats without nulls: ", array.type()->ToString());
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t dim, VectorLength(lists));
  const int64_t row_bytes = std::max<int64_t>(1, dim) * static_cast<int64_t>(sizeof(float));
  const int64_t rows_per_page =
      std::clamp((kPageBytes + row_bytes - 1) / row_bytes, int64_t{1}, max_rows_per_page);
  return ChunkWriter(lists, dim, out).Write(rows_per_page);
}

}  // namespace tarn::format
