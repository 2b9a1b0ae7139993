// SPDX-License-Identifier: Apache-2.0
//
// Embeddings as the Arrow column that is stored: list<element: float not null>.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/embeddings.h"

namespace tarn::format {

/// The stored field of an embedding column: always nullable. Ids below 0 are left out.
std::shared_ptr<arrow::Field> EmbeddingField(const std::string& name, int32_t field_id,
                                             int32_t element_id);

/// The embeddings as a list array. Nothing is copied unless rows are null; without nulls the array
/// points into the view's floats, which must outlive it. kBadInput above 2^31 values.
Result<std::shared_ptr<arrow::Array>> EmbeddingList(const EmbeddingsView& embeddings);

/// Bit r of word r / 64 is set when row r has a vector; empty when no row is null.
std::vector<uint64_t> ValidWords(const EmbeddingsView& embeddings);

/// Embeddings rounded to f16, once: what is stored, indexed and searched.
struct HalfEmbeddings {
  EmbeddingsView rounded;        ///< owns its floats; null rows stay null
  std::vector<uint16_t> halves;  ///< the vectors of the rows that are not null, in order
};
Result<HalfEmbeddings> RoundToHalf(const EmbeddingsView& embeddings);

/// Embeddings rounded to whole numbers of a step (byte_step.h).
struct ByteEmbeddings {
  EmbeddingsView rounded;     ///< as above
  std::vector<int8_t> bytes;  ///< as above, in steps
  float step = 1;
};
Result<ByteEmbeddings> RoundToBytes(const EmbeddingsView& embeddings,
                                    const VectorStoragePolicy& policy);

}  // namespace tarn::format
