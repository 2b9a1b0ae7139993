// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/compute/expression.h"
#include "arrow/compute/initialize.h"
#include "arrow/extension/uuid.h"
#include "table/predicate/column_lookup.h"
#include "table/predicate/comparison.h"
#include "table/predicate/predicate_lexer.h"
#include "table/predicate/predicate_syntax.h"
#include "tarn/predicate.h"

namespace tarn {
namespace predicate {
namespace {

namespace cp = arrow::compute;

cp::Expression Not(cp::Expression condition) { return cp::call("invert", {std::move(condition)}); }

/// A tree of as few levels as possible: everything that walks an expression recurses.
cp::Expression Fold(const char* function, std::span<const cp::Expression> parts) {
  if (parts.size() == 1) return parts[0];
  const size_t half = parts.size() / 2;
  return cp::call(function,
                  {Fold(function, parts.first(half)), Fold(function, parts.subspan(half))});
}

class Binder {
 public:
  Binder(std::string_view text, const arrow::Schema& schema) : text_(text), schema_(schema) {}

  Result<cp::Expression> Condition(const Node& node) const {
    switch (node.kind) {
      case Node::Kind::kColumn: {
        ARROW_ASSIGN_OR_RAISE(const ColumnRef column, Column(node));
        if (column.type->id() == arrow::Type::BOOL) return column.expression;
        return At(node, Error(ErrorKind::kBadInput, "column '", Shortened(column.name), "' is ",
                              column.type->ToString(), ", not true or false; compare it"));
      }
      case Node::Kind::kLiteral:
        if (node.literal.kind == Literal::Kind::kNull) return NullCondition();
        if (node.literal.kind == Literal::Kind::kBool) return cp::literal(node.literal.value);
        return At(node, Error(ErrorKind::kBadInput, "expected a condition, found ",
                              Describe(node.literal)));
      case Node::Kind::kAnd:
      case Node::Kind::kOr: {
        std::vector<cp::Expression> parts;
        for (const Node& child : node.children) {
          ARROW_ASSIGN_OR_RAISE(auto part, Condition(child));
          parts.push_back(std::move(part));
        }
        return Fold(node.kind == Node::Kind::kAnd ? "and_kleene" : "or_kleene", parts);
      }
      case Node::Kind::kNot: {
        ARROW_ASSIGN_OR_RAISE(auto inside, Condition(node.children[0]));
        return Not(std::move(inside));
      }
      case Node::Kind::kCompare:
        return Compared(node.children[0], node.comparison, node.children[1]);
      case Node::Kind::kIn:
        return Negated(node, In(node));
      case Node::Kind::kBetween:
        return Negated(node, Between(node));
      case Node::Kind::kLike:
        return Negated(node, Like(node));
      case Node::Kind::kIsNull:
        return Negated(node, IsNull(node.children[0]));
    }
    return Error(ErrorKind::kBadInput, "the predicate is of a kind that is not known");
  }

 private:
  /// An error about a node, at its place.
  Status At(const Node& node, const Status& status) const {
    return ErrorAt(text_, node.offset, status.message());
  }
  template <class T>
  Result<T> At(const Node& node, Result<T> result) const {
    if (result.ok()) return result;
    return At(node, result.status());
  }
  static Result<cp::Expression> Negated(const Node& node, Result<cp::Expression> condition) {
    if (!condition.ok() || !node.negated) return condition;
    return Not(*std::move(condition));
  }

  Result<ColumnRef> Column(const Node& node) const {
    return At(node, FindColumn(schema_, node.path));
  }

  static bool IsLiteral(const Node& node) { return node.kind == Node::Kind::kLiteral; }
  static bool IsNullLiteral(const Node& node) {
    return IsLiteral(node) && node.literal.kind == Literal::Kind::kNull;
  }
  Status CheckOperand(const Node& node) const {
    if (IsLiteral(node)) return Status::OK();
    if (node.kind == Node::Kind::kColumn) return Column(node).status();
    return At(node, Error(ErrorKind::kBadInput,
                          "expected a column or a value to compare, found a condition"));
  }

  Result<cp::Expression> Compared(const Node& left, Comparison comparison,
                                  const Node& right) const {
    ARROW_RETURN_NOT_OK(CheckOperand(left));
    ARROW_RETURN_NOT_OK(CheckOperand(right));
    if (IsNullLiteral(left) || IsNullLiteral(right)) return NullCondition();
    if (IsLiteral(left) && IsLiteral(right)) {
      return At(right, CompareLiterals(left.literal, comparison, right.literal));
    }
    if (IsLiteral(left)) return Compared(right, Mirrored(comparison), left);
    ARROW_ASSIGN_OR_RAISE(const ColumnRef column, Column(left));
    if (IsLiteral(right)) return At(right, CompareWith(column, comparison, right.literal));
    ARROW_ASSIGN_OR_RAISE(const ColumnRef other, Column(right));
    return At(right, CompareColumns(column, comparison, other));
  }

  Result<cp::Expression> In(const Node& node) const {
    const std::span<const Node> items = std::span(node.children).subspan(1);
    if (node.children[0].kind != Node::Kind::kColumn ||
        !std::all_of(items.begin(), items.end(), IsLiteral)) {
      std::vector<cp::Expression> parts;
      for (const Node& item : items) {
        ARROW_ASSIGN_OR_RAISE(auto part, Compared(node.children[0], Comparison::kEqual, item));
        parts.push_back(std::move(part));
      }
      return Fold("or_kleene", parts);
    }
    ARROW_ASSIGN_OR_RAISE(const ColumnRef column, Column(node.children[0]));
    ValueSet values(column);
    for (const Node& item : items) {
      const Status added = values.Add(item.literal);
      if (!added.ok()) return At(item, added);
    }
    return values.Contains();
  }

  Result<cp::Expression> Between(const Node& node) const {
    ARROW_ASSIGN_OR_RAISE(auto low,
                          Compared(node.children[0], Comparison::kGreaterEqual, node.children[1]));
    ARROW_ASSIGN_OR_RAISE(auto high,
                          Compared(node.children[0], Comparison::kLessEqual, node.children[2]));
    return cp::call("and_kleene", {std::move(low), std::move(high)});
  }

  Result<cp::Expression> Like(const Node& node) const {
    const Node& subject = node.children[0];
    if (subject.kind != Node::Kind::kColumn) {
      return At(subject, Error(ErrorKind::kBadInput, "expected a column before LIKE"));
    }
    ARROW_ASSIGN_OR_RAISE(const ColumnRef column, Column(subject));
    if (column.type->id() != arrow::Type::STRING &&
        column.type->id() != arrow::Type::LARGE_STRING) {
      return At(subject, Error(ErrorKind::kBadInput, "LIKE looks at texts; column '",
                               Shortened(column.name), "' is ", column.type->ToString()));
    }
    for (size_t i = 1; i < node.children.size(); ++i) {
      const Node& part = node.children[i];
      if (IsLiteral(part) && (part.literal.kind == Literal::Kind::kText ||
                              part.literal.kind == Literal::Kind::kNull)) {
        continue;
      }
      return At(part,
                Error(ErrorKind::kBadInput, "expected a text after ", i == 1 ? "LIKE" : "ESCAPE"));
    }
    if (std::any_of(node.children.begin() + 1, node.children.end(), IsNullLiteral)) {
      return NullCondition();
    }
    std::optional<std::string> escape;
    if (node.children.size() > 2) escape = node.children[2].literal.text;
    return At(node.children.back(), MatchLike(column, node.children[1].literal.text, escape));
  }

  Result<cp::Expression> IsNull(const Node& node) const {
    if (IsLiteral(node)) return cp::literal(IsNullLiteral(node));
    if (node.kind != Node::Kind::kColumn) {
      ARROW_ASSIGN_OR_RAISE(auto condition, Condition(node));
      return cp::is_null(std::move(condition));
    }
    ARROW_ASSIGN_OR_RAISE(const ColumnRef column, Column(node));
    return cp::is_null(column.expression);
  }

  const std::string_view text_;
  const arrow::Schema& schema_;
};

}  // namespace
}  // namespace predicate

Result<arrow::compute::Expression> ParsePredicate(std::string_view text,
                                                  const arrow::Schema& schema) {
  static const Status initialized = arrow::compute::Initialize();
  ARROW_RETURN_NOT_OK(initialized);
  ARROW_ASSIGN_OR_RAISE(const auto syntax, predicate::ParseSyntax(text));
  ARROW_ASSIGN_OR_RAISE(auto expression, predicate::Binder(text, schema).Condition(syntax));
  // What is left for Arrow to refuse: a type without the function that is asked for.
  const auto bound = expression.Bind(schema);
  if (!bound.ok()) {
    return Error(ErrorKind::kBadInput,
                 "the predicate cannot be applied: ", bound.status().message());
  }
  return expression;
}

}  // namespace tarn
