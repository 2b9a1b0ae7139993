// SPDX-License-Identifier: Apache-2.0
//
// WantedIndex: which index the writer of a file wants it to have, noted in the file's own footer,
// so that whoever comes to build it later needs to ask nobody.
#pragma once

#include <optional>
#include <string>

#include "tarn/types.h"

namespace parquet {
class FileMetaData;
}

namespace tarn {

struct WantedIndex {
  static constexpr char kFooterKey[] = "tarn.wanted_index";

  std::optional<IndexType> type;  ///< nullopt: none; the file is to be scanned
  IvfPqConfig ivf_pq;             ///< for training a codebook, where the table has none

  /// The footer key's value, a JSON object.
  std::string ToFooter() const;
  /// nullopt where a file says nothing that can be understood.
  static std::optional<WantedIndex> Of(const parquet::FileMetaData& footer);
  static std::optional<WantedIndex> Parse(const std::string& value);
};

}  // namespace tarn
