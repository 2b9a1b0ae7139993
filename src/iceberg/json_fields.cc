// SPDX-License-Identifier: Apache-2.0
#include "iceberg/json_fields.h"

#include <algorithm>
#include <limits>

namespace tarn::iceberg {
namespace {

/// Counts nesting and remembers the first error, without building anything.
class DepthCheck : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return Down(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return Up(); }
  bool start_array(size_t) override { return Down(); }
  bool end_array() override { return Up(); }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& e) override {
    position_ = position;
    message_ = e.what();
    return false;
  }
  size_t position() const { return position_; }
  const std::string& message() const { return message_; }

 private:
  bool Down() {
    if (++depth_ <= kMaxJsonDepth) return true;
    message_ = "it is nested too deeply";
    return false;
  }
  bool Up() {
    --depth_;
    return true;
  }
  int depth_ = 0;
  size_t position_ = 0;
  std::string message_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view name) {
  try {
    DepthCheck check;
    if (!Json::sax_parse(text.begin(), text.end(), &check)) {
      return Error(ErrorKind::kCorrupt, name, " is not JSON: ", check.message());
    }
    return Json::parse(text.begin(), text.end());
  } catch (const std::exception& e) {
    return Error(ErrorKind::kCorrupt, name, " is not JSON: ", e.what());
  }
}

Result<JsonObject> JsonObject::Of(const Json& json, std::string where) {
  if (!json.is_object()) return Error(ErrorKind::kCorrupt, where, " is not a JSON object");
  return JsonObject(json, std::move(where));
}

Status JsonObject::Corrupt(std::string_view what) const {
  return Error(ErrorKind::kCorrupt, where_, ": ", what);
}

const Json* JsonObject::Find(const char* key) {
  seen_.emplace_back(key);
  const auto it = json_->find(key);
  return it == json_->end() || it->is_null() ? nullptr : &*it;
}

Result<std::optional<int64_t>> JsonObject::OptionalInt(const char* key) {
  const Json* member = Find(key);
  if (member == nullptr) return std::nullopt;
  const auto value = IntOf(*member);
  if (!value) return Corrupt(std::string("'") + key + "' is not a 64-bit integer");
  return value;
}

Result<int64_t> JsonObject::Int(const char* key) {
  ARROW_ASSIGN_OR_RAISE(const auto value, OptionalInt(key));
  if (!value) return Corrupt(std::string("'") + key + "' is missing");
  return *value;
}

Result<std::optional<std::string>> JsonObject::OptionalString(const char* key) {
  const Json* member = Find(key);
  if (member == nullptr) return std::nullopt;
  if (!member->is_string()) return Corrupt(std::string("'") + key + "' is not a string");
  return member->get<std::string>();
}

Result<std::string> JsonObject::String(const char* key) {
  ARROW_ASSIGN_OR_RAISE(auto value, OptionalString(key));
  if (!value) return Corrupt(std::string("'") + key + "' is missing");
  return *std::move(value);
}

Result<std::optional<bool>> JsonObject::OptionalBool(const char* key) {
  const Json* member = Find(key);
  if (member == nullptr) return std::nullopt;
  if (!member->is_boolean()) return Corrupt(std::string("'") + key + "' is not true or false");
  return member->get<bool>();
}

Result<std::map<std::string, std::string>> JsonObject::StringMap(const char* key) {
  std::map<std::string, std::string> result;
  const Json* member = Find(key);
  if (member == nullptr) return result;
  if (!member->is_object()) return Corrupt(std::string("'") + key + "' is not an object");
  for (const auto& [name, value] : member->items()) {
    // Some writers put numbers and booleans where strings belong.
    if (value.is_structured() || value.is_null()) continue;
    result[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return result;
}

Result<std::vector<const Json*>> JsonObject::Array(const char* key) {
  std::vector<const Json*> result;
  const Json* member = Find(key);
  if (member == nullptr) return result;
  if (!member->is_array()) return Corrupt(std::string("'") + key + "' is not an array");
  for (const auto& element : *member) result.push_back(&element);
  return result;
}

Result<std::vector<int32_t>> JsonObject::IntArray(const char* key) {
  std::vector<int32_t> result;
  ARROW_ASSIGN_OR_RAISE(const auto elements, Array(key));
  for (const Json* element : elements) {
    const auto number = IntOf(*element);
    if (!number) {
      return Corrupt(std::string("'") + key + "' holds something that is not a 64-bit integer");
    }
    ARROW_ASSIGN_OR_RAISE(const int32_t value, ToInt32(*number, *this, key));
    result.push_back(value);
  }
  return result;
}

std::string JsonObject::Rest() const {
  Json rest = Json::object();
  for (const auto& [key, value] : json_->items()) {
    if (std::find(seen_.begin(), seen_.end(), key) == seen_.end()) rest[key] = value;
  }
  return rest.empty() ? std::string() : JsonText(rest);
}

std::optional<int64_t> IntOf(const Json& json) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<uint64_t>() > kMax) return std::nullopt;
  return json.get<int64_t>();
}

Result<int32_t> ToInt32(int64_t value, const JsonObject& object, const char* key) {
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return object.Corrupt(std::string("'") + key + "' is not a 32-bit integer");
  }
  return static_cast<int32_t>(value);
}

void MergeExtra(Json& object, const std::string& extra) {
  if (extra.empty()) return;
  const Json rest = Json::parse(extra, nullptr, /*allow_exceptions=*/false);
  if (!rest.is_object()) return;
  for (const auto& [key, value] : rest.items()) {
    if (!object.contains(key)) object[key] = value;
  }
}

std::string JsonText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tarn::iceberg
