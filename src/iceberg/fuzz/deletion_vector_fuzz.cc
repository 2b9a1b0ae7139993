// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a deletion vector, as they are and with a checksum that fits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "iceberg/deletion_vector.h"
#include "iceberg/tests/deletion_vector_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::iceberg;
  std::vector<uint64_t> words(2000);
  (void)MarkDeletionVector(std::as_bytes(std::span(data, size)), "fuzz.puffin", words);
  const std::string vector(reinterpret_cast<const char*>(data), size);
  const std::string whole = vector.size() >= 12 ? vector.substr(4, vector.size() - 8) : vector;
  for (const std::string& inner : {vector, whole}) {
    std::vector<uint64_t> marked(2000);
    const auto count =
        MarkDeletionVector(tarn::AsBytes(DeletionVectorWriter::Wrap(inner)), "fuzz.puffin", marked);
    if (!count.ok()) continue;
    uint64_t bits = 0;
    for (const uint64_t word : marked) bits += static_cast<uint64_t>(__builtin_popcountll(word));
    if (bits > *count) std::abort();
  }
  return 0;
}
