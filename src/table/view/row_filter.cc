// SPDX-License-Identifier: Apache-2.0
#include "tarn/row_filter.h"

#include <bit>
#include <numeric>
#include <set>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/compute/exec.h"
#include "arrow/compute/expression.h"
#include "arrow/compute/initialize.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;

/// The top-level columns that the predicate reads.
Result<std::vector<std::string>> ColumnsOf(const ReadView& view, const cp::Expression& predicate) {
  std::set<std::string> names;
  for (const arrow::FieldRef& ref : cp::FieldsInExpression(predicate)) {
    ARROW_ASSIGN_OR_RAISE(const auto path, [&]() -> Result<arrow::FieldPath> {
      auto found = ref.FindAll(*view.schema());
      if (found.size() != 1) {
        return Error(ErrorKind::kBadInput, "the filter names ", ref.ToString(), ", which ",
                     found.empty() ? "the table does not have" : "is not one column",
                     "; it has: ", view.schema()->ToString());
      }
      return found[0];
    }());
    names.insert(view.schema()->field(path.indices()[0])->name());
  }
  // Something must be read to know how many rows there are; the first column is as good as any.
  if (names.empty() && view.schema()->num_fields() > 0)
    names.insert(view.schema()->field(0)->name());
  return std::vector<std::string>(names.begin(), names.end());
}

/// The bits of the rows where `answer`, a boolean scalar or array, is true.
Result<std::vector<uint64_t>> TrueRows(const arrow::Datum& answer, int64_t rows) {
  std::vector<uint64_t> words(static_cast<size_t>((rows + 63) / 64));
  const auto set = [&](int64_t row) {
    words[static_cast<size_t>(row / 64)] |= uint64_t{1} << (row % 64);
  };
  if (answer.is_scalar()) {
    const auto& scalar = answer.scalar_as<arrow::BooleanScalar>();
    for (int64_t row = 0; scalar.is_valid && scalar.value && row < rows; ++row) set(row);
    return words;
  }
  const auto array = answer.array_as<arrow::BooleanArray>();
  if (array->length() != rows) {
    return Error(ErrorKind::kBadInput, "the filter gave ", array->length(), " answers for ", rows,
                 " rows; use a predicate that answers for each row");
  }
  for (int64_t row = 0; row < rows; ++row) {
    if (array->IsValid(row) && array->Value(row)) set(row);
  }
  return words;
}

/// Bits that are numbered among the live rows of a file, at the positions of these rows.
std::vector<uint64_t> AtPositions(const std::vector<uint64_t>& bits, const RowBitmap& live) {
  std::vector<uint64_t> words(live.words.size());
  uint64_t rank = 0;
  for (size_t w = 0; w < words.size(); ++w) {
    for (uint64_t rest = live.words[w]; rest != 0; rest &= rest - 1, ++rank) {
      if (bits[rank / 64] >> (rank % 64) & 1) words[w] |= rest & -rest;
    }
  }
  return words;
}

Result<cp::Expression> BindPredicate(const cp::Expression& predicate, const arrow::Schema& schema) {
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

uint64_t RowFilter::row_count() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

Result<std::shared_ptr<const RowFilter>> RowFilter::Where(const ReadView& view,
                                                          const cp::Expression& predicate) {
  static const Status initialized = cp::Initialize();
  ARROW_RETURN_NOT_OK(initialized);
  ARROW_ASSIGN_OR_RAISE(const auto columns, ColumnsOf(view, predicate));
  ARROW_ASSIGN_OR_RAISE(auto scan, view.Scan(columns));
  ARROW_ASSIGN_OR_RAISE(const auto bound, BindPredicate(predicate, *scan->schema()));
  std::vector<std::vector<uint64_t>> words;
  for (size_t file = 0; file < view.files().size(); ++file) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(scan->ReadNext(&batch));
    auto answer = cp::ExecuteScalarExpression(bound, cp::ExecBatch(*batch));
    if (!answer.ok()) {
      return Error(ErrorKind::kBadInput, "the filter ", predicate.ToString(), " failed in ",
                   view.files()[file].path, ": ", answer.status().message());
    }
    ARROW_ASSIGN_OR_RAISE(auto bits, TrueRows(*answer, batch->num_rows()));
    ARROW_ASSIGN_OR_RAISE(const auto live, view.LiveRows(file));
    words.push_back(live == nullptr ? std::move(bits) : AtPositions(bits, *live));
  }
  return FromBitmaps(view, std::move(words));
}

Result<std::shared_ptr<const RowFilter>> RowFilter::FromBitmaps(
    const ReadView& view, std::vector<std::vector<uint64_t>> words) {
  if (words.size() != view.files().size()) {
    return Error(ErrorKind::kBadInput, "a row filter needs one bitmap for each of the ",
                 view.files().size(), " files of the view, not ", words.size());
  }
  std::shared_ptr<RowFilter> filter(new RowFilter());
  filter->snapshot_ = view.snapshot();
  for (size_t file = 0; file < words.size(); ++file) {
    const auto rows = static_cast<uint64_t>(view.files()[file].rows);
    ARROW_ASSIGN_OR_RAISE(const auto live, view.LiveRows(file));
    uint64_t count = 0;
    for (size_t w = 0; w < words[file].size(); ++w) {
      uint64_t& word = words[file][w];
      if (word == 0) continue;
      const uint64_t last = w * 64 + 63 - static_cast<uint64_t>(std::countl_zero(word));
      if (last >= rows) {
        return Error(ErrorKind::kBadInput, "the row filter marks row ", last, " of ",
                     view.files()[file].path, ", which has ", rows, " rows");
      }
      if (live != nullptr) word &= live->words[w];
      count += static_cast<uint64_t>(std::popcount(word));
    }
    filter->counts_.push_back(count);
  }
  filter->words_ = std::move(words);
  return std::shared_ptr<const RowFilter>(std::move(filter));
}

}  // namespace tarn
