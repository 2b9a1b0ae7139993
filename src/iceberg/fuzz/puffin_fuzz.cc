// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a Puffin file. Blobs that are named must lie in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "iceberg/puffin.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto blobs =
      tarn::iceberg::ReadPuffinFooter(std::as_bytes(std::span(data, size)), "fuzz.puffin");
  if (!blobs.ok()) return 0;
  for (const auto& blob : *blobs) {
    if (blob.offset > size || blob.length > size - blob.offset) std::abort();
  }
  return 0;
}
