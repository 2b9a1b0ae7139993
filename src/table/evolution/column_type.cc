// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "arrow/api.h"
#include "arrow/extension/uuid.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;

constexpr int kMaxDepth = 32;

TypePtr Plain(std::string_view name) {
  if (name == "boolean") return arrow::boolean();
  if (name == "int") return arrow::int32();
  if (name == "long") return arrow::int64();
  if (name == "float") return arrow::float32();
  if (name == "double") return arrow::float64();
  if (name == "date") return arrow::date32();
  if (name == "time") return arrow::time64(arrow::TimeUnit::MICRO);
  if (name == "timestamp") return arrow::timestamp(arrow::TimeUnit::MICRO);
  if (name == "timestamptz") return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  if (name == "string") return arrow::utf8();
  if (name == "binary") return arrow::binary();
  if (name == "uuid") return arrow::extension::uuid();
  return nullptr;
}

/// Reads a type from the front of a text.
class TypeReader {
 public:
  explicit TypeReader(std::string_view text) : all_(text), rest_(text) {}

  Result<TypePtr> ReadAll() {
    ARROW_ASSIGN_OR_RAISE(auto type, Read(0));
    SkipBlanks();
    if (!rest_.empty()) return Wrong("nothing more");
    return type;
  }

 private:
  Status Wrong(std::string_view expected) const {
    return Error(ErrorKind::kBadInput, "'", all_, "' is no type: expected ", expected, " at '",
                 rest_, "'; types are boolean, int, long, float, double, date, time, timestamp, ",
                 "timestamptz, string, uuid, binary, decimal(P, S), fixed[N], list<T>, map<K, V>, ",
                 "struct<name: T, ...>");
  }

  void SkipBlanks() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  Status Take(char wanted) {
    SkipBlanks();
    if (rest_.empty() || rest_.front() != wanted) return Wrong(std::string("'") + wanted + "'");
    rest_.remove_prefix(1);
    return Status::OK();
  }

  bool TakeIf(char wanted) {
    SkipBlanks();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view Word() {
    SkipBlanks();
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" <>(),:[]"));
    rest_.remove_prefix(word.size());
    return word;
  }

  Result<int32_t> Number() {
    SkipBlanks();
    int32_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) return Wrong("a number");
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  Result<TypePtr> Read(int depth);
  Result<TypePtr> ReadStruct(int depth);

  std::string_view all_, rest_;
};

Result<TypePtr> TypeReader::ReadStruct(int depth) {
  ARROW_RETURN_NOT_OK(Take('<'));
  arrow::FieldVector fields;
  do {
    const std::string name(Word());
    if (name.empty()) return Wrong("a field name");
    ARROW_RETURN_NOT_OK(Take(':'));
    ARROW_ASSIGN_OR_RAISE(auto type, Read(depth + 1));
    fields.push_back(arrow::field(name, std::move(type)));
  } while (TakeIf(','));
  ARROW_RETURN_NOT_OK(Take('>'));
  return arrow::struct_(std::move(fields));
}

Result<TypePtr> TypeReader::Read(int depth) {
  if (depth > kMaxDepth) return Wrong("less nesting");
  const std::string_view before = rest_;
  const std::string_view name = Word();
  if (TypePtr plain = Plain(name)) return plain;
  if (name == "decimal") {
    ARROW_RETURN_NOT_OK(Take('('));
    ARROW_ASSIGN_OR_RAISE(const int32_t precision, Number());
    ARROW_RETURN_NOT_OK(Take(','));
    ARROW_ASSIGN_OR_RAISE(const int32_t scale, Number());
    ARROW_RETURN_NOT_OK(Take(')'));
    if (precision < 1 || precision > 38 || scale > precision) {
      return Wrong("a precision of 1 to 38 that is no less than the scale before");
    }
    return arrow::decimal128(precision, scale);
  }
  if (name == "fixed") {
    ARROW_RETURN_NOT_OK(Take('['));
    ARROW_ASSIGN_OR_RAISE(const int32_t length, Number());
    ARROW_RETURN_NOT_OK(Take(']'));
    if (length < 1) return Wrong("a length of at least 1 before");
    return arrow::fixed_size_binary(length);
  }
  if (name == "list") {
    ARROW_RETURN_NOT_OK(Take('<'));
    ARROW_ASSIGN_OR_RAISE(auto element, Read(depth + 1));
    ARROW_RETURN_NOT_OK(Take('>'));
    return arrow::list(std::move(element));
  }
  if (name == "map") {
    ARROW_RETURN_NOT_OK(Take('<'));
    ARROW_ASSIGN_OR_RAISE(auto key, Read(depth + 1));
    ARROW_RETURN_NOT_OK(Take(','));
    ARROW_ASSIGN_OR_RAISE(auto value, Read(depth + 1));
    ARROW_RETURN_NOT_OK(Take('>'));
    return arrow::map(std::move(key), std::move(value));
  }
  if (name == "struct") return ReadStruct(depth);
  rest_ = before;
  return Wrong("the name of a type");
}

}  // namespace

Result<std::shared_ptr<arrow::DataType>> ParseColumnType(std::string_view text) {
  return TypeReader(text).ReadAll();
}

}  // namespace tarn
