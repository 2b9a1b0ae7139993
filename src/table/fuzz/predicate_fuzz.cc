// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a predicate: refused, or an expression that answers for every row.
#include <cstdlib>
#include <string_view>

#include "arrow/api.h"
#include "arrow/compute/exec.h"
#include "arrow/compute/expression.h"
#include "arrow/extension/uuid.h"
#include "tarn/predicate.h"

namespace {

const std::shared_ptr<arrow::RecordBatch>& Rows() {
  static const auto rows = [] {
    const auto schema = arrow::schema(
        {arrow::field("i", arrow::int32()), arrow::field("l", arrow::int64()),
         arrow::field("f", arrow::float32()), arrow::field("d", arrow::float64()),
         arrow::field("m", arrow::decimal128(9, 2)), arrow::field("s", arrow::utf8()),
         arrow::field("y", arrow::date32()), arrow::field("b", arrow::binary()),
         arrow::field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
         arrow::field("o", arrow::time64(arrow::TimeUnit::MICRO)),
         arrow::field("k", arrow::fixed_size_binary(2)), arrow::field("g", arrow::boolean()),
         arrow::field("u", arrow::extension::uuid()),
         arrow::field("n", arrow::struct_({arrow::field("s", arrow::utf8())})),
         arrow::field("v", arrow::list(arrow::float32()))});
    // Zeros, empty values and a null of each.
    arrow::ArrayVector columns;
    for (const auto& field : schema->fields()) {
      const bool uuid = field->type()->id() == arrow::Type::EXTENSION;
      auto builder =
          arrow::MakeBuilder(uuid ? arrow::fixed_size_binary(16) : field->type()).ValueOrDie();
      (void)builder->AppendEmptyValues(2);
      (void)builder->AppendNull();
      auto column = builder->Finish().ValueOrDie();
      columns.push_back(uuid ? arrow::ExtensionType::WrapArray(field->type(), column) : column);
    }
    return arrow::RecordBatch::Make(schema, 3, columns);
  }();
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto predicate = tarn::ParsePredicate(text, *Rows()->schema());
  if (!predicate.ok()) {
    if (!tarn::IsKind(predicate.status(), tarn::ErrorKind::kBadInput)) std::abort();
    return 0;
  }
  const auto bound = predicate->Bind(*Rows()->schema());
  if (!bound.ok() || bound->type()->id() != arrow::Type::BOOL) std::abort();
  const auto answer =
      arrow::compute::ExecuteScalarExpression(*bound, arrow::compute::ExecBatch(*Rows()));
  // A pattern may be more than the expression engine takes on; nothing else may fail.
  if (!answer.ok() && !answer.status().IsInvalid()) std::abort();
  if (answer.ok() && !answer->is_scalar() && answer->length() != 3) std::abort();
  return 0;
}
