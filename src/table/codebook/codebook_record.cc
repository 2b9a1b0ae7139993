// SPDX-License-Identifier: Apache-2.0
#include "table/codebook/codebook_record.h"

#include <nlohmann/json.hpp>

namespace tarn {

std::string CodebookRecord::ToProperty() const {
  return nlohmann::json{{"id", id}, {"fingerprint", fingerprint}, {"file", file}}.dump();
}

Result<CodebookRecord> CodebookRecord::Parse(const std::string& key, const std::string& value) {
  const auto json = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* field, auto is) {
    return json.contains(field) && is(json[field]);
  };
  const auto is_text = [](const nlohmann::json& j) { return j.is_string(); };
  if (!json.is_object() || !has("fingerprint", is_text) || !has("file", is_text) ||
      !has("id", [](const nlohmann::json& j) { return j.is_number_integer(); })) {
    return Error(ErrorKind::kCorrupt, "the table property '", key, "' is '", value,
                 "', not an object of id, fingerprint and file; remove it to train a new codebook");
  }
  return CodebookRecord{json["id"].get<int64_t>(), json["fingerprint"].get<std::string>(),
                        json["file"].get<std::string>()};
}

std::string CodebookRecord::PropertyKey(int32_t field_id) {
  return "tarn.codebook." + std::to_string(field_id);
}

Result<std::optional<CodebookRecord>> CodebookRecord::Find(
    const std::map<std::string, std::string>& properties, int32_t field_id) {
  const std::string key = PropertyKey(field_id);
  const auto found = properties.find(key);
  if (found == properties.end()) return std::optional<CodebookRecord>();
  ARROW_ASSIGN_OR_RAISE(auto record, Parse(key, found->second));
  return std::optional<CodebookRecord>(std::move(record));
}

}  // namespace tarn
