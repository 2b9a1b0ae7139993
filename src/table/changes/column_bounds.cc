// SPDX-License-Identifier: Apache-2.0
#include "table/changes/column_bounds.h"

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "table/value_arrow.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ScalarPtr = std::shared_ptr<arrow::Scalar>;

/// Whether a comparison of two scalars is surely true. With NaN or null it is not.
bool Surely(const char* comparison, const ScalarPtr& a, const ScalarPtr& b) {
  const auto answer = cp::CallFunction(comparison, {a, b});
  if (!answer.ok() || !answer->is_scalar()) return false;
  const auto& scalar = answer->scalar_as<arrow::BooleanScalar>();
  return scalar.is_valid && scalar.value;
}

/// `a op b` as `b op a`.
std::string Mirrored(const std::string& function) {
  if (function == "less") return "greater";
  if (function == "less_equal") return "greater_equal";
  if (function == "greater") return "less";
  if (function == "greater_equal") return "less_equal";
  return function;
}

class Bounds {
 public:
  Bounds(const iceberg::Schema& schema, const iceberg::DataFile& file)
      : schema_(schema), file_(file) {}

  bool MayBeTrue(const cp::Expression& expression) const {
    if (const arrow::Datum* literal = expression.literal()) return MayBeTrue(*literal);
    const auto* call = expression.call();
    if (call == nullptr) return true;
    const std::string& name = call->function_name;
    const auto& arguments = call->arguments;
    if (name == "and_kleene" || name == "and") {
      return MayBeTrue(arguments[0]) && MayBeTrue(arguments[1]);
    }
    if (name == "or_kleene" || name == "or") {
      return MayBeTrue(arguments[0]) || MayBeTrue(arguments[1]);
    }
    if (name == "is_in") return MayBeIn(*call);
    if (name == "is_null" || name == "is_valid") return MayBeOfNulls(*call);
    if (arguments.size() != 2) return true;
    if (const arrow::Datum* literal = arguments[1].literal()) {
      return MayCompare(name, arguments[0], *literal);
    }
    if (const arrow::Datum* literal = arguments[0].literal()) {
      return MayCompare(Mirrored(name), arguments[1], *literal);
    }
    return true;
  }

 private:
  static bool MayBeTrue(const arrow::Datum& literal) {
    if (!literal.is_scalar() || literal.type()->id() != arrow::Type::BOOL) return true;
    const auto& scalar = literal.scalar_as<arrow::BooleanScalar>();
    return scalar.is_valid && scalar.value;
  }

  /// The primitive top-level column that the expression is, with nothing done to it.
  const iceberg::NestedField* ColumnOf(const cp::Expression& expression) const {
    const arrow::FieldRef* ref = expression.field_ref();
    if (ref == nullptr || ref->name() == nullptr) return nullptr;
    const auto* field = schema_.FindColumn(*ref->name());
    return field != nullptr && field->type.fields.empty() ? field : nullptr;
  }

  /// nullptr when the file has no such bound, or one that cannot be read.
  static ScalarPtr Bound(const std::map<int32_t, std::string>& bounds,
                         const iceberg::NestedField& column,
                         const std::shared_ptr<arrow::DataType>& type) {
    const auto found = bounds.find(column.id);
    if (found == bounds.end()) return nullptr;
    const auto value = iceberg::DecodeValue(column.type, found->second);
    if (!value.ok()) return nullptr;
    const auto scalar = ToArrowScalar(*value, type);
    return scalar.ok() && (*scalar)->is_valid ? *scalar : nullptr;
  }

  /// A comparison is true of no null, and of a NaN only where it is "not equal": so the values that
  /// matter all lie within the bounds.
  bool MayCompare(const std::string& function, const cp::Expression& argument,
                  const arrow::Datum& literal) const {
    const iceberg::NestedField* column = ColumnOf(argument);
    if (column == nullptr || !literal.is_scalar()) return true;
    const ScalarPtr& value = literal.scalar();
    if (argument.type() == nullptr || !value->type->Equals(*argument.type())) return true;
    const ScalarPtr lower = Bound(file_.lower_bounds, *column, value->type);
    const ScalarPtr upper = Bound(file_.upper_bounds, *column, value->type);
    const bool below = lower != nullptr && Surely("less", value, lower);
    const bool above = upper != nullptr && Surely("greater", value, upper);
    if (function == "equal") return !below && !above;
    if (function == "less") return lower == nullptr || !Surely("greater_equal", lower, value);
    if (function == "less_equal") return !below;
    if (function == "greater") return upper == nullptr || !Surely("less_equal", upper, value);
    if (function == "greater_equal") return !above;
    return true;
  }

  bool MayBeIn(const cp::Expression::Call& call) const {
    const auto* options = dynamic_cast<const cp::SetLookupOptions*>(call.options.get());
    if (options == nullptr || !options->value_set.is_array()) return true;
    const auto values = options->value_set.make_array();
    // A null of the set may stand for null rows.
    if (values->null_count() > 0) return true;
    for (int64_t i = 0; i < values->length(); ++i) {
      const auto value = values->GetScalar(i);
      if (!value.ok() || MayCompare("equal", call.arguments[0], arrow::Datum(*value))) return true;
    }
    return false;
  }

  bool MayBeOfNulls(const cp::Expression::Call& call) const {
    const iceberg::NestedField* column = ColumnOf(call.arguments[0]);
    if (column == nullptr) return true;
    const auto nulls = file_.null_value_counts.find(column->id);
    if (nulls == file_.null_value_counts.end()) return true;
    if (call.function_name == "is_valid") return nulls->second != file_.record_count;
    const auto* options = dynamic_cast<const cp::NullOptions*>(call.options.get());
    if (options != nullptr && options->nan_is_null) return true;
    return nulls->second != 0;
  }

  const iceberg::Schema& schema_;
  const iceberg::DataFile& file_;
};

}  // namespace

bool MayMatch(const RowPredicate& predicate, const iceberg::Schema& schema,
              const iceberg::DataFile& file) {
  return Bounds(schema, file).MayBeTrue(predicate.bound());
}

}  // namespace tarn
