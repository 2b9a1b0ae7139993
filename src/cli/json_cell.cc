// SPDX-License-Identifier: Apache-2.0
#include "cli/json_cell.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "arrow/api.h"
#include "arrow/util/base64.h"

namespace tarn::cli {
namespace {

template <typename Number>
void AppendNumber(Number number, std::string* out) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
  out->append(text, end);
}

template <typename Float>
void AppendFloat(Float number, std::string* out) {
  // JSON has no word for these; null keeps the line readable for every parser.
  if (!std::isfinite(number)) {
    out->append("null");
    return;
  }
  AppendNumber(number, out);
}

Status AppendQuotedScalar(const arrow::Array& array, int64_t i, std::string* out) {
  ARROW_ASSIGN_OR_RAISE(auto scalar, array.GetScalar(i));
  AppendJsonString(scalar->ToString(), out);
  return Status::OK();
}

/// The storage of the one extension type that tables hold, in the usual form 8-4-4-4-12.
Status AppendUuid(const arrow::Array& storage, int64_t i, std::string* out) {
  if (storage.type_id() != arrow::Type::FIXED_SIZE_BINARY) {
    return Error(ErrorKind::kNotSupported, "cannot print values of this extension type");
  }
  const auto bytes = static_cast<const arrow::FixedSizeBinaryArray&>(storage).GetView(i);
  out->push_back('"');
  for (size_t b = 0; b < bytes.size(); ++b) {
    char hex[4];
    std::snprintf(hex, sizeof(hex), "%02x", static_cast<unsigned char>(bytes[b]));
    if (b == 4 || b == 6 || b == 8 || b == 10) out->push_back('-');
    out->append(hex);
  }
  out->push_back('"');
  return Status::OK();
}

Status AppendRange(const arrow::Array& values, int64_t begin, int64_t end, std::string* out) {
  out->push_back('[');
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) out->append(", ");
    ARROW_RETURN_NOT_OK(AppendJson(values, i, out));
  }
  out->push_back(']');
  return Status::OK();
}

Status AppendStruct(const arrow::StructArray& array, int64_t i, std::string* out) {
  out->push_back('{');
  for (int f = 0; f < array.num_fields(); ++f) {
    if (f > 0) out->append(", ");
    AppendJsonString(array.struct_type()->field(f)->name(), out);
    out->append(": ");
    ARROW_RETURN_NOT_OK(AppendJson(*array.field(f), i, out));
  }
  out->push_back('}');
  return Status::OK();
}

/// Maps become lists of {"key", "value"}: keys need not be strings.
Status AppendMap(const arrow::MapArray& array, int64_t i, std::string* out) {
  out->push_back('[');
  for (int64_t j = array.value_offset(i); j < array.value_offset(i + 1); ++j) {
    if (j > array.value_offset(i)) out->append(", ");
    out->append("{\"key\": ");
    ARROW_RETURN_NOT_OK(AppendJson(*array.keys(), j, out));
    out->append(", \"value\": ");
    ARROW_RETURN_NOT_OK(AppendJson(*array.items(), j, out));
    out->push_back('}');
  }
  out->push_back(']');
  return Status::OK();
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escaped[8];
          std::snprintf(escaped, sizeof(escaped), "\\u%04x", c);
          out->append(escaped);
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

Status AppendJson(const arrow::Array& array, int64_t i, std::string* out) {
  if (array.IsNull(i)) {
    out->append("null");
    return Status::OK();
  }
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      out->append(static_cast<const arrow::BooleanArray&>(array).Value(i) ? "true" : "false");
      return Status::OK();
    case arrow::Type::INT32:
      AppendNumber(static_cast<const arrow::Int32Array&>(array).Value(i), out);
      return Status::OK();
    case arrow::Type::INT64:
      AppendNumber(static_cast<const arrow::Int64Array&>(array).Value(i), out);
      return Status::OK();
    case arrow::Type::UINT32:
      AppendNumber(static_cast<const arrow::UInt32Array&>(array).Value(i), out);
      return Status::OK();
    case arrow::Type::FLOAT:
      AppendFloat(static_cast<const arrow::FloatArray&>(array).Value(i), out);
      return Status::OK();
    case arrow::Type::DOUBLE:
      AppendFloat(static_cast<const arrow::DoubleArray&>(array).Value(i), out);
      return Status::OK();
    case arrow::Type::DECIMAL128:
      out->append(static_cast<const arrow::Decimal128Array&>(array).FormatValue(i));
      return Status::OK();
    case arrow::Type::STRING:
      AppendJsonString(static_cast<const arrow::StringArray&>(array).GetView(i), out);
      return Status::OK();
    case arrow::Type::BINARY:
      AppendJsonString(
          arrow::util::base64_encode(static_cast<const arrow::BinaryArray&>(array).GetView(i)),
          out);
      return Status::OK();
    case arrow::Type::FIXED_SIZE_BINARY:
      AppendJsonString(arrow::util::base64_encode(
                           static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(i)),
                       out);
      return Status::OK();
    case arrow::Type::EXTENSION:
      return AppendUuid(*static_cast<const arrow::ExtensionArray&>(array).storage(), i, out);
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      return AppendRange(*list.values(), list.value_offset(i), list.value_offset(i + 1), out);
    }
    case arrow::Type::MAP:
      return AppendMap(static_cast<const arrow::MapArray&>(array), i, out);
    case arrow::Type::STRUCT:
      return AppendStruct(static_cast<const arrow::StructArray&>(array), i, out);
    case arrow::Type::DATE32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
      return AppendQuotedScalar(array, i, out);
    default:
      return Error(ErrorKind::kNotSupported, "cannot print values of type ",
                   array.type()->ToString());
  }
}

}  // namespace tarn::cli
