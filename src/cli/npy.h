// SPDX-License-Identifier: Apache-2.0
//
// Reads NumPy's .npy files (format 1.0 to 3.0): two-dimensional arrays in C order, little-endian,
// of float16, float32, int32 or int64; writes those of int32. What benchmarks exchange with Python.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tarn/status.h"

namespace tarn::cli {

/// A matrix, row-major. Exactly one of the vectors is filled.
struct NpyMatrix {
  uint64_t rows = 0;
  uint64_t columns = 0;
  std::vector<float> floats;      ///< from float16 or float32
  std::vector<int64_t> integers;  ///< from int32 or int64
};

/// kNotFound, kIo, kCorrupt (truncated or no .npy), kNotSupported (another type, order or shape);
/// the message names the file.
Result<NpyMatrix> ReadNpy(const std::string& path);

/// Writes a matrix of int32, format 1.0. `values.size()` is a multiple of `columns`. kIo.
Status WriteNpy(const std::string& path, std::span<const int32_t> values, uint64_t columns);

}  // namespace tarn::cli
