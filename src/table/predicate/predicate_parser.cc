// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "table/predicate/predicate_lexer.h"
#include "table/predicate/predicate_syntax.h"

namespace tarn::predicate {
namespace {

constexpr std::string_view kReserved[] = {"AND",  "OR", "NOT",  "IN",   "BETWEEN",
                                          "LIKE", "IS", "NULL", "TRUE", "FALSE"};

bool IsReserved(const Token& token) {
  return std::any_of(std::begin(kReserved), std::end(kReserved),
                     [&](std::string_view word) { return token.IsWord(word); });
}

std::optional<Comparison> ComparisonOf(const Token& token) {
  if (token.IsSymbol("=")) return Comparison::kEqual;
  if (token.IsSymbol("<>")) return Comparison::kNotEqual;
  if (token.IsSymbol("<")) return Comparison::kLess;
  if (token.IsSymbol("<=")) return Comparison::kLessEqual;
  if (token.IsSymbol(">")) return Comparison::kGreater;
  if (token.IsSymbol(">=")) return Comparison::kGreaterEqual;
  return std::nullopt;
}

/// Recursive descent: Or > And > Not > Test > Operand. Only parentheses recurse.
class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens)
      : text_(text), tokens_(std::move(tokens)) {}

  Result<Node> Run() {
    if (Here().kind == TokenKind::kEnd) return Unexpected("a condition");
    ARROW_ASSIGN_OR_RAISE(Node node, Or());
    if (Here().kind != TokenKind::kEnd) {
      return Unexpected(IsOperand(node) ? "a comparison, IN, BETWEEN, LIKE, IS, AND or OR"
                                        : "AND, OR or the end");
    }
    return node;
  }

 private:
  const Token& Here() const { return tokens_[next_]; }
  const Token& After() const { return tokens_[std::min(next_ + 1, tokens_.size() - 1)]; }
  Token Take() { return tokens_[Here().kind == TokenKind::kEnd ? next_ : next_++]; }
  bool TakeWord(std::string_view word) {
    if (!Here().IsWord(word)) return false;
    ++next_;
    return true;
  }
  bool TakeSymbol(std::string_view symbol) {
    if (!Here().IsSymbol(symbol)) return false;
    ++next_;
    return true;
  }
  Status Unexpected(std::string_view expected) const {
    return ErrorAt(text_, Here().offset,
                   "expected " + std::string(expected) + ", found " + Here().Shown());
  }
  static bool IsOperand(const Node& node) {
    return node.kind == Node::Kind::kColumn || node.kind == Node::Kind::kLiteral;
  }
  static Node Make(Node::Kind kind, size_t offset) {
    Node node;
    node.kind = kind;
    node.offset = offset;
    return node;
  }

  Result<Node> Or() { return Chain(Node::Kind::kOr, "OR", &Parser::And); }
  Result<Node> And() { return Chain(Node::Kind::kAnd, "AND", &Parser::Not); }

  Result<Node> Chain(Node::Kind kind, std::string_view word, Result<Node> (Parser::*part)()) {
    const size_t offset = Here().offset;
    ARROW_ASSIGN_OR_RAISE(Node first, (this->*part)());
    if (!Here().IsWord(word)) return first;
    Node chain = Make(kind, offset);
    chain.children.push_back(std::move(first));
    while (TakeWord(word)) {
      ARROW_ASSIGN_OR_RAISE(Node next, (this->*part)());
      chain.children.push_back(std::move(next));
    }
    return chain;
  }

  Result<Node> Not() {
    const size_t offset = Here().offset;
    int count = 0;
    while (TakeWord("NOT")) ++count;
    ARROW_ASSIGN_OR_RAISE(Node test, Test());
    if (count == 0) return test;
    // Two of them take each other away, also from null; one or two are kept, so that what they
    // stand before is still seen to be a condition.
    for (count = 2 - count % 2; count > 0; --count) {
      Node node = Make(Node::Kind::kNot, offset);
      node.children.push_back(std::move(test));
      test = std::move(node);
    }
    return test;
  }

  Result<Node> Test() {
    ARROW_ASSIGN_OR_RAISE(Node left, Operand());
    const size_t offset = Here().offset;
    if (const auto comparison = ComparisonOf(Here())) {
      Take();
      ARROW_ASSIGN_OR_RAISE(Node right, Operand());
      Node node = Make(Node::Kind::kCompare, offset);
      node.comparison = *comparison;
      node.children = {std::move(left), std::move(right)};
      return node;
    }
    if (TakeWord("IS")) {
      Node node = Make(Node::Kind::kIsNull, offset);
      node.negated = TakeWord("NOT");
      if (!TakeWord("NULL")) return Unexpected(node.negated ? "NULL" : "NULL or NOT NULL");
      node.children.push_back(std::move(left));
      return node;
    }
    const bool negated = Here().IsWord("NOT");
    if (negated) ++next_;
    Node node;
    if (TakeWord("IN")) {
      ARROW_ASSIGN_OR_RAISE(node, In(offset, std::move(left)));
    } else if (TakeWord("BETWEEN")) {
      ARROW_ASSIGN_OR_RAISE(node, Between(offset, std::move(left)));
    } else if (TakeWord("LIKE")) {
      ARROW_ASSIGN_OR_RAISE(node, Like(offset, std::move(left)));
    } else if (negated) {
      return Unexpected("IN, BETWEEN or LIKE after NOT");
    } else {
      return left;
    }
    node.negated = negated;
    return node;
  }

  Result<Node> In(size_t offset, Node left) {
    Node node = Make(Node::Kind::kIn, offset);
    node.children.push_back(std::move(left));
    if (!TakeSymbol("(")) return Unexpected("'(' and a list of values after IN");
    do {
      ARROW_ASSIGN_OR_RAISE(Node item, Operand());
      node.children.push_back(std::move(item));
    } while (TakeSymbol(","));
    if (!TakeSymbol(")")) return Unexpected("',' or ')' in the list of IN");
    return node;
  }

  Result<Node> Between(size_t offset, Node left) {
    Node node = Make(Node::Kind::kBetween, offset);
    node.children.push_back(std::move(left));
    ARROW_ASSIGN_OR_RAISE(Node low, Operand());
    node.children.push_back(std::move(low));
    if (!TakeWord("AND")) return Unexpected("AND and the upper end of BETWEEN");
    ARROW_ASSIGN_OR_RAISE(Node high, Operand());
    node.children.push_back(std::move(high));
    return node;
  }

  Result<Node> Like(size_t offset, Node left) {
    Node node = Make(Node::Kind::kLike, offset);
    node.children.push_back(std::move(left));
    ARROW_ASSIGN_OR_RAISE(Node pattern, Operand());
    node.children.push_back(std::move(pattern));
    if (TakeWord("ESCAPE")) {
      ARROW_ASSIGN_OR_RAISE(Node escape, Operand());
      node.children.push_back(std::move(escape));
    }
    return node;
  }

  Result<Node> Operand() {
    const size_t offset = Here().offset;
    if (TakeSymbol("(")) {
      if (++depth_ > kMaxDepth) {
        return ErrorAt(text_, offset,
                       "parentheses are nested more than " + std::to_string(kMaxDepth) + " deep");
      }
      ARROW_ASSIGN_OR_RAISE(Node inside, Or());
      if (!TakeSymbol(")")) return Unexpected("')'");
      --depth_;
      return inside;
    }
    if (Here().kind == TokenKind::kQuotedName) return Column();
    if (Here().kind == TokenKind::kWord) {
      const bool literal = Here().IsWord("NULL") || Here().IsWord("TRUE") ||
                           Here().IsWord("FALSE") ||
                           (After().kind == TokenKind::kText && !IsReserved(Here()));
      if (!literal && !IsReserved(Here())) return Column();
    }
    ARROW_ASSIGN_OR_RAISE(Literal literal, Value());
    Node node = Make(Node::Kind::kLiteral, offset);
    node.literal = std::move(literal);
    node.literal.offset = offset;
    return node;
  }

  Result<Node> Column() {
    Node node = Make(Node::Kind::kColumn, Here().offset);
    node.path.push_back(Take().text);
    while (TakeSymbol(".")) {
      // Behind a dot every word is a name.
      if (Here().kind != TokenKind::kQuotedName && Here().kind != TokenKind::kWord) {
        return Unexpected("the name of a field after '.'");
      }
      node.path.push_back(Take().text);
    }
    if (Here().IsSymbol("(")) return ErrorAt(text_, node.offset, "functions are not known");
    return node;
  }

  Result<Literal> Value() {
    Literal literal;
    if (TakeWord("NULL")) return literal;
    if (Here().IsWord("TRUE") || Here().IsWord("FALSE")) {
      literal.kind = Literal::Kind::kBool;
      literal.value = Take().IsWord("TRUE");
      return literal;
    }
    const bool sign = Here().IsSymbol("-") || Here().IsSymbol("+");
    if (sign || Here().kind == TokenKind::kNumber) {
      literal.kind = Literal::Kind::kNumber;
      if (sign && Take().text == "-") literal.text = "-";
      if (Here().kind != TokenKind::kNumber) return Unexpected("a number after its sign");
      literal.text += Take().text;
      return literal;
    }
    if (Here().kind == TokenKind::kWord && After().kind == TokenKind::kText) return Typed();
    if (Here().kind == TokenKind::kText || Here().kind == TokenKind::kBytes) {
      literal.kind = Here().kind == TokenKind::kText ? Literal::Kind::kText : Literal::Kind::kBytes;
      literal.text = Take().text;
      return literal;
    }
    if (IsReserved(Here())) {
      return ErrorAt(text_, Here().offset,
                     "expected a column or a value, found " + Here().Shown() +
                         "; a column of that name is written in \"quotes\"");
    }
    return Unexpected("a column or a value");
  }

  /// DATE '...' and its like.
  Result<Literal> Typed() {
    Literal literal;
    if (Here().IsWord("DATE")) {
      literal.kind = Literal::Kind::kDate;
    } else if (Here().IsWord("TIME")) {
      literal.kind = Literal::Kind::kTime;
    } else if (Here().IsWord("TIMESTAMP")) {
      literal.kind = Literal::Kind::kTimestamp;
    } else {
      return ErrorAt(text_, Here().offset,
                     "expected DATE, TIME, TIMESTAMP or X before a text, or an operator between, "
                     "found " +
                         Here().Shown());
    }
    Take();
    literal.text = Take().text;
    return literal;
  }

  const std::string_view text_;
  const std::vector<Token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Node> ParseSyntax(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(auto tokens, Lex(text));
  return Parser(text, std::move(tokens)).Run();
}

}  // namespace tarn::predicate
