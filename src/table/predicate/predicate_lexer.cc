// SPDX-License-Identifier: Apache-2.0
#include "table/predicate/predicate_lexer.h"

#include <algorithm>

#include "format/storable_schema.h"

namespace tarn::predicate {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kShownBytes = 40;

// <cctype> depends on the locale.
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool StartsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool ContinuesWord(char c) { return StartsWord(c) || IsDigit(c) || c == '$'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      start_ = at_;
      if (at_ == text_.size()) break;
      ARROW_ASSIGN_OR_RAISE(Token token, Next());
      token.offset = start_;
      tokens.push_back(std::move(token));
    }
    tokens.push_back({TokenKind::kEnd, "", at_});
    return tokens;
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  Result<Token> Next() {
    const char c = Peek();
    if ((c == 'x' || c == 'X') && Peek(1) == '\'') return Bytes();
    if (StartsWord(c)) return Word();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (c == '\'') {
      ARROW_ASSIGN_OR_RAISE(auto text, Quoted());
      return Token{TokenKind::kText, std::move(text)};
    }
    if (c == '"') {
      ARROW_ASSIGN_OR_RAISE(auto name, Quoted());
      if (name.empty()) return ErrorAt(text_, start_, "a name in quotes is empty");
      return Token{TokenKind::kQuotedName, std::move(name)};
    }
    return Symbol();
  }

  Token Word() {
    while (at_ < text_.size() && ContinuesWord(text_[at_])) ++at_;
    return {TokenKind::kWord, std::string(text_.substr(start_, at_ - start_))};
  }

  Result<Token> Number() {
    while (IsDigit(Peek())) ++at_;
    if (Peek() == '.') {
      ++at_;
      while (IsDigit(Peek())) ++at_;
    }
    if (Peek() == 'e' || Peek() == 'E') {
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      if (!IsDigit(Peek())) return ErrorAt(text_, start_, "the number has no digits after its 'e'");
      while (IsDigit(Peek())) ++at_;
    }
    if (ContinuesWord(Peek())) {
      return ErrorAt(
          text_, at_,
          "a number ends with a letter; put names that begin with a digit in \"quotes\"");
    }
    return Token{TokenKind::kNumber, std::string(text_.substr(start_, at_ - start_))};
  }

  /// What stands between a quote here and its end; the quote itself is written twice.
  Result<std::string> Quoted() {
    const char quote = text_[at_++];
    std::string inside;
    for (;;) {
      if (at_ == text_.size()) {
        return ErrorAt(
            text_, start_,
            quote == '"' ? "the name in quotes has no end" : "the text has no end quote");
      }
      if (text_[at_] == quote && Peek(1) != quote) break;
      if (text_[at_] == quote) ++at_;
      inside += text_[at_++];
    }
    ++at_;
    return inside;
  }

  Result<Token> Bytes() {
    ++at_;
    ARROW_ASSIGN_OR_RAISE(const std::string digits, Quoted());
    if (digits.size() % 2 != 0) {
      return ErrorAt(text_, start_, "X'...' has an odd number of hexadecimal digits");
    }
    std::string bytes;
    for (size_t i = 0; i < digits.size(); i += 2) {
      const int high = HexDigit(digits[i]), low = HexDigit(digits[i + 1]);
      if (high < 0 || low < 0) {
        return ErrorAt(text_, start_, "X'...' holds something else than hexadecimal digits");
      }
      bytes += static_cast<char>(high * 16 + low);
    }
    return Token{TokenKind::kBytes, std::move(bytes)};
  }

  Result<Token> Symbol() {
    static constexpr std::string_view kSymbols[] = {"<>", "<=", ">=", "!=", "=", "<", ">",
                                                    "(",  ")",  ",",  ".",  "+", "-"};
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("==")) return ErrorAt(text_, at_, "'==' is no operator; use '='");
    for (const auto symbol : kSymbols) {
      if (!rest.starts_with(symbol)) continue;
      at_ += symbol.size();
      return Token{TokenKind::kSymbol, std::string(symbol == "!=" ? "<>" : symbol)};
    }
    return ErrorAt(text_, at_,
                   "'" + std::string(rest.substr(0, 1)) + "' has no meaning in a predicate");
  }

  const std::string_view text_;
  size_t at_ = 0;
  size_t start_ = 0;
};

}  // namespace

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::string Shortened(std::string_view text) {
  if (text.size() <= kShownBytes) return std::string(text);
  size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

bool Token::IsWord(std::string_view keyword) const {
  return kind == TokenKind::kWord && text.size() == keyword.size() && UpperCase(text) == keyword;
}

std::string Token::Shown() const {
  if (kind == TokenKind::kEnd) return "the end";
  if (kind == TokenKind::kBytes) return "X'...'";
  const std::string cut = Shortened(text);
  if (kind == TokenKind::kQuotedName) return '"' + cut + '"';
  if (kind == TokenKind::kText) return "the text '" + cut + "'";
  return "'" + cut + "'";
}

Status ErrorAt(std::string_view text, size_t offset, std::string_view message) {
  const auto before = text.substr(0, offset);
  const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
  return Error(ErrorKind::kBadInput, "predicate, character ", characters + 1, ": ", message);
}

Result<std::vector<Token>> Lex(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Error(ErrorKind::kBadInput, "the predicate has ", text.size(), " bytes; at most ",
                 kMaxBytes, " are taken");
  }
  if (!format::IsUtf8(text)) return Error(ErrorKind::kBadInput, "the predicate is not UTF-8");
  return Lexer(text).Run();
}

}  // namespace tarn::predicate
