// SPDX-License-Identifier: Apache-2.0
//
// Reading members of JSON objects that somebody else wrote: typed, with messages that name the file
// and the member, and without exceptions. Private to the _json files (nlohmann's header is heavy).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "tarn/status.h"

namespace tarn::iceberg {

using Json = nlohmann::ordered_json;

/// How deeply objects and arrays may be nested in what we read: no real file comes near.
inline constexpr int kMaxJsonDepth = 100;

/// kCorrupt with the file, the reason and the byte.
Result<Json> ParseJson(std::string_view text, std::string_view name);

/// An object being read. Remembers which members were asked for, so that the rest can be kept.
class JsonObject {
 public:
  /// `where` is "file: member": the beginning of messages.
  static Result<JsonObject> Of(const Json& json, std::string where);

  Result<int64_t> Int(const char* key);
  Result<std::string> String(const char* key);
  /// Absent and null members are nullopt.
  Result<std::optional<int64_t>> OptionalInt(const char* key);
  Result<std::optional<std::string>> OptionalString(const char* key);
  Result<std::optional<bool>> OptionalBool(const char* key);
  /// {} when absent.
  Result<std::map<std::string, std::string>> StringMap(const char* key);
  Result<std::vector<int32_t>> IntArray(const char* key);
  /// The member, or nullptr when absent or null.
  const Json* Find(const char* key);
  /// The elements; {} when absent.
  Result<std::vector<const Json*>> Array(const char* key);

  Status Corrupt(std::string_view what) const;
  const std::string& where() const { return where_; }
  /// The text of an object with the members nobody asked for; "" when there are none.
  std::string Rest() const;

 private:
  JsonObject(const Json& json, std::string where) : json_(&json), where_(std::move(where)) {}
  const Json* json_;
  std::string where_;
  std::vector<std::string> seen_;
};

/// The value of an integer that 64 signed bits hold; nullopt for any other JSON.
std::optional<int64_t> IntOf(const Json& json);
/// A 32-bit number, or kCorrupt.
Result<int32_t> ToInt32(int64_t value, const JsonObject& object, const char* key);
/// Adds the members of `extra` (as Rest made it) that `object` does not have.
void MergeExtra(Json& object, const std::string& extra);
/// The text of a JSON value; bytes that are not UTF-8 are replaced.
std::string JsonText(const Json& json);

}  // namespace tarn::iceberg
