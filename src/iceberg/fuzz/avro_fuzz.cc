// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a manifest and as a manifest list.
#include <cstddef>
#include <cstdint>
#include <span>

#include "iceberg/manifest_avro.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::iceberg;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto manifest = ManifestFromAvro(bytes, "fuzz.avro");
  // What was read can be written, or is refused, but does no harm.
  if (manifest.ok()) (void)ManifestToAvro(*manifest);
  (void)ManifestListFromAvro(bytes, "fuzz.avro");
  return 0;
}
