// SPDX-License-Identifier: Apache-2.0
#include "table/view/row_predicate.h"

#include <set>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/compute/exec.h"
#include "arrow/compute/initialize.h"
#include "table/view/projection.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;

/// The top-level columns that the predicate reads.
Result<std::vector<std::string>> ColumnsOf(const cp::Expression& predicate,
                                           const arrow::Schema& schema) {
  std::set<std::string> names;
  for (const arrow::FieldRef& ref : cp::FieldsInExpression(predicate)) {
    // Only some columns are read: a number would mean another one among them.
    if (ref.IsFieldPath() || (ref.IsNested() && ref.nested_refs()->front().IsFieldPath())) {
      return Error(ErrorKind::kBadInput, "the filter gives a column by its number (",
                   ref.ToString(), "); name it instead");
    }
    const auto found = ref.FindAll(schema);
    if (found.size() != 1) {
      return Error(ErrorKind::kBadInput, "the filter names ", ref.ToString(), ", which ",
                   found.empty() ? "the table does not have" : "is not one column",
                   "; it has: ", schema.ToString());
    }
    names.insert(schema.field(found[0].indices()[0])->name());
  }
  // Something must be read to know how many rows there are; the first column is as good as any.
  if (names.empty() && schema.num_fields() > 0) names.insert(schema.field(0)->name());
  return std::vector<std::string>(names.begin(), names.end());
}

Result<cp::Expression> BindTo(const cp::Expression& predicate, const arrow::Schema& schema) {
  auto bound = predicate.Bind(schema);
  if (!bound.ok()) {
    return Error(ErrorKind::kBadInput, "the filter ", predicate.ToString(),
                 " cannot be applied: ", bound.status().message());
  }
  if (bound->type() == nullptr || bound->type()->id() != arrow::Type::BOOL) {
    return Error(ErrorKind::kBadInput, "the filter ", predicate.ToString(), " gives ",
                 bound->type() ? bound->type()->ToString() : "nothing", ", not true or false");
  }
  if (!bound->IsScalarExpression()) {
    return Error(ErrorKind::kBadInput, "the filter ", predicate.ToString(),
                 " looks at more than one row at a time");
  }
  return *std::move(bound);
}

}  // namespace

Result<RowPredicate> RowPredicate::Bind(const cp::Expression& predicate,
                                        const arrow::Schema& schema) {
  static const Status initialized = cp::Initialize();
  ARROW_RETURN_NOT_OK(initialized);
  RowPredicate made;
  made.text_ = predicate.ToString();
  ARROW_ASSIGN_OR_RAISE(made.columns_, ColumnsOf(predicate, schema));
  ARROW_ASSIGN_OR_RAISE(const auto read, SelectColumns(schema, made.columns_));
  ARROW_ASSIGN_OR_RAISE(made.bound_, BindTo(predicate, *read));
  return made;
}

Result<std::vector<uint64_t>> RowPredicate::TrueRows(const arrow::RecordBatch& batch,
                                                     const std::string& where) const {
  const auto answer = cp::ExecuteScalarExpression(bound_, cp::ExecBatch(batch));
  if (!answer.ok()) {
    return Error(ErrorKind::kBadInput, "the filter ", text_, " failed in ", where, ": ",
                 answer.status().message());
  }
  const int64_t rows = batch.num_rows();
  std::vector<uint64_t> words(static_cast<size_t>((rows + 63) / 64));
  const auto set = [&](int64_t row) {
    words[static_cast<size_t>(row / 64)] |= uint64_t{1} << (row % 64);
  };
  if (answer->is_scalar()) {
    const auto& scalar = answer->scalar_as<arrow::BooleanScalar>();
    for (int64_t row = 0; scalar.is_valid && scalar.value && row < rows; ++row) set(row);
    return words;
  }
  const auto array = answer->array_as<arrow::BooleanArray>();
  if (array->length() != rows) {
    return Error(ErrorKind::kBadInput, "the filter gave ", array->length(), " answers for ", rows,
                 " rows; use a predicate that answers for each row");
  }
  for (int64_t row = 0; row < rows; ++row) {
    if (array->IsValid(row) && array->Value(row)) set(row);
  }
  return words;
}

std::vector<uint64_t> AtPositions(const std::vector<uint64_t>& bits,
                                  const std::vector<uint64_t>& live) {
  std::vector<uint64_t> words(live.size());
  uint64_t rank = 0;
  for (size_t w = 0; w < words.size(); ++w) {
    for (uint64_t rest = live[w]; rest != 0; rest &= rest - 1, ++rank) {
      if (bits[rank / 64] >> (rank % 64) & 1) words[w] |= rest & -rest;
    }
  }
  return words;
}

}  // namespace tarn
