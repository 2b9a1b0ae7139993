// SPDX-License-Identifier: Apache-2.0
#include "cli/json_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "arrow/api.h"
#include "arrow/compute/cast.h"
#include "arrow/extension/uuid.h"
#include "arrow/json/api.h"
#include "arrow/util/base64.h"

namespace tarn::cli {
namespace {

using ArrayResult = Result<std::shared_ptr<arrow::Array>>;
using TypePtr = std::shared_ptr<arrow::DataType>;

arrow::FieldVector MapFields(const arrow::FieldVector& fields, TypePtr (*change)(const TypePtr&)) {
  arrow::FieldVector changed;
  for (const auto& field : fields) {
    changed.push_back(arrow::field(field->name(), change(field->type())));
  }
  return changed;
}

/// As which type a value of the table is read from JSON. Everything may be null: what must not be
/// is the table's to say, and it names the row.
TypePtr JsonType(const TypePtr& type) {
  switch (type->id()) {
    case arrow::Type::DATE32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::EXTENSION:
      return arrow::utf8();
    case arrow::Type::LIST:
    case arrow::Type::STRUCT: {
      auto fields = MapFields(type->fields(), JsonType);
      if (type->id() == arrow::Type::LIST) return arrow::list(std::move(fields[0]));
      return arrow::struct_(std::move(fields));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      return arrow::list(arrow::struct_({arrow::field("key", JsonType(map.key_type())),
                                         arrow::field("value", JsonType(map.item_type()))}));
    }
    default:
      return type;
  }
}

/// What a column becomes whose type Arrow has guessed.
TypePtr TypeFromGuess(const TypePtr& guess) {
  switch (guess->id()) {
    case arrow::Type::NA:
    case arrow::Type::TIMESTAMP:
      return arrow::utf8();
    case arrow::Type::LIST:
      return arrow::list(MapFields(guess->fields(), TypeFromGuess)[0]);
    case arrow::Type::STRUCT:
      return arrow::struct_(MapFields(guess->fields(), TypeFromGuess));
    default:
      return guess;
  }
}

Status BadValue(std::string_view text, const arrow::DataType& type) {
  return Error(ErrorKind::kBadInput, "'", text, "' is no ", type.ToString());
}

Result<std::string> Base64Bytes(std::string_view text, const arrow::DataType& type) {
  const auto bytes = arrow::util::base64_decode(text);
  // The decoder passes over what another would not.
  if (!bytes.ok() || arrow::util::base64_encode(*bytes) != text) return BadValue(text, type);
  return *bytes;
}

ArrayResult Base64Column(const arrow::StringArray& texts, const TypePtr& type) {
  arrow::BinaryBuilder builder;
  const bool fixed = type->id() == arrow::Type::FIXED_SIZE_BINARY;
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (texts.IsNull(i)) {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, Base64Bytes(texts.GetView(i), *type));
    if (fixed && static_cast<int32_t>(bytes.size()) !=
                     static_cast<const arrow::FixedSizeBinaryType&>(*type).byte_width()) {
      return BadValue(texts.GetView(i), *type);
    }
    ARROW_RETURN_NOT_OK(builder.Append(bytes));
  }
  ARROW_ASSIGN_OR_RAISE(auto binary, builder.Finish());
  return fixed ? arrow::compute::Cast(*binary, type) : ArrayResult(std::move(binary));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// 8-4-4-4-12 hexadecimal digits.
ArrayResult UuidColumn(const arrow::StringArray& texts, const TypePtr& type) {
  arrow::FixedSizeBinaryBuilder builder(arrow::fixed_size_binary(16));
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (texts.IsNull(i)) {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    const std::string_view text = texts.GetView(i);
    std::string bytes;
    bool good = text.size() == 36;
    for (size_t at = 0; good && at < 36;) {
      if (at == 8 || at == 13 || at == 18 || at == 23) {
        good = text[at++] == '-';
        continue;
      }
      const int high = HexDigit(text[at]), low = HexDigit(text[at + 1]);
      good = high >= 0 && low >= 0;
      bytes.push_back(static_cast<char>(high * 16 + low));
      at += 2;
    }
    if (!good) return BadValue(text, *type);
    ARROW_RETURN_NOT_OK(builder.Append(bytes));
  }
  ARROW_ASSIGN_OR_RAISE(auto stored, builder.Finish());
  return stored->View(type);
}

/// Arrow reads times of day only with a day.
ArrayResult TimeColumn(const arrow::StringArray& texts, const TypePtr& type) {
  arrow::StringBuilder builder;
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (texts.IsNull(i)) {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
    } else {
      ARROW_RETURN_NOT_OK(builder.Append("1970-01-01T" + texts.GetString(i)));
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto moments, builder.Finish());
  ARROW_ASSIGN_OR_RAISE(const auto times,
                        arrow::compute::Cast(*moments, arrow::timestamp(arrow::TimeUnit::MICRO)));
  return times->View(type);
}

ArrayResult FromJson(const std::shared_ptr<arrow::Array>& json, const TypePtr& type);

/// The children of a struct in the types of `fields`.
Result<arrow::ArrayVector> Children(const arrow::Array& json, const arrow::FieldVector& fields) {
  const auto& from = static_cast<const arrow::StructArray&>(json);
  arrow::ArrayVector children;
  for (size_t i = 0; i < fields.size(); ++i) {
    auto child = FromJson(from.field(static_cast<int>(i)), fields[i]->type());
    if (!child.ok()) return WithContext(child.status(), "'" + fields[i]->name() + "'");
    children.push_back(*std::move(child));
  }
  return children;
}

ArrayResult NestedFromJson(const std::shared_ptr<arrow::Array>& json, const TypePtr& type) {
  auto data = json->data()->Copy();
  arrow::FieldVector fields;
  if (type->id() == arrow::Type::STRUCT) {
    ARROW_ASSIGN_OR_RAISE(const auto children, Children(*json, type->fields()));
    for (size_t i = 0; i < children.size(); ++i) {
      fields.push_back(type->field(static_cast<int>(i))->WithType(children[i]->type()));
      data->child_data[i] = children[i]->data();
    }
    data->type = arrow::struct_(MapFields(fields, [](const TypePtr& same) { return same; }));
    return arrow::MakeArray(std::move(data));
  }
  const auto& values = static_cast<const arrow::ListArray&>(*json).values();
  if (type->id() == arrow::Type::LIST) {
    ARROW_ASSIGN_OR_RAISE(const auto converted, FromJson(values, type->field(0)->type()));
    data->type = arrow::list(arrow::field("element", converted->type()));
    data->child_data[0] = converted->data();
    return arrow::MakeArray(std::move(data));
  }
  const auto& map = static_cast<const arrow::MapType&>(*type);
  ARROW_ASSIGN_OR_RAISE(const auto entries, Children(*values, {map.key_field(), map.item_field()}));
  if (entries[0]->null_count() > 0) {
    return Error(ErrorKind::kBadInput, "a map has an entry without a key");
  }
  const auto map_type = std::make_shared<arrow::MapType>(entries[0]->type(), entries[1]->type());
  data->type = map_type;
  data->child_data[0] =
      std::make_shared<arrow::StructArray>(map_type->value_type(), values->length(), entries)
          ->data();
  return arrow::MakeArray(std::move(data));
}

/// The column as the table has it. `json` is of JsonType(type).
ArrayResult FromJson(const std::shared_ptr<arrow::Array>& json, const TypePtr& type) {
  switch (type->id()) {
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      return arrow::compute::Cast(*json, type);
    case arrow::Type::TIME64:
      return TimeColumn(static_cast<const arrow::StringArray&>(*json), type);
    case arrow::Type::BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
      return Base64Column(static_cast<const arrow::StringArray&>(*json), type);
    case arrow::Type::EXTENSION:
      if (!type->Equals(*arrow::extension::uuid())) break;
      return UuidColumn(static_cast<const arrow::StringArray&>(*json), type);
    case arrow::Type::LIST:
    case arrow::Type::STRUCT:
    case arrow::Type::MAP:
      return NestedFromJson(json, type);
    default:
      return json;
  }
  return Error(ErrorKind::kNotSupported, "values of ", type->ToString(), " cannot be read as JSON");
}

/// Rows of `text` under a schema; without one, under the schema that it suggests.
Result<std::shared_ptr<arrow::RecordBatch>> Parse(const std::string& text,
                                                  std::shared_ptr<arrow::Schema> schema,
                                                  bool infer) {
  auto options = arrow::json::ParseOptions::Defaults();
  options.explicit_schema = std::move(schema);
  options.unexpected_field_behavior = infer ? arrow::json::UnexpectedFieldBehavior::InferType
                                            : arrow::json::UnexpectedFieldBehavior::Error;
  return arrow::json::ParseOne(options, arrow::Buffer::FromString(text));
}

/// The reason in the parser's words, without its own count of rows.
std::string ReasonOf(const Status& status) {
  std::string reason = status.message();
  if (const size_t row = reason.rfind(" in row 0"); row != std::string::npos) reason.erase(row);
  return reason;
}

/// A field of the line that the schema lacks.
std::string UnknownField(const std::string& line, const arrow::Schema& schema) {
  const auto row = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) return {};
  for (const auto& item : row.items()) {
    if (schema.GetFieldIndex(item.key()) < 0) return item.key();
  }
  return {};
}

Status BadLine(int64_t number, const std::string& reason) {
  return Error(ErrorKind::kBadInput, "line ", number, ": ", reason);
}

/// Which line is to blame for `status`, found by trying each.
Status Blame(const LinePiece& lines, const Status& status, const JsonRows* rows,
             const std::shared_ptr<arrow::Schema>& schema) {
  int64_t number = lines.first_line;
  for (size_t begin = 0; begin < lines.text.size(); ++number) {
    const size_t end = lines.text.find('\n', begin) + 1;
    LinePiece one{lines.text.substr(begin, end - begin), 1, number};
    begin = end;
    const auto parsed = Parse(one.text, schema, /*infer=*/rows == nullptr);
    if (!parsed.ok()) {
      const std::string unknown = rows ? UnknownField(one.text, *schema) : std::string();
      return BadLine(number, unknown.empty() ? ReasonOf(parsed.status())
                                             : "the table has no column '" + unknown + "'");
    }
    if ((*parsed)->num_rows() != 1) {
      return BadLine(number, "holds " + std::to_string((*parsed)->num_rows()) +
                                 " rows: write each on a line of its own");
    }
    if (rows == nullptr || lines.lines == 1) continue;
    ARROW_RETURN_NOT_OK(rows->Read(one).status());
  }
  return Error(ErrorKind::kBadInput, "lines ", lines.first_line, " to ",
               lines.first_line + lines.lines - 1, ": ", status.message());
}

}  // namespace

JsonRows::JsonRows(std::shared_ptr<arrow::Schema> schema)
    : schema_(std::move(schema)),
      json_schema_(arrow::schema(MapFields(schema_->fields(), JsonType))) {}

Result<JsonRows> JsonRows::Infer(const LinePiece& lines, const std::vector<std::string>& vectors) {
  arrow::FieldVector fields;
  for (const auto& name : vectors) {
    fields.push_back(arrow::field(name, arrow::list(arrow::float32())));
  }
  const auto known = arrow::schema(fields);
  const auto guessed = Parse(lines.text, known, /*infer=*/true);
  if (!guessed.ok()) return Blame(lines, guessed.status(), nullptr, known);
  arrow::FieldVector found;
  for (const auto& field : (*guessed)->schema()->fields()) {
    const auto column = (*guessed)->GetColumnByName(field->name());
    const bool is_vector =
        std::find(vectors.begin(), vectors.end(), field->name()) != vectors.end();
    // The explicit ones are there though no row has them.
    if (is_vector && column->null_count() == column->length()) continue;
    found.push_back(arrow::field(field->name(), TypeFromGuess(field->type())));
  }
  return JsonRows(arrow::schema(std::move(found)));
}

Result<std::shared_ptr<arrow::RecordBatch>> JsonRows::Read(const LinePiece& lines) const {
  const auto blame = [&](const Status& status) { return Blame(lines, status, this, json_schema_); };
  const auto parsed = Parse(lines.text, json_schema_, /*infer=*/false);
  if (!parsed.ok()) return blame(parsed.status());
  const auto& json = **parsed;
  if (json.num_rows() != lines.lines) {
    return blame(Error(ErrorKind::kBadInput, "there are ", json.num_rows(), " rows"));
  }
  arrow::ArrayVector columns;
  arrow::FieldVector fields;
  for (const auto& field : schema_->fields()) {
    auto column = FromJson(json.GetColumnByName(field->name()), field->type());
    if (!column.ok()) {
      const Status why = WithContext(column.status(), "column '" + field->name() + "'");
      return lines.lines == 1 ? BadLine(lines.first_line, why.message()) : blame(why);
    }
    fields.push_back(arrow::field(field->name(), (*column)->type()));
    columns.push_back(*std::move(column));
  }
  auto rows = arrow::RecordBatch::Make(arrow::schema(fields), json.num_rows(), std::move(columns));
  const Status valid = rows->ValidateFull();
  return valid.ok() ? Result<std::shared_ptr<arrow::RecordBatch>>(std::move(rows)) : blame(valid);
}

}  // namespace tarn::cli
