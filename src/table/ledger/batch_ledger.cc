// SPDX-License-Identifier: Apache-2.0
#include "table/ledger/batch_ledger.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <nlohmann/json.hpp>

#include "arrow/util/base64.h"

namespace tarn {
namespace {

constexpr size_t kMaxIdBytes = 1024;
constexpr int64_t kHourMs = 3'600'000;
/// Ranges of one producer. A producer whose batches come with more gaps than this forgets its
/// oldest ones: storing a batch of long ago twice is the smaller harm beside dropping a new one.
constexpr size_t kMaxRanges = 256;

Status Unreadable(const char* why) {
  return Error(ErrorKind::kCorrupt, "the table property '", BatchLedger::kProperty,
               "' cannot be read (", why,
               "): it keeps the ids of the batches that the table holds; removing it forgets them");
}

int64_t NumberOf(const std::map<std::string, std::string>& properties, const char* key,
                 int64_t fallback) {
  const auto found = properties.find(key);
  if (found == properties.end()) return fallback;
  int64_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? value : fallback;
}

}  // namespace

LedgerLimits LedgerLimits::Of(const std::map<std::string, std::string>& properties) {
  LedgerLimits limits;
  limits.max_ids = NumberOf(properties, "tarn.batches.max-count", limits.max_ids);
  limits.max_age_ms = NumberOf(properties, "tarn.batches.max-age-ms", limits.max_age_ms);
  return limits;
}

/// An id of the form producer:sequence, or one of its own.
struct BatchLedger::Parts {
  Hash hash;  // of the producer, or of the whole id
  std::optional<uint64_t> sequence;
};

BatchLedger::Hash BatchLedger::HashOf(std::string_view text) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  Hash hash;
  std::memcpy(hash.data(), canonical.digest, hash.size());
  return hash;
}

BatchLedger::Parts BatchLedger::Split(std::string_view id) {
  const size_t colon = id.rfind(':');
  if (colon != std::string_view::npos && colon > 0 && colon + 1 < id.size()) {
    const std::string_view digits = id.substr(colon + 1);
    uint64_t sequence = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), sequence);
    // "07" is not 7: two ids must never become one.
    const bool plain = digits.size() == 1 || digits[0] != '0';
    if (error == std::errc() && end == digits.data() + digits.size() && plain) {
      return {HashOf(id.substr(0, colon + 1)), sequence};
    }
  }
  return {HashOf(id), std::nullopt};
}

Status BatchLedger::CheckId(std::string_view id) {
  if (!id.empty() && id.size() <= kMaxIdBytes) return Status::OK();
  return Error(ErrorKind::kBadInput, "a batch id has 1 to ", kMaxIdBytes, " bytes, this one has ",
               id.size());
}

bool BatchLedger::Contains(std::string_view id) const {
  const Parts parts = Split(id);
  if (!parts.sequence) return hours_.count(parts.hash) != 0;
  const auto producer = producers_.find(parts.hash);
  if (producer == producers_.end()) return false;
  const Ranges& seen = producer->second.seen;
  auto after = std::upper_bound(seen.begin(), seen.end(), std::pair(*parts.sequence, UINT64_MAX));
  return after != seen.begin() && (after - 1)->second >= *parts.sequence;
}

void BatchLedger::Add(std::string_view id, int64_t now_ms) {
  if (Contains(id)) return;
  const Parts parts = Split(id);
  const int64_t hour = now_ms / kHourMs;
  if (!parts.sequence) {
    ids_[hour].push_back(parts.hash);
    hours_[parts.hash] = hour;
    return;
  }
  Producer& producer = producers_[parts.hash];
  producer.hour = std::max(producer.hour, hour);
  Ranges& seen = producer.seen;
  const uint64_t n = *parts.sequence;
  auto at = std::upper_bound(seen.begin(), seen.end(), std::pair(n, UINT64_MAX));
  at = seen.insert(at, {n, n});
  if (at + 1 != seen.end() && n != UINT64_MAX && (at + 1)->first == n + 1) {
    at->second = (at + 1)->second;
    seen.erase(at + 1);
  }
  if (at != seen.begin() && n != 0 && (at - 1)->second == n - 1) {
    (at - 1)->second = at->second;
    seen.erase(at);
  }
  if (seen.size() > kMaxRanges) seen.erase(seen.begin());
}

void BatchLedger::Trim(int64_t now_ms, const LedgerLimits& limits) {
  const int64_t oldest = (now_ms - limits.max_age_ms) / kHourMs - (now_ms < limits.max_age_ms);
  const auto forget = [&](int64_t hour, size_t count) {
    std::vector<Hash>& ids = ids_[hour];
    for (size_t i = 0; i < count; ++i) hours_.erase(ids[i]);
    ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
    if (ids.empty()) ids_.erase(hour);
  };
  while (!ids_.empty() && ids_.begin()->first < oldest) {
    forget(ids_.begin()->first, ids_.begin()->second.size());
  }
  const auto most = static_cast<size_t>(limits.max_ids);
  while (hours_.size() > most) {
    forget(ids_.begin()->first, std::min(hours_.size() - most, ids_.begin()->second.size()));
  }
  std::erase_if(producers_, [&](const auto& entry) { return entry.second.hour < oldest; });
  while (producers_.size() > most) {
    producers_.erase(std::min_element(
        producers_.begin(), producers_.end(),
        [](const auto& a, const auto& b) { return a.second.hour < b.second.hour; }));
  }
}

std::string BatchLedger::ToProperty() const {
  const auto text = [](const Hash& hash) {
    return std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size());
  };
  auto ids = nlohmann::json::array();
  for (const auto& [hour, hashes] : ids_) {
    std::string bytes;
    for (const Hash& hash : hashes) bytes += text(hash);
    ids.push_back({hour, arrow::util::base64_encode(bytes)});
  }
  auto producers = nlohmann::json::array();
  for (const auto& [hash, producer] : producers_) {
    auto ranges = nlohmann::json::array();
    for (const auto& [first, last] : producer.seen) ranges.push_back({first, last});
    producers.push_back({arrow::util::base64_encode(text(hash)), producer.hour, ranges});
  }
  return nlohmann::json{{"version", 1}, {"ids", ids}, {"producers", producers}}.dump();
}

namespace {

/// Whether the property has the shape that ToProperty writes.
bool IsLedger(const nlohmann::json& json) {
  const auto is_list_of = [](const nlohmann::json& list, auto is_item) {
    return list.is_array() && std::all_of(list.begin(), list.end(), is_item);
  };
  const auto is_bucket = [](const nlohmann::json& j) {
    return j.is_array() && j.size() == 2 && j[0].is_number_integer() && j[1].is_string();
  };
  const auto is_range = [](const nlohmann::json& j) {
    return j.is_array() && j.size() == 2 && j[0].is_number_unsigned() &&
           j[1].is_number_unsigned() && j[0].get<uint64_t>() <= j[1].get<uint64_t>();
  };
  const auto is_producer = [&](const nlohmann::json& j) {
    return j.is_array() && j.size() == 3 && j[0].is_string() && j[1].is_number_integer() &&
           is_list_of(j[2], is_range);
  };
  return json.is_object() && json.contains("version") && json.contains("ids") &&
         json.contains("producers") && is_list_of(json["ids"], is_bucket) &&
         is_list_of(json["producers"], is_producer);
}

}  // namespace

Result<BatchLedger> BatchLedger::Of(const std::map<std::string, std::string>& properties) {
  BatchLedger ledger;
  const auto property = properties.find(kProperty);
  if (property == properties.end()) return ledger;
  const auto json = nlohmann::json::parse(property->second, nullptr, /*allow_exceptions=*/false);
  if (!IsLedger(json)) return Unreadable("it is not of a known form");
  if (json["version"] != 1) return Unreadable("a newer version wrote it");
  const auto decode = [](const nlohmann::json& text) -> Result<std::vector<Hash>> {
    auto bytes = arrow::util::base64_decode(text.get_ref<const std::string&>());
    if (!bytes.ok() || bytes->size() % sizeof(Hash) != 0) return Unreadable("ids are cut short");
    std::vector<Hash> hashes(bytes->size() / sizeof(Hash));
    if (!hashes.empty()) std::memcpy(hashes.data(), bytes->data(), bytes->size());
    return hashes;
  };
  for (const auto& bucket : json["ids"]) {
    ARROW_ASSIGN_OR_RAISE(const auto hashes, decode(bucket[1]));
    const auto hour = bucket[0].get<int64_t>();
    for (const Hash& hash : hashes) {
      if (ledger.hours_.emplace(hash, hour).second) ledger.ids_[hour].push_back(hash);
    }
  }
  for (const auto& entry : json["producers"]) {
    ARROW_ASSIGN_OR_RAISE(const auto hashes, decode(entry[0]));
    if (hashes.size() != 1) return Unreadable("a producer is cut short");
    Producer producer;
    producer.hour = entry[1].get<int64_t>();
    for (const auto& range : entry[2]) {
      producer.seen.emplace_back(range[0].get<uint64_t>(), range[1].get<uint64_t>());
      const auto& seen = producer.seen;
      if (seen.size() > 1 && seen[seen.size() - 2].second >= seen.back().first) {
        return Unreadable("a producer's batches are out of order");
      }
    }
    ledger.producers_[hashes[0]] = std::move(producer);
  }
  return ledger;
}

}  // namespace tarn
