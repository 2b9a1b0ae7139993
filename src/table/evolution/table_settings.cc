// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "catalog/commit_attempt.h"
#include "iceberg/table_metadata.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

/// Names that Iceberg gives a meaning of its own; as properties they would only mislead.
constexpr std::string_view kIcebergKeeps[] = {"format-version",
                                              "uuid",
                                              "snapshot-count",
                                              "current-snapshot-summary",
                                              "location",
                                              "current-schema",
                                              "default-partition-spec",
                                              "default-sort-order",
                                              "current-snapshot-id",
                                              "current-snapshot-timestamp-ms"};
/// Settings under our own prefixes that are anybody's to set. All others are part of a commit.
constexpr std::string_view kSettings[] = {"ailake.hnsw-", "tarn.hnsw-", "tarn.ivf.", "tarn.expire.",
                                          "tarn.index."};
constexpr std::string_view kNumbers[] = {
    "history.expire.max-snapshot-age-ms", "history.expire.min-snapshots-to-keep",
    "history.expire.max-ref-age-ms",      "write.metadata.previous-versions-max",
    "commit.retry.total-timeout-ms",      "write.target-file-size-bytes",
    "tarn.expire.max-snapshots"};
constexpr std::string_view kFlags[] = {"write.metadata.delete-after-commit.enabled", "gc.enabled",
                                       "tarn.expire.auto"};

template <size_t N>
bool IsOneOf(const std::string_view (&names)[N], std::string_view key) {
  return std::find(std::begin(names), std::end(names), key) != std::end(names);
}

Status CheckKey(const std::string& key) {
  if (key.empty()) return Error(ErrorKind::kBadInput, "a property needs a name");
  const bool ours = StartsWith(key, "ailake.") || StartsWith(key, "tarn.");
  const bool setting =
      std::any_of(std::begin(kSettings), std::end(kSettings),
                  [&](std::string_view prefix) { return StartsWith(key, prefix); });
  if (ours && !setting) {
    return Error(ErrorKind::kBadInput, "the property '", key,
                 "' is kept by Tarn itself; vector columns are changed by altering the table");
  }
  if (IsOneOf(kIcebergKeeps, key)) {
    return Error(ErrorKind::kBadInput, "the property '", key, "' is reserved by Iceberg");
  }
  return Status::OK();
}

Status CheckValue(const std::string& key, const std::string& value) {
  if (IsOneOf(kNumbers, key)) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 1) {
      return Error(ErrorKind::kBadInput, "the property '", key, "' needs a positive number, not '",
                   value, "'");
    }
  }
  if (IsOneOf(kFlags, key) && value != "true" && value != "false") {
    return Error(ErrorKind::kBadInput, "the property '", key, "' is true or false, not '", value,
                 "'");
  }
  return Status::OK();
}

}  // namespace

Result<TableState> SetTableProperties(CatalogProvider& catalog, const TableIdent& table,
                                      const std::map<std::string, std::string>& set,
                                      const std::vector<std::string>& remove) {
  for (const auto& [key, value] : set) {
    ARROW_RETURN_NOT_OK(CheckKey(key));
    ARROW_RETURN_NOT_OK(CheckValue(key, value));
    if (std::find(remove.begin(), remove.end(), key) != remove.end()) {
      return Error(ErrorKind::kBadInput, "the property '", key, "' is both set and removed");
    }
  }
  for (const auto& key : remove) ARROW_RETURN_NOT_OK(CheckKey(key));
  CommitAttempt attempt(catalog, table, [&](const TableState& base) -> Result<CommitPlan> {
    const auto& known = base.metadata->properties;
    iceberg::update::SetProperties setting;
    iceberg::update::RemoveProperties removing;
    auto next = known;
    for (const auto& [key, value] : set) {
      const auto found = known.find(key);
      if (found == known.end() || found->second != value) setting.properties[key] = value;
      next[key] = value;
    }
    for (const auto& key : remove) {
      if (next.erase(key) != 0) removing.keys.push_back(key);
    }
    CommitPlan plan;
    if (!setting.properties.empty()) plan.updates.push_back({setting});
    if (!removing.keys.empty()) plan.updates.push_back({removing});
    // Index settings must stay readable, and within their bounds.
    auto parsed = TableProperties::FromIceberg(next);
    if (!parsed.ok()) return Error(ErrorKind::kBadInput, parsed.status().message());
    ARROW_RETURN_NOT_OK(parsed->ToIceberg().status());
    return plan;
  });
  ARROW_ASSIGN_OR_RAISE(auto done, attempt.Commit());
  return std::move(done.state);
}

}  // namespace tarn
