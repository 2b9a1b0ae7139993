// SPDX-License-Identifier: Apache-2.0
//
// BatchLedger: the ids of the batches that a table holds already, so that a batch that is sent
// again is not stored again. It stands in the table property `tarn.batches` and moves in the same
// swap as the data, so it can be neither ahead of the table nor behind it, and whoever expires
// snapshots leaves it alone (docs/adr/0014-a-ledger-of-batches.md).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tarn/status.h"

namespace tarn {

/// How much a ledger remembers.
struct LedgerLimits {
  int64_t max_ids = 4096;                     ///< and as many producers
  int64_t max_age_ms = 7 * 24 * 3'600'000LL;  ///< of an id or of a producer's last batch

  /// As the table properties `tarn.batches.max-count` and `tarn.batches.max-age-ms` have it.
  static LedgerLimits Of(const std::map<std::string, std::string>& properties);
};

/// An id is any text, or `producer:sequence` with a decimal sequence number: those of one producer
/// are kept as ranges, so that a producer that counts takes the room of one entry for ever. Batches
/// of a producer may come in any order. Plain value.
class BatchLedger {
 public:
  static constexpr char kProperty[] = "tarn.batches";

  /// kBadInput unless the id has 1 to 1,024 bytes.
  static Status CheckId(std::string_view id);
  /// The ledger of a table. kCorrupt when the property cannot be read: guessing would store batches
  /// twice.
  static Result<BatchLedger> Of(const std::map<std::string, std::string>& properties);

  bool Contains(std::string_view id) const;
  void Add(std::string_view id, int64_t now_ms);
  /// Forgets what is too old, then what is too much, oldest first.
  void Trim(int64_t now_ms, const LedgerLimits& limits);

  bool is_empty() const { return ids_.empty() && producers_.empty(); }
  std::string ToProperty() const;

 private:
  using Hash = std::array<unsigned char, 16>;                 // XXH3, 128 bits
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;  // ascending, with gaps between
  struct Producer {
    int64_t hour = 0;  // of its last batch
    Ranges seen;
  };
  struct Parts;
  static Parts Split(std::string_view id);
  static Hash HashOf(std::string_view text);

  std::map<int64_t, std::vector<Hash>> ids_;  // by hour, in order of arrival
  std::map<Hash, int64_t> hours_;             // of the same ids
  std::map<Hash, Producer> producers_;
};

}  // namespace tarn
