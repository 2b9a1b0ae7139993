// SPDX-License-Identifier: Apache-2.0
//
// CodebookRecord: which codebook the files of a table share for one vector column. It stands in the
// table property `tarn.codebook.<field id>`; the codebook itself lies in the data files, each of
// which carries a copy (docs/adr/0007-one-codebook-a-table.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tarn/status.h"

namespace tarn {

struct CodebookRecord {
  int64_t id = 0;  ///< 1 for the column's first codebook, one more for each that replaces it
  std::string fingerprint;  ///< of the codebook's content: see index/codebook.h
  std::string file;         ///< location of a data file that carried it: where to look first
  friend bool operator==(const CodebookRecord&, const CodebookRecord&) = default;

  /// The property's value, a JSON object.
  std::string ToProperty() const;
  /// kCorrupt names the property and what is wrong with it.
  static Result<CodebookRecord> Parse(const std::string& key, const std::string& value);

  static std::string PropertyKey(int32_t field_id);
  /// The record of a column; nullopt when the table has no codebook for it yet.
  static Result<std::optional<CodebookRecord>> Find(
      const std::map<std::string, std::string>& properties, int32_t field_id);
};

}  // namespace tarn
