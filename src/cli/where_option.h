// SPDX-License-Identifier: Apache-2.0
//
// The option that says which rows count.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tarn/read_view.h"
#include "tarn/row_filter.h"

namespace CLI {
class App;
}

namespace tarn::cli {

/// What a footer says of predicates.
extern const char kPredicateHelp[];

struct WhereOption {
  std::optional<std::string> text;

  /// Adds --where.
  void AddTo(CLI::App& command, const std::string& help);
  /// The live rows for which the predicate is true; nullptr without one.
  Result<std::shared_ptr<const RowFilter>> Filter(const ReadView& view) const;
};

}  // namespace tarn::cli
