// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a footer: editing them must fail cleanly or give a footer that reads back.
#include <cstdlib>

#include "format/parquet_footer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)tarn::format::FindFooter(bytes, size);
  const auto edited = tarn::format::SetFooterKeys(bytes, {{"key", "value"}});
  if (!edited.ok()) return 0;
  const auto keys = tarn::format::ReadFooterKeys(*edited);
  if (!keys.ok() || keys->empty()) std::abort();
  return 0;
}
