// SPDX-License-Identifier: Apache-2.0
#include "catalog/metadata_file.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/random_id.h"
#include "iceberg/block_codec.h"
#include "iceberg/table_metadata_json.h"

namespace tarn {
namespace {

using iceberg::TableMetadata;

constexpr char kDeleteAfterCommit[] = "write.metadata.delete-after-commit.enabled";
constexpr char kPreviousVersionsMax[] = "write.metadata.previous-versions-max";
constexpr int64_t kDefaultPreviousVersions = 100;

bool IsGzip(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

}  // namespace

void AddMetadataDefaults(std::map<std::string, std::string>& properties) {
  properties.emplace(kDeleteAfterCommit, "true");
  properties.emplace(kPreviousVersionsMax, std::to_string(kDefaultPreviousVersions));
  properties.emplace("history.expire.max-snapshot-age-ms", "432000000");  // 5 days
  properties.emplace("history.expire.min-snapshots-to-keep", "10");
  properties.emplace("tarn.expire.auto", "true");
  properties.emplace("tarn.expire.max-snapshots", "1000");
}

int64_t PreviousVersionsKept(const TableMetadata& metadata) {
  return std::max<int64_t>(1,
                           metadata.PropertyNumber(kPreviousVersionsMax, kDefaultPreviousVersions));
}

bool DeletesOldMetadata(const TableMetadata& metadata) {
  const std::string* enabled = metadata.FindProperty(kDeleteAfterCommit);
  return enabled != nullptr && *enabled == "true";
}

std::vector<std::string> LogPrevious(const TableMetadata& previous,
                                     const std::string& previous_location, TableMetadata& next) {
  auto& log = next.metadata_log;
  log.push_back({previous.last_updated_ms, previous_location});
  const int64_t keep = PreviousVersionsKept(next);
  std::vector<std::string> left;
  if (static_cast<int64_t>(log.size()) > keep) {
    for (auto entry = log.begin(); entry != log.end() - keep; ++entry) {
      left.push_back(entry->metadata_file);
    }
    log.erase(log.begin(), log.end() - keep);
  }
  return left;
}

std::string NewMetadataFileName(int64_t version) {
  char number[24];
  std::snprintf(number, sizeof(number), "%05lld", static_cast<long long>(version));
  return std::string(number) + "-" + NewUuid4() + ".metadata.json";
}

int64_t VersionOfMetadataFile(std::string_view location) {
  const std::string_view name = location.substr(location.rfind('/') + 1);
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos) return -1;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + dash, number);
  // Numbers that leave no room to count on are none.
  const bool usable = error == std::errc() && end == name.data() + dash && number >= 0 &&
                      number < (int64_t{1} << 40);
  return usable ? number : -1;
}

Result<std::shared_ptr<const TableMetadata>> ParseMetadataFile(std::string_view text,
                                                               const std::string& location) {
  std::string plain;
  // By its first bytes, not by its name: names vary (".gz.metadata.json", ".metadata.json.gz").
  if (IsGzip(text)) {
    ARROW_ASSIGN_OR_RAISE(plain, iceberg::Gunzip(text, location));
    text = plain;
  }
  ARROW_ASSIGN_OR_RAISE(auto metadata, iceberg::TableMetadataFromJson(text, location));
  return std::make_shared<const TableMetadata>(std::move(metadata));
}

Result<std::shared_ptr<const TableMetadata>> ReadMetadataFile(Store& store,
                                                              const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, store.PathOf(location));
  ARROW_ASSIGN_OR_RAISE(const auto bytes, store.Read(path));
  return ParseMetadataFile(bytes->text(), location);
}

}  // namespace tarn
