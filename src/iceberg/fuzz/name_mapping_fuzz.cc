// SPDX-License-Identifier: Apache-2.0
//
// Any text as a name mapping. Every name that was accepted is found again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "iceberg/name_mapping.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::iceberg;
  const auto mapping =
      NameMapping::FromJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!mapping.ok()) return 0;
  for (const auto& field : mapping->fields) {
    for (const auto& name : field.names) {
      if (FindMapped(mapping->fields, name) != &field) std::abort();
    }
  }
  return 0;
}
