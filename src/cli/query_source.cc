// SPDX-License-Identifier: Apache-2.0
#include "cli/query_source.h"

#include <charconv>
#include <fstream>
#include <sstream>

#include "arrow/api.h"
#include "arrow/compute/cast.h"
#include "cli/batch_input.h"
#include "cli/npy.h"

namespace tarn::cli {
namespace {

Status WrongDimension(const std::string& what, size_t got, const VectorStoragePolicy& policy) {
  return Error(ErrorKind::kBadInput, what, " has ", got, " elements; column '", policy.column_name,
               "' has dimension ", policy.dim);
}

Result<std::vector<float>> ParseVector(std::string text, const VectorStoragePolicy& policy) {
  if (!text.empty() && text[0] == '@') {
    const std::string path = text.substr(1);
    std::ifstream file(path);
    if (!file) return Error(ErrorKind::kNotFound, "--vector: cannot read ", path);
    std::stringstream content;
    content << file.rdbuf();
    text = content.str();
  }
  std::vector<float> values;
  const char* p = text.data();
  const char* end = p + text.size();
  auto skip = [&] {
    while (p < end &&
           (std::isspace(static_cast<unsigned char>(*p)) || *p == ',' || *p == '[' || *p == ']'))
      ++p;
  };
  for (skip(); p < end; skip()) {
    float value;
    const auto parsed = std::from_chars(p, end, value);
    if (parsed.ec != std::errc()) {
      return Error(ErrorKind::kBadInput, "--vector: element ", values.size(),
                   " is no number near '",
                   std::string(p, std::min<size_t>(12, static_cast<size_t>(end - p))), "'");
    }
    values.push_back(value);
    p = parsed.ptr;
  }
  if (values.size() != static_cast<size_t>(policy.dim))
    return WrongDimension("--vector", values.size(), policy);
  return values;
}

Result<std::string> ChooseIdColumn(const ReadView& view, const std::string& asked) {
  if (!asked.empty()) {
    if (view.schema()->GetFieldIndex(asked) < 0) {
      return Error(ErrorKind::kBadInput, "the table has no column '", asked, "'");
    }
    return asked;
  }
  if (view.schema()->GetFieldIndex("id") >= 0) return std::string("id");
  for (const auto& field : view.schema()->fields()) {
    const std::string& name = field->name();
    if (name.size() > 2 && name.compare(name.size() - 2, 2, "id") == 0) return name;
  }
  return Error(ErrorKind::kBadInput, "the table has no id column; name one with --id-column");
}

/// The row of an array whose value reads like the text; -1 when there is none.
Result<int64_t> FindValue(const arrow::Array& values, const std::string& text) {
  const bool strings = values.type_id() == arrow::Type::STRING;
  for (int64_t i = 0; i < values.length(); ++i) {
    if (values.IsNull(i)) continue;
    if (strings) {
      if (static_cast<const arrow::StringArray&>(values).GetView(i) == text) return i;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto scalar, values.GetScalar(i));
    if (scalar->ToString() == text) return i;
  }
  return -1;
}

/// File and row whose id column equals the text. Files are looked at one after the other.
Result<std::pair<size_t, uint32_t>> FindRow(const ReadView& view, const std::string& column,
                                            const std::string& id) {
  // The view pairs columns by field id, so that a renamed column is found in older files too.
  ARROW_ASSIGN_OR_RAISE(auto scan, view.Scan({column}));
  for (size_t file = 0; file < view.files().size(); ++file) {
    ARROW_ASSIGN_OR_RAISE(auto batch, scan->Next());
    ARROW_ASSIGN_OR_RAISE(const int64_t row, FindValue(*batch->column(0), id));
    if (row < 0) continue;
    // The batch has the live rows of the file.
    ARROW_ASSIGN_OR_RAISE(const auto live, view.LiveRows(file));
    return std::pair{file,
                     live ? live->Select(static_cast<uint64_t>(row)) : static_cast<uint32_t>(row)};
  }
  return Error(ErrorKind::kNotFound, "no row has ", column, " = ", id);
}

/// Appends the rows of a list column, cast to f32, to `out`.
Status AppendLists(const arrow::ChunkedArray& column, const VectorStoragePolicy& policy,
                   const std::string& what, std::vector<float>* out) {
  for (const auto& chunk : column.chunks()) {
    ARROW_ASSIGN_OR_RAISE(auto lists, arrow::compute::Cast(*chunk, arrow::list(arrow::float32())));
    ARROW_ASSIGN_OR_RAISE(auto view, EmbeddingsView::FromArrow(std::move(lists), policy.dim));
    for (int64_t i = 0; i < view.rows(); ++i) {
      if (view.IsNull(i))
        return Error(ErrorKind::kBadInput, what, ", row ", i, ": the query is null");
      out->insert(out->end(), view.Row(i), view.Row(i) + policy.dim);
    }
  }
  return Status::OK();
}

Result<std::vector<float>> ReadLike(const ReadView& view, const QuerySource& source,
                                    const VectorStoragePolicy& policy) {
  ARROW_ASSIGN_OR_RAISE(auto id_column, ChooseIdColumn(view, source.id_column));
  ARROW_ASSIGN_OR_RAISE(auto found, FindRow(view, id_column, source.like_id));
  const auto& [file, row] = found;
  ARROW_ASSIGN_OR_RAISE(auto table, view.ReadRows(file, std::span(&row, 1), {policy.column_name}));
  std::vector<float> values;
  ARROW_RETURN_NOT_OK(AppendLists(*table->column(0), policy,
                                  "the row " + id_column + " = " + source.like_id, &values));
  return values;
}

Result<std::vector<float>> ReadFile(const std::string& path, const VectorStoragePolicy& policy) {
  if (path.size() > 4 && path.compare(path.size() - 4, 4, ".npy") == 0) {
    ARROW_ASSIGN_OR_RAISE(auto matrix, ReadNpy(path));
    if (matrix.columns != static_cast<size_t>(policy.dim))
      return WrongDimension(path, matrix.columns, policy);
    return std::move(matrix.floats);
  }
  ARROW_ASSIGN_OR_RAISE(auto input, OpenBatchInput(path, InputFormat::kDetect));
  ARROW_ASSIGN_OR_RAISE(auto table, input.reader->ToTable());
  auto column = table->GetColumnByName(policy.column_name);
  if (!column)
    return Error(ErrorKind::kBadInput, path, " has no column '", policy.column_name, "'");
  std::vector<float> values;
  ARROW_RETURN_NOT_OK(AppendLists(*column, policy, path, &values));
  return values;
}

}  // namespace

Result<std::vector<float>> QuerySource::Read(const ReadView& view,
                                             const VectorStoragePolicy& policy) const {
  const int given = !vector.empty() + !like_id.empty() + !file.empty();
  if (given != 1) {
    return Error(ErrorKind::kBadInput,
                 "give the query by exactly one of --vector, --like-id and --queries");
  }
  if (!vector.empty()) return ParseVector(vector, policy);
  if (!like_id.empty()) return ReadLike(view, *this, policy);
  return ReadFile(file, policy);
}

}  // namespace tarn::cli
