// SPDX-License-Identifier: Apache-2.0
//
// Schemas inside a larger JSON document. Private to the _json files.
#pragma once

#include <string>

#include "iceberg/json_fields.h"
#include "iceberg/schema.h"

namespace tarn::iceberg {

Json SchemaJson(const Schema& schema);
Result<Schema> SchemaOf(const Json& json, const std::string& where);

}  // namespace tarn::iceberg
