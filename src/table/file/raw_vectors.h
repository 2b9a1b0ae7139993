// SPDX-License-Identifier: Apache-2.0
//
// The exact vectors that a vector section keeps where the Parquet pages hold no plain floats: f16
// or i8, or f32 where another engine wrote the pages. To the byte in docs/formats/ailk-v2.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "format/embedding_list.h"
#include "format/section.h"
#include "tarn/types.h"

namespace tarn {

/// A chunk of raw vectors, used in place: it must not outlive the section's bytes.
class RawVectors {
 public:
  /// nullopt when the section has none, or one whose length or step does not fit (Check says so).
  static std::optional<RawVectors> Of(const format::Section& section);
  /// kCorrupt when the section has such a chunk that does not hold `count` vectors.
  static Status Check(const format::Section& section, uint64_t count);

  VectorPrecision precision() const { return precision_; }
  float step() const { return step_; }  ///< kI8: what 1 stands for
  uint64_t count() const { return row_bytes_ == 0 ? 0 : rows_.size() / row_bytes_; }
  size_t row_bytes() const { return row_bytes_; }
  /// The bytes of vector `rank`, which must be below count().
  const std::byte* row(uint64_t rank) const { return rows_.data() + rank * row_bytes_; }

 private:
  VectorPrecision precision_ = VectorPrecision::kF16;
  float step_ = 1;
  size_t row_bytes_ = 0;
  std::span<const std::byte> rows_;
};

/// `count` values of a precision as floats.
void WidenValues(VectorPrecision precision, float step, const std::byte* values, size_t count,
                 float* out);

/// The chunk (format::kRawByteVectors) for these values.
std::vector<std::byte> EncodeByteVectors(const format::ByteEmbeddings& embeddings);

}  // namespace tarn
