// SPDX-License-Identifier: Apache-2.0
#include "table/predicate/comparison.h"

#include <algorithm>
#include <limits>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "table/predicate/exact_number.h"
#include "table/predicate/predicate_lexer.h"

namespace tarn::predicate {
namespace {

namespace cp = arrow::compute;
using cp::Expression;

const char* FunctionOf(Comparison comparison) {
  switch (comparison) {
    case Comparison::kEqual:
      return "equal";
    case Comparison::kNotEqual:
      return "not_equal";
    case Comparison::kLess:
      return "less";
    case Comparison::kLessEqual:
      return "less_equal";
    case Comparison::kGreater:
      return "greater";
    default:
      return "greater_equal";
  }
}

bool IsUpward(Comparison comparison) {
  return comparison == Comparison::kGreater || comparison == Comparison::kGreaterEqual;
}

Expression Cast(Expression value, std::shared_ptr<arrow::DataType> type) {
  return cp::call("cast", {std::move(value)}, cp::CastOptions::Safe(std::move(type)));
}

/// The column's values in a type that Arrow compares: of a uuid, its bytes.
Expression Comparable(const ColumnRef& column) {
  if (column.type->id() != arrow::Type::EXTENSION) return column.expression;
  return Cast(column.expression,
              static_cast<const arrow::ExtensionType&>(*column.type).storage_type());
}

/// False, or null where the column is.
Expression Never(const ColumnRef& column) {
  const auto value = Comparable(column);
  // A NaN is unequal to itself, but not below everything.
  if (column.type->id() == arrow::Type::FLOAT) {
    return cp::call("less", {value, cp::literal(-std::numeric_limits<float>::infinity())});
  }
  if (column.type->id() == arrow::Type::DOUBLE) {
    return cp::call("less", {value, cp::literal(-std::numeric_limits<double>::infinity())});
  }
  return cp::call("not_equal", {value, value});
}
Expression Constant(const ColumnRef& column, bool answer) {
  return answer ? cp::call("invert", {Never(column)}) : Never(column);
}

Expression CompareWithConstant(Comparison comparison, bool less, bool equal) {
  bool answer = false;
  switch (comparison) {
    case Comparison::kEqual:
      answer = equal;
      break;
    case Comparison::kNotEqual:
      answer = !equal;
      break;
    case Comparison::kLess:
      answer = less;
      break;
    case Comparison::kLessEqual:
      answer = less || equal;
      break;
    case Comparison::kGreater:
      answer = !less && !equal;
      break;
    case Comparison::kGreaterEqual:
      answer = !less;
      break;
  }
  return cp::literal(answer);
}

bool IsSignedInteger(const arrow::DataType& type) { return arrow::is_signed_integer(type.id()); }

/// Decimal digits that every value of an integer type fits into.
int32_t DigitsOf(const arrow::DataType& type) {
  switch (arrow::bit_width(type.id())) {
    case 8:
      return 3;
    case 16:
      return 5;
    case 32:
      return 10;
    default:
      return arrow::is_signed_integer(type.id()) ? 19 : 20;
  }
}

std::shared_ptr<arrow::DataType> CommonDecimal(const arrow::DataType& a, const arrow::DataType& b) {
  const auto precision = [](const arrow::DataType& type) {
    return arrow::is_decimal(type.id()) ? static_cast<const arrow::DecimalType&>(type).precision()
                                        : DigitsOf(type);
  };
  const auto scale = [](const arrow::DataType& type) {
    return arrow::is_decimal(type.id()) ? static_cast<const arrow::DecimalType&>(type).scale() : 0;
  };
  const int32_t fraction = std::max({scale(a), scale(b), 0});
  const int32_t digits = std::max(precision(a) - scale(a), precision(b) - scale(b)) + fraction;
  if (digits <= arrow::Decimal128Type::kMaxPrecision) return arrow::decimal128(digits, fraction);
  if (digits <= arrow::Decimal256Type::kMaxPrecision) return arrow::decimal256(digits, fraction);
  return nullptr;
}

/// A type that holds the values of both without loss; nullptr when there is none.
std::shared_ptr<arrow::DataType> CommonType(const std::shared_ptr<arrow::DataType>& a,
                                            const std::shared_ptr<arrow::DataType>& b) {
  if (a->Equals(*b)) return a;
  const bool integers[] = {arrow::is_integer(a->id()), arrow::is_integer(b->id())};
  const bool floats[] = {arrow::is_floating(a->id()), arrow::is_floating(b->id())};
  const bool decimals[] = {arrow::is_decimal(a->id()), arrow::is_decimal(b->id())};
  if (integers[0] && integers[1]) {
    const bool wide[] = {a->id() == arrow::Type::UINT64, b->id() == arrow::Type::UINT64};
    if (!wide[0] && !wide[1]) return arrow::int64();
    return IsSignedInteger(*a) || IsSignedInteger(*b) ? CommonDecimal(*a, *b) : arrow::uint64();
  }
  if (floats[0] && floats[1]) return arrow::float64();
  if (floats[0] || floats[1]) {
    const auto& other = floats[0] ? *b : *a;
    return arrow::is_integer(other.id()) && arrow::bit_width(other.id()) <= 32 ? arrow::float64()
                                                                               : nullptr;
  }
  if ((decimals[0] || integers[0]) && (decimals[1] || integers[1])) return CommonDecimal(*a, *b);
  return nullptr;
}

bool CanCompare(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::EXTENSION:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256:
      return true;
    default:
      return arrow::is_integer(type.id());
  }
}

}  // namespace

Comparison Mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreater;
    case Comparison::kLessEqual:
      return Comparison::kGreaterEqual;
    case Comparison::kGreater:
      return Comparison::kLess;
    case Comparison::kGreaterEqual:
      return Comparison::kLessEqual;
    default:
      return comparison;
  }
}

Expression NullCondition() { return cp::literal(std::make_shared<arrow::BooleanScalar>()); }

Result<Expression> CompareWith(const ColumnRef& column, Comparison comparison,
                               const Literal& literal) {
  ARROW_ASSIGN_OR_RAISE(const auto placed, PlaceLiteral(literal, *column.type));
  const bool upward = IsUpward(comparison);
  if (placed.place != Place::kExact) {
    if (comparison == Comparison::kEqual) return Constant(column, false);
    if (comparison == Comparison::kNotEqual) return Constant(column, true);
  }
  switch (placed.place) {
    case Place::kExact:
      break;
    case Place::kAboveAll:
      return Constant(column, !upward);
    case Place::kBelowAll:
      return Constant(column, upward);
    case Place::kAfter:
      comparison = upward ? Comparison::kGreater : Comparison::kLessEqual;
      break;
    case Place::kBefore:
      comparison = upward ? Comparison::kGreaterEqual : Comparison::kLess;
      break;
  }
  return cp::call(FunctionOf(comparison), {Comparable(column), cp::literal(placed.scalar)});
}

Result<Expression> CompareColumns(const ColumnRef& left, Comparison comparison,
                                  const ColumnRef& right) {
  const auto common = CommonType(left.type, right.type);
  if (common == nullptr || !CanCompare(*common)) {
    return Error(ErrorKind::kBadInput, "columns '", Shortened(left.name), "' and '",
                 Shortened(right.name), "' cannot be compared exactly: they are ",
                 left.type->ToString(), " and ", right.type->ToString());
  }
  const auto side = [&](const ColumnRef& column) {
    return column.type->Equals(*common) ? Comparable(column) : Cast(column.expression, common);
  };
  return cp::call(FunctionOf(comparison), {side(left), side(right)});
}

Result<Expression> CompareLiterals(const Literal& left, Comparison comparison,
                                   const Literal& right) {
  if (left.kind != right.kind) {
    return Error(ErrorKind::kBadInput, Describe(left), " cannot be compared with ",
                 Describe(right));
  }
  switch (left.kind) {
    case Literal::Kind::kNumber: {
      ARROW_ASSIGN_OR_RAISE(const auto a, ExactNumber::Parse(left.text));
      ARROW_ASSIGN_OR_RAISE(const auto b, ExactNumber::Parse(right.text));
      return CompareWithConstant(comparison, a < b, a == b);
    }
    case Literal::Kind::kBool:
      return CompareWithConstant(comparison, left.value < right.value, left.value == right.value);
    case Literal::Kind::kText:
    case Literal::Kind::kBytes:
      return CompareWithConstant(comparison, left.text < right.text, left.text == right.text);
    default:
      return Error(ErrorKind::kBadInput, "expected a column on one side of the comparison");
  }
}

Result<Expression> MatchLike(const ColumnRef& column, std::string_view pattern,
                             const std::optional<std::string>& escape) {
  const auto is_character = [](std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) {
             return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
           }) == 1;
  };
  if (escape && !is_character(*escape)) {
    return Error(ErrorKind::kBadInput, "ESCAPE takes one character");
  }
  // Arrow's own LIKE is fast for the common patterns, but gives the backslash a meaning that it
  // does not have in SQL.
  if (!escape && pattern.find('\\') == std::string_view::npos) {
    return cp::call("match_like", {column.expression},
                    cp::MatchSubstringOptions(std::string(pattern)));
  }
  std::string regex = "(?s)\\A";
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (escape && pattern.substr(i).starts_with(*escape)) {
      i += escape->size();
      if (i >= pattern.size()) {
        return Error(ErrorKind::kBadInput, "the pattern ends with its escape character");
      }
    } else if (pattern[i] == '%') {
      regex += ".*";
      continue;
    } else if (pattern[i] == '_') {
      regex += '.';
      continue;
    }
    if (pattern[i] == '\0') {
      regex += "\\x00";
      continue;
    }
    if (static_cast<unsigned char>(pattern[i]) < 0x80 &&
        std::string_view("\\^$.|?*+()[]{}").find(pattern[i]) != std::string_view::npos) {
      regex += '\\';
    }
    regex += pattern[i];
  }
  regex += "\\z";
  return cp::call("match_substring_regex", {column.expression},
                  cp::MatchSubstringOptions(std::move(regex)));
}

Status ValueSet::Add(const Literal& literal) {
  if (literal.kind == Literal::Kind::kNull) {
    has_null_ = true;
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(auto placed, PlaceLiteral(literal, *column_.type));
  // What the column cannot hold is never found in it.
  if (placed.place != Place::kExact) return Status::OK();
  // Arrow looks floats up by their bits, but 0 and -0 are equal.
  if (placed.scalar->type->id() == arrow::Type::FLOAT &&
      static_cast<const arrow::FloatScalar&>(*placed.scalar).value == 0) {
    values_.push_back(std::make_shared<arrow::FloatScalar>(-0.0f));
    placed.scalar = std::make_shared<arrow::FloatScalar>(0.0f);
  } else if (placed.scalar->type->id() == arrow::Type::DOUBLE &&
             static_cast<const arrow::DoubleScalar&>(*placed.scalar).value == 0) {
    values_.push_back(std::make_shared<arrow::DoubleScalar>(-0.0));
    placed.scalar = std::make_shared<arrow::DoubleScalar>(0.0);
  }
  values_.push_back(std::move(placed.scalar));
  return Status::OK();
}

Result<Expression> ValueSet::Contains() const {
  if (values_.empty()) return has_null_ ? NullCondition() : Never(column_);
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), values_[0]->type, &builder));
  for (const auto& value : values_) ARROW_RETURN_NOT_OK(builder->AppendScalar(*value));
  if (has_null_) ARROW_RETURN_NOT_OK(builder->AppendNull());
  ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
  return cp::call("is_in", {Comparable(column_)},
                  cp::SetLookupOptions(std::move(array), cp::SetLookupOptions::INCONCLUSIVE));
}

}  // namespace tarn::predicate
