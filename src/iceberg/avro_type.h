// SPDX-License-Identifier: Apache-2.0
//
// Avro schemas, as far as reading needs them: what the writer of a file says its records look like.
// Source: the Apache Avro 1.11 specification. Immutable once parsed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"

namespace tarn::iceberg {

struct AvroField;

struct AvroType {
  enum class Kind : uint8_t {
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kRecord,
    kEnum,
    kArray,
    kMap,
    kUnion,
    kFixed,
  };
  Kind kind = Kind::kNull;
  std::vector<AvroField> fields;                          ///< kRecord
  std::vector<std::shared_ptr<const AvroType>> branches;  ///< kUnion; kArray, kMap: the one item
  uint64_t size = 0;                                      ///< kFixed
  std::string logical_type;
  int64_t weight = 1;  ///< the number of types in it, repeated ones counted again
};

struct AvroField {
  std::string name;
  std::optional<int32_t> field_id;
  std::shared_ptr<const AvroType> type;
};

/// kCorrupt names the file and what is wrong: unknown types, recursion, sizes beyond reason.
Result<std::shared_ptr<const AvroType>> ParseAvroSchema(std::string_view json,
                                                        std::string_view name);

}  // namespace tarn::iceberg
