// SPDX-License-Identifier: Apache-2.0
#include "table/file/raw_vectors.h"

#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "base/float16.h"

namespace tarn {
namespace {

// The step, then zeros: the vectors start on a cache line.
constexpr size_t kByteHeader = 64;

bool IsStep(float step) {
  int exponent = 0;
  return std::isnormal(step) && step > 0 && std::frexp(step, &exponent) == 0.5f;
}

}  // namespace

std::optional<RawVectors> RawVectors::Of(const format::Section& section) {
  RawVectors raw;
  const size_t dim = section.info().dim;
  if (const auto* halves = section.Find(format::kRawHalfVectors)) {
    raw.row_bytes_ = dim * sizeof(uint16_t);
    raw.rows_ = halves->bytes;
  } else if (const auto* bytes = section.Find(format::kRawByteVectors)) {
    if (bytes->bytes.size() < kByteHeader) return std::nullopt;
    raw.precision_ = VectorPrecision::kI8;
    raw.step_ = LoadLe<float>(bytes->bytes.data());
    if (!IsStep(raw.step_)) return std::nullopt;
    raw.row_bytes_ = dim;
    raw.rows_ = bytes->bytes.subspan(kByteHeader);
  } else if (const auto* floats = section.Find(format::kRawFloatVectors)) {
    raw.precision_ = VectorPrecision::kF32;
    raw.row_bytes_ = dim * sizeof(float);
    raw.rows_ = floats->bytes;
  } else {
    return std::nullopt;
  }
  return raw.rows_.size() % raw.row_bytes_ == 0 ? std::optional(raw) : std::nullopt;
}

Status RawVectors::Check(const format::Section& section, uint64_t count) {
  if (section.Find(format::kRawHalfVectors) == nullptr &&
      section.Find(format::kRawByteVectors) == nullptr &&
      section.Find(format::kRawFloatVectors) == nullptr) {
    return Status::OK();
  }
  const auto raw = Of(section);
  // Floats hold the values of any precision.
  if (raw && raw->count() == count &&
      (raw->precision() == section.info().precision || raw->precision() == VectorPrecision::kF32)) {
    return Status::OK();
  }
  return Error(ErrorKind::kCorrupt, "the ", PrecisionName(section.info().precision),
               " vectors' length or step does not fit");
}

void WidenValues(VectorPrecision precision, float step, const std::byte* values, size_t count,
                 float* out) {
  switch (precision) {
    case VectorPrecision::kF32:
      std::memcpy(out, values, count * sizeof(float));
      return;
    case VectorPrecision::kF16:
      for (size_t i = 0; i < count; ++i) out[i] = HalfToFloat(LoadLe<uint16_t>(values + 2 * i));
      return;
    case VectorPrecision::kI8:
      for (size_t i = 0; i < count; ++i)
        out[i] = step * static_cast<float>(LoadLe<int8_t>(values + i));
      return;
  }
}

std::vector<std::byte> EncodeByteVectors(const format::ByteEmbeddings& embeddings) {
  std::vector<std::byte> bytes;
  bytes.reserve(kByteHeader + embeddings.bytes.size());
  AppendLe(bytes, embeddings.step);
  bytes.resize(kByteHeader + embeddings.bytes.size());
  if (!embeddings.bytes.empty()) {
    std::memcpy(bytes.data() + kByteHeader, embeddings.bytes.data(), embeddings.bytes.size());
  }
  return bytes;
}

}  // namespace tarn
