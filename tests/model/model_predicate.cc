// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_predicate.h"

namespace tarn {
namespace {

using Truth = std::optional<bool>;

Truth Not(Truth a) { return a ? Truth(!*a) : a; }
Truth And(Truth a, Truth b) {
  if ((a && !*a) || (b && !*b)) return false;
  return a && b ? Truth(true) : std::nullopt;
}
Truth Or(Truth a, Truth b) { return Not(And(Not(a), Not(b))); }

ModelPredicate IdsBetween(int64_t low, int64_t high) {
  return {"id BETWEEN " + std::to_string(low) + " AND " + std::to_string(high),
          [=](int64_t id, const TableModel::Row&) { return Truth(low <= id && id <= high); }};
}

class Generator {
 public:
  Generator(const TableModel& model, std::mt19937_64& random) : model_(model), random_(random) {}

  ModelPredicate Make(int depth) {
    if (depth == 0 || Draw(2) == 0) return Leaf();
    const ModelPredicate a = Make(depth - 1), b = Make(depth - 1);
    switch (Draw(3)) {
      case 0:
        return {"(" + a.text + ") OR (" + b.text + ")",
                [=](int64_t id, const auto& row) { return Or(a.of(id, row), b.of(id, row)); }};
      case 1:
        return {"(" + a.text + ") AND NOT (" + b.text + ")", [=](int64_t id, const auto& row) {
                  return And(a.of(id, row), Not(b.of(id, row)));
                }};
      default:
        return {"NOT (NOT (" + a.text + ") OR (" + b.text + ") IS NULL)",
                [=](int64_t id, const auto& row) {
                  return And(a.of(id, row), Truth(b.of(id, row).has_value()));
                }};
    }
  }

  uint64_t Draw(uint64_t below) { return random_() % below; }

 private:
  int64_t SomeId() {
    return static_cast<int64_t>(Draw(static_cast<uint64_t>(model_.next_id) + 20));
  }

  ModelPredicate Leaf() {
    if (model_.columns.empty() || Draw(2) == 0) {
      if (Draw(2) == 0) {
        const int64_t low = SomeId();
        return IdsBetween(low, low + static_cast<int64_t>(Draw(60)) - 3);
      }
      std::set<int64_t> ids;
      for (uint64_t i = 0; i <= Draw(6); ++i) ids.insert(SomeId());
      std::string list;
      for (const int64_t id : ids) list += (list.empty() ? "" : ", ") + std::to_string(id);
      return {"id IN (" + list + ")",
              [=](int64_t id, const auto&) { return Truth(ids.count(id) != 0); }};
    }
    const ModelColumn& column = model_.columns[Draw(model_.columns.size())];
    const int number = column.number;
    const auto value = [number](int64_t id, const TableModel::Row& row) {
      return row.columns.count(number) != 0 ? std::optional(TableModel::ValueOf(id, number))
                                            : std::nullopt;
    };
    if (Draw(5) == 0) {
      // As many as a column is young; so of a part of the rows only.
      const int64_t below = SomeId();
      return {"(" + column.name + " IS NULL AND id < " + std::to_string(below) + ")",
              [=](int64_t id, const auto& row) { return Truth(!value(id, row) && id < below); }};
    }
    const auto limit = static_cast<int32_t>(Draw(60'000));
    return {column.name + " < " + std::to_string(limit), [=](int64_t id, const auto& row) {
              const auto found = value(id, row);
              return found ? Truth(*found < limit) : std::nullopt;
            }};
  }

  const TableModel& model_;
  std::mt19937_64& random_;
};

}  // namespace

std::set<int64_t> ModelPredicate::Matches(const TableModel::Rows& rows) const {
  std::set<int64_t> ids;
  for (const auto& [id, row] : rows) {
    if (of(id, row).value_or(false)) ids.insert(id);
  }
  return ids;
}

ModelPredicate RandomPredicate(const TableModel& model, std::mt19937_64& random) {
  Generator generator(model, random);
  if (generator.Draw(30) == 0) {
    return {"true", [](int64_t, const auto&) { return Truth(true); }};
  }
  return generator.Make(2);
}

}  // namespace tarn
