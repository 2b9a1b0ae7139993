// SPDX-License-Identifier: Apache-2.0
#include "table/writer/batch_plan.h"

#include <algorithm>

#include "arrow/api.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/cast.h"
#include "format/storable_array.h"
#include "format/storable_schema.h"
#include "table/fit.h"
#include "table/schema_arrow.h"

namespace tarn {
namespace {

Status CheckGiven(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
                  std::span<const VectorStoragePolicy> policies) {
  for (const auto& column : given) {
    const auto& name = column.policy.column_name;
    const auto policy = std::find_if(policies.begin(), policies.end(),
                                     [&](const auto& p) { return p.column_name == name; });
    if (policy == policies.end())
      return Error(ErrorKind::kBadInput, "the table has no vector column '", name, "'");
    if (*policy != column.policy) {
      return Error(ErrorKind::kBadInput, "vector column '", name,
                   "': the policy given is not the table's");
    }
    if (column.embeddings.rows() != batch.num_rows()) {
      return Error(ErrorKind::kBadInput, "vector column '", name, "' has ",
                   column.embeddings.rows(), " embeddings for ", batch.num_rows(), " rows");
    }
    if (batch.GetColumnByName(name)) {
      return Error(ErrorKind::kBadInput, "vector column '", name,
                   "' is given twice: in the batch and beside it");
    }
  }
  return Status::OK();
}

/// The batch's own list column as embeddings; numbers of other widths are cast to f32.
Result<EmbeddingsView> FromColumn(const std::shared_ptr<arrow::Array>& column,
                                  const VectorStoragePolicy& policy) {
  auto lists = column;
  if (column->type_id() == arrow::Type::NA)
    return EmbeddingsView::AllNull(column->length(), policy.dim);
  if (arrow::is_list(column->type_id()) &&
      column->type()->field(0)->type()->id() != arrow::Type::FLOAT) {
    auto cast = arrow::compute::Cast(*column, arrow::large_list(arrow::float32()));
    if (!cast.ok()) {
      return Error(ErrorKind::kBadInput, "vector column '", policy.column_name, "' is ",
                   column->type()->ToString(), ", not a list of numbers");
    }
    lists = *cast;
  }
  auto view = EmbeddingsView::FromArrow(std::move(lists), policy.dim);
  if (!view.ok()) return WithContext(view.status(), "vector column '" + policy.column_name + "'");
  return view;
}

Result<std::vector<VectorColumn>> CollectVectors(const arrow::RecordBatch& batch,
                                                 std::span<const VectorColumn> given,
                                                 std::span<const VectorStoragePolicy> policies) {
  std::vector<VectorColumn> vectors;
  for (const auto& policy : policies) {
    const auto beside = std::find_if(given.begin(), given.end(), [&](const auto& column) {
      return column.policy.column_name == policy.column_name;
    });
    if (beside != given.end()) {
      vectors.push_back(*beside);
    } else if (auto column = batch.GetColumnByName(policy.column_name)) {
      ARROW_ASSIGN_OR_RAISE(auto view, FromColumn(column, policy));
      vectors.push_back({policy, std::move(view)});
    } else if (&policy == policies.data()) {
      // A forgotten embedding column is a mistake far more often than a wish for null vectors.
      return Error(ErrorKind::kBadInput, "the batch has no embedding column '", policy.column_name,
                   "'");
    } else {
      vectors.push_back({policy, EmbeddingsView::AllNull(batch.num_rows(), policy.dim)});
    }
  }
  return vectors;
}

Result<std::shared_ptr<arrow::RecordBatch>> WithoutVectors(
    const arrow::RecordBatch& batch, std::span<const VectorStoragePolicy> policies) {
  auto rest = batch.Slice(0);
  for (const auto& policy : policies) {
    const int index = rest->schema()->GetFieldIndex(policy.column_name);
    if (index >= 0) {
      ARROW_ASSIGN_OR_RAISE(rest, rest->RemoveColumn(index));
    }
  }
  return rest;
}

/// Replaces (kNull) or removes (kDrop) what CheckEmbeddings would refuse.
Status MendVectors(OnBadVectors how, std::shared_ptr<arrow::RecordBatch>* batch,
                   std::vector<VectorColumn>* vectors) {
  const int64_t rows = (*batch)->num_rows();
  std::vector<bool> bad_row(static_cast<size_t>(rows));
  bool any = false;
  for (auto& column : *vectors) {
    std::vector<int64_t> picked(static_cast<size_t>(rows));
    const float step = RoundingStep(column.embeddings, column.policy);
    for (int64_t row = 0; row < rows; ++row) {
      const float* values = column.embeddings.Row(row);
      const bool bad =
          values != nullptr && EmbeddingProblem(values, column.policy, step).has_value();
      picked[static_cast<size_t>(row)] = bad ? -1 : row;
      bad_row[static_cast<size_t>(row)] = bad_row[static_cast<size_t>(row)] || bad;
      any |= bad;
    }
    if (how == OnBadVectors::kNull) column.embeddings = column.embeddings.Take(picked);
  }
  if (how == OnBadVectors::kNull || !any) return Status::OK();
  std::vector<int64_t> kept;
  for (int64_t row = 0; row < rows; ++row) {
    if (!bad_row[static_cast<size_t>(row)]) kept.push_back(row);
  }
  arrow::Int64Builder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(kept));
  ARROW_ASSIGN_OR_RAISE(auto indices, builder.Finish());
  if ((*batch)->num_columns() == 0) {
    *batch = arrow::RecordBatch::Make((*batch)->schema(), static_cast<int64_t>(kept.size()),
                                      arrow::ArrayVector{});
  } else {
    ARROW_ASSIGN_OR_RAISE(auto taken, arrow::compute::Take(*batch, indices));
    *batch = taken.record_batch();
  }
  for (auto& column : *vectors) column.embeddings = column.embeddings.Take(kept);
  return Status::OK();
}

/// The table's Arrow schema without its vector columns.
Result<std::shared_ptr<arrow::Schema>> ScalarSchema(const iceberg::Schema& schema,
                                                    std::span<const VectorStoragePolicy> policies) {
  ARROW_ASSIGN_OR_RAISE(auto arrow_schema, ToArrowSchema(schema));
  for (const auto& policy : policies) {
    const int index = arrow_schema->GetFieldIndex(policy.column_name);
    if (index < 0) {
      return Error(ErrorKind::kCorrupt, "the table's schema lacks its vector column '",
                   policy.column_name, "'");
    }
    ARROW_ASSIGN_OR_RAISE(arrow_schema, arrow_schema->RemoveField(index));
  }
  return arrow_schema;
}

}  // namespace

Result<BatchPlan> PlanBatch(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
                            std::span<const VectorStoragePolicy> policies,
                            const iceberg::Schema& schema, OnBadVectors on_bad_vectors) {
  ARROW_RETURN_NOT_OK(CheckGiven(batch, given, policies));
  BatchPlan plan;
  ARROW_ASSIGN_OR_RAISE(plan.vectors, CollectVectors(batch, given, policies));
  ARROW_ASSIGN_OR_RAISE(auto rest, WithoutVectors(batch, policies));
  if (on_bad_vectors != OnBadVectors::kError)
    ARROW_RETURN_NOT_OK(MendVectors(on_bad_vectors, &rest, &plan.vectors));

  ARROW_ASSIGN_OR_RAISE(auto storable, format::StorableSchema(*rest->schema()));
  ARROW_ASSIGN_OR_RAISE(auto stored, format::ToStorableBatch(*rest, storable));
  plan.schema = schema;
  if (schema.fields.empty()) {
    ARROW_ASSIGN_OR_RAISE(plan.schema, NewTableSchema(*storable, policies));
  }
  ARROW_ASSIGN_OR_RAISE(auto target, ScalarSchema(plan.schema, policies));
  ARROW_ASSIGN_OR_RAISE(plan.columns, FitBatch(*stored, target, FitBy::kName));
  return plan;
}

}  // namespace tarn
