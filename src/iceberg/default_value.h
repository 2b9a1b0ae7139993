// SPDX-License-Identifier: Apache-2.0
//
// Default values of columns: what readers see in rows of files that are older than the column.
// Source: the Iceberg table specification version 3, "Default values", and Appendix D, "JSON
// single-value serialization".
#pragma once

#include <optional>

#include "iceberg/schema.h"
#include "iceberg/value.h"

namespace tarn::iceberg {

/// The field's `initial-default`; nullopt when it has none, or null. A struct's default can only be
/// "{}", which is given as a null Value: the struct is there, and its fields have their defaults.
/// kCorrupt when it does not have the field's type; kNotSupported for a default of a list or map,
/// or of a struct with members.
Result<std::optional<Value>> InitialDefault(const NestedField& field);

}  // namespace tarn::iceberg
