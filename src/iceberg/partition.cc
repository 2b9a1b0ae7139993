// SPDX-License-Identifier: Apache-2.0
#include "iceberg/partition.h"

#include <utility>

namespace tarn::iceberg {
namespace {

bool HasPrefix(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool IsTimeLike(TypeId id) {
  return id == TypeId::kDate || id == TypeId::kTimestamp || id == TypeId::kTimestampTz ||
         id == TypeId::kTimestampNs || id == TypeId::kTimestampTzNs;
}

}  // namespace

Result<Type> TransformResultType(const std::string& transform, const Type& source) {
  if (source.is_nested()) {
    return Error(ErrorKind::kBadInput, "transform '", transform, "' of a ", source.ToString(),
                 " column: partition columns must be primitive");
  }
  if (transform == "identity" || transform == "void" || HasPrefix(transform, "truncate[")) {
    return source;
  }
  if (HasPrefix(transform, "bucket[")) return Type::Of(TypeId::kInt);
  const bool of_dates = transform == "year" || transform == "month" || transform == "day";
  if (of_dates || transform == "hour") {
    if (!IsTimeLike(source.id) || (transform == "hour" && source.id == TypeId::kDate)) {
      return Error(ErrorKind::kBadInput, "transform '", transform, "' does not fit a ",
                   source.ToString(), " column");
    }
    return Type::Of(transform == "day" ? TypeId::kDate : TypeId::kInt);
  }
  return Error(ErrorKind::kNotSupported, "the partition transform '", transform, "' is not known");
}

Result<std::vector<NestedField>> PartitionType(const PartitionSpec& spec, const Schema& schema) {
  std::vector<NestedField> fields;
  for (const auto& field : spec.fields) {
    const NestedField* source = schema.FindField(field.source_id);
    if (source == nullptr) {
      return Error(ErrorKind::kBadInput, "partition field '", field.name,
                   "' has the source column ", field.source_id, ", which the schema does not have");
    }
    ARROW_ASSIGN_OR_RAISE(auto type, TransformResultType(field.transform, source->type));
    fields.push_back({field.field_id, field.name, false, std::move(type), {}, {}});
  }
  return fields;
}

}  // namespace tarn::iceberg
