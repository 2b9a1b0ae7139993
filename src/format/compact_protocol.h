// SPDX-License-Identifier: Apache-2.0
//
// Writing half of Thrift's compact protocol ("thrift-compact-protocol.md"), as far as Parquet's
// structures need it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tarn::format {

/// Type numbers of the protocol.
enum WireType : uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
  kUuid = 13,
};

void PutVarint(std::vector<std::byte>& out, uint64_t value);
/// Length and bytes.
void PutText(std::vector<std::byte>& out, std::string_view text);
/// `last_id`: of the field before in the same structure; 0: none.
void PutFieldHeader(std::vector<std::byte>& out, int16_t id, uint8_t type, int16_t last_id);
/// Field and value.
void PutI32Field(std::vector<std::byte>& out, int16_t id, int32_t value, int16_t last_id);

}  // namespace tarn::format
