// SPDX-License-Identifier: Apache-2.0
#include "table/predicate/column_lookup.h"

#include <algorithm>
#include <numeric>

#include "arrow/type.h"
#include "table/predicate/predicate_lexer.h"

namespace tarn::predicate {
namespace {

constexpr size_t kComparedBytes = 64;

/// Insertions, deletions and changes that make one name the other; case counts a little.
size_t EditDistance(std::string_view a, std::string_view b) {
  a = a.substr(0, kComparedBytes);
  b = b.substr(0, kComparedBytes);
  const std::string upper_a = UpperCase(a), upper_b = UpperCase(b);
  // Two for an edit, one for another case.
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = 2 * j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = 2 * i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : upper_a[i - 1] == upper_b[j - 1] ? 1 : 2;
      const size_t best = std::min({row[j] + 2, row[j - 1] + 2, diagonal + change});
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[b.size()];
}

Status NoSuchField(const std::string& name, const std::string& of,
                   const arrow::FieldVector& fields) {
  const std::string where = of.empty() ? "" : " in '" + Shortened(of) + "'";
  if (fields.empty()) {
    return Error(ErrorKind::kBadInput, "there is no column '", Shortened(name), "'", where,
                 ": the table has no columns yet");
  }
  const auto nearest =
      std::min_element(fields.begin(), fields.end(), [&](const auto& a, const auto& b) {
        return EditDistance(a->name(), name) < EditDistance(b->name(), name);
      });
  return Error(ErrorKind::kBadInput, "there is no column '", Shortened(name), "'", where,
               "; the nearest is '", (*nearest)->name(), "'");
}

}  // namespace

Result<ColumnRef> FindColumn(const arrow::Schema& schema, const std::vector<std::string>& path) {
  arrow::FieldVector fields = schema.fields();
  ColumnRef column;
  std::vector<arrow::FieldRef> steps;
  for (const std::string& name : path) {
    if (column.type != nullptr && column.type->id() != arrow::Type::STRUCT) {
      return Error(ErrorKind::kBadInput, "column '", Shortened(column.name), "' is ",
                   column.type->ToString(), " and has no fields; a column whose name has a dot is ",
                   "written in \"quotes\"");
    }
    std::shared_ptr<arrow::Field> found;
    for (const auto& field : fields) {
      if (field->name() != name) continue;
      if (found != nullptr) {
        return Error(ErrorKind::kBadInput, "there are several columns named '", Shortened(name),
                     "'");
      }
      found = field;
    }
    if (found == nullptr) return NoSuchField(name, column.name, fields);
    column.name += (column.name.empty() ? "" : ".") + name;
    column.type = found->type();
    fields = column.type->fields();
    steps.emplace_back(name);
  }
  column.expression = steps.size() == 1
                          ? arrow::compute::field_ref(steps[0])
                          : arrow::compute::field_ref(arrow::FieldRef(std::move(steps)));
  return column;
}

}  // namespace tarn::predicate
