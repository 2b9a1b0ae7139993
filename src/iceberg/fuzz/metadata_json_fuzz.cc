// SPDX-License-Identifier: Apache-2.0
//
// Any text as table metadata. What is accepted must survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "iceberg/table_metadata_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::iceberg;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = TableMetadataFromJson(text, "fuzz.json");
  if (!table.ok()) return 0;
  const auto again = TableMetadataFromJson(TableMetadataToJson(*table), "again.json");
  if (!again.ok() || !(*again == *table)) std::abort();
  return 0;
}
