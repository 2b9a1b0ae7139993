// SPDX-License-Identifier: Apache-2.0
//
// Schemas as JSON text (specification, Appendix C).
#pragma once

#include <string>
#include <string_view>

#include "iceberg/schema.h"

namespace tarn::iceberg {

/// {"type":"struct","schema-id":...,"fields":[...]}
std::string SchemaToJson(const Schema& schema);
/// kCorrupt says which field is wrong; `name` is the file named in messages.
Result<Schema> SchemaFromJson(std::string_view json, std::string_view name);

}  // namespace tarn::iceberg
