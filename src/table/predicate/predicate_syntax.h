// SPDX-License-Identifier: Apache-2.0
//
// A predicate as it is written: what the parser makes and the binder reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"

namespace tarn::predicate {

struct Literal {
  enum class Kind { kNull, kBool, kNumber, kText, kBytes, kDate, kTime, kTimestamp };
  Kind kind = Kind::kNull;
  bool value = false;  ///< of kBool
  std::string text;    ///< of all others: a number with its sign, what stood between the quotes
  size_t offset = 0;   ///< of its first byte in the predicate
};

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct Node {
  enum class Kind {
    kColumn,   ///< path
    kLiteral,  ///< literal
    kAnd,      ///< children: two or more
    kOr,       ///< children: two or more
    kNot,      ///< children: one
    kCompare,  ///< children: left, right
    kIn,       ///< children: what is looked for, then the list
    kBetween,  ///< children: value, low, high
    kLike,     ///< children: what is looked at, pattern, and the escape character if one is given
    kIsNull,   ///< children: one
  };
  Kind kind = Kind::kLiteral;
  size_t offset = 0;
  std::vector<std::string> path;
  Literal literal;
  Comparison comparison = Comparison::kEqual;  ///< of kCompare
  bool negated = false;                        ///< kIn, kBetween, kLike, kIsNull: written with NOT
  std::vector<Node> children;
};

/// The syntax tree. Conditions nest at most kMaxDepth deep; chains of AND and OR, however long, are
/// one node. kBadInput says where in the text and what was expected.
inline constexpr int kMaxDepth = 128;
Result<Node> ParseSyntax(std::string_view text);

}  // namespace tarn::predicate
