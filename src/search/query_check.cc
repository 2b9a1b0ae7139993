// SPDX-License-Identifier: Apache-2.0
#include "search/query_check.h"

#include <algorithm>
#include <cmath>

#include "arrow/type.h"

namespace tarn {

Result<VectorStoragePolicy> ChoosePolicy(const ReadView& view, const std::string& column) {
  const auto& policies = view.vector_policies();
  const std::string table = view.state().ident.ToString();
  if (policies.empty())
    return Error(ErrorKind::kBadInput, "table ", table, " has no vector column");
  if (column.empty()) return policies[0];
  std::string known;
  for (const auto& policy : policies) {
    if (policy.column_name == column) return policy;
    known += (known.empty() ? "" : ", ") + policy.column_name;
  }
  return Error(ErrorKind::kBadInput, "table ", table, " has no vector column '", column,
               "'; it has: ", known);
}

Status CheckQuery(std::span<const float> query, uint32_t k, const VectorStoragePolicy& policy) {
  if (k == 0) return Error(ErrorKind::kBadInput, "k is 0; ask for at least 1 row");
  if (query.size() != static_cast<size_t>(policy.dim)) {
    return Error(ErrorKind::kBadInput, "the query has ", query.size(), " elements; column '",
                 policy.column_name, "' has dimension ", policy.dim);
  }
  float norm = 0;
  for (size_t i = 0; i < query.size(); ++i) {
    if (!std::isfinite(query[i]))
      return Error(ErrorKind::kBadInput, "element ", i, " of the query is not finite");
    norm += query[i] * query[i];
  }
  const bool angular =
      policy.metric == VectorMetric::kCosine || policy.metric == VectorMetric::kNormalizedCosine;
  if (angular && !(norm >= std::numeric_limits<float>::min())) {
    return Error(ErrorKind::kBadInput, "the query is a zero vector, which has no cosine distance");
  }
  if (!std::isfinite(norm)) return Error(ErrorKind::kBadInput, "the query's length overflows");
  return Status::OK();
}

Status CheckFilter(const ReadView& view, const SearchRequest& request) {
  if (request.filter == nullptr) return Status::OK();
  if (request.filter->fresh_mark() != view.fresh_mark()) {
    return Error(ErrorKind::kBadInput,
                 "the filter was made before the session saw newer rows; make "
                 "the filter of the session's view");
  }
  if (request.filter->snapshot() != view.snapshot() ||
      request.filter->files() != view.files().size()) {
    return Error(ErrorKind::kBadInput, "the filter was made for snapshot ",
                 request.filter->snapshot(), " and the session searches snapshot ", view.snapshot(),
                 "; make the filter of the session's view");
  }
  return Status::OK();
}

Result<std::vector<std::string>> ChooseColumns(const ReadView& view,
                                               const std::vector<std::string>& asked) {
  std::vector<std::string> columns;
  const auto& policies = view.vector_policies();
  for (const auto& field : view.schema()->fields()) {
    const bool vector = std::any_of(policies.begin(), policies.end(), [&](const auto& policy) {
      return policy.column_name == field->name();
    });
    if (!vector) columns.push_back(field->name());
  }
  if (asked.empty()) return columns;
  for (const auto& name : asked) {
    if (view.schema()->GetFieldIndex(name) >= 0) continue;
    std::string known;
    for (const auto& field : view.schema()->fields())
      known += (known.empty() ? "" : ", ") + field->name();
    return Error(ErrorKind::kBadInput, "the table has no column '", name, "'; it has: ", known);
  }
  return asked;
}

}  // namespace tarn
