// SPDX-License-Identifier: Apache-2.0
//
// Identifiers that need no coordination: UUIDs (RFC 9562) and Iceberg snapshot ids.
#pragma once

#include <cstdint>
#include <string>

namespace tarn {

/// A random UUID, version 4, in lower-case text form. Thread-safe.
std::string NewUuid4();
/// A UUID of version 7: ordered by creation time to the millisecond. Thread-safe.
std::string NewUuid7();
/// A random positive 63-bit number. Thread-safe.
int64_t NewRandomId();

}  // namespace tarn
