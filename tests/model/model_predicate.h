// SPDX-License-Identifier: Apache-2.0
//
// Random predicates over a model's rows, and what they mean.
#pragma once

#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "tests/model/table_model.h"

namespace tarn {

struct ModelPredicate {
  std::string text;
  /// nullopt: null.
  std::function<std::optional<bool>(int64_t id, const TableModel::Row& row)> of;

  /// The rows for which it is true.
  std::set<int64_t> Matches(const TableModel::Rows& rows) const;
};

/// Most match a small part of the rows, some match none, a few match all.
ModelPredicate RandomPredicate(const TableModel& model, std::mt19937_64& random);

}  // namespace tarn
