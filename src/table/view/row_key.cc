// SPDX-License-Identifier: Apache-2.0
#include "table/view/row_key.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "arrow/api.h"

namespace tarn {
namespace {

/// Appends the value of a row that is not null.
using AppendValue = std::function<void(int64_t row, std::string* key)>;

template <typename T>
void AppendRaw(T value, std::string* key) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  key->append(bytes, sizeof(T));
}

template <typename ArrayType>
AppendValue Numbers(const arrow::Array& array) {
  const auto* values = static_cast<const ArrayType&>(array).raw_values();
  return [values](int64_t row, std::string* key) {
    auto value = values[row];
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      if (std::isnan(value)) value = std::numeric_limits<decltype(value)>::quiet_NaN();
    }
    AppendRaw(value, key);
  };
}

template <typename ArrayType>
AppendValue Texts(const arrow::Array& array) {
  const auto* texts = static_cast<const ArrayType*>(&array);
  return [texts](int64_t row, std::string* key) {
    const std::string_view text = texts->GetView(row);
    AppendRaw(static_cast<uint64_t>(text.size()), key);
    key->append(text);
  };
}

Result<AppendValue> AppenderOf(const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::BOOL: {
      const auto* flags = static_cast<const arrow::BooleanArray*>(&array);
      return [flags](int64_t row, std::string* key) { key->push_back(flags->Value(row) ? 1 : 0); };
    }
    case arrow::Type::INT32:
      return Numbers<arrow::Int32Array>(array);
    case arrow::Type::INT64:
      return Numbers<arrow::Int64Array>(array);
    case arrow::Type::FLOAT:
      return Numbers<arrow::FloatArray>(array);
    case arrow::Type::DOUBLE:
      return Numbers<arrow::DoubleArray>(array);
    case arrow::Type::DATE32:
      return Numbers<arrow::Date32Array>(array);
    case arrow::Type::TIME64:
      return Numbers<arrow::Time64Array>(array);
    case arrow::Type::TIMESTAMP:
      return Numbers<arrow::TimestampArray>(array);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return Texts<arrow::BinaryArray>(array);
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::DECIMAL128:
      return Texts<arrow::FixedSizeBinaryArray>(array);
    case arrow::Type::EXTENSION:
      return AppenderOf(*static_cast<const arrow::ExtensionArray&>(array).storage());
    default:
      return Error(ErrorKind::kNotSupported, "rows cannot be told apart by values of type ",
                   array.type()->ToString());
  }
}

}  // namespace

Status ForEachRowKey(const arrow::ArrayVector& columns, int64_t rows,
                     const std::function<void(int64_t row, std::string_view key)>& visit) {
  std::vector<AppendValue> appenders;
  for (const auto& column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto append, AppenderOf(*column));
    appenders.push_back(std::move(append));
  }
  std::string key;
  for (int64_t row = 0; row < rows; ++row) {
    key.clear();
    for (size_t i = 0; i < columns.size(); ++i) {
      const bool valid = columns[i]->IsValid(row);
      key.push_back(valid ? 'v' : 'n');
      if (valid) appenders[i](row, &key);
    }
    visit(row, key);
  }
  return Status::OK();
}

}  // namespace tarn
