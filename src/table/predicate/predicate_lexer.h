// SPDX-License-Identifier: Apache-2.0
//
// The words of a predicate's text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"

namespace tarn::predicate {

enum class TokenKind {
  kEnd,
  kWord,        ///< a keyword or a name without quotes, as written
  kQuotedName,  ///< "a name", without its quotes
  kNumber,      ///< digits, point and exponent as written; signs are symbols
  kText,        ///< 'text', without its quotes
  kBytes,       ///< X'00ff', as the bytes it stands for
  kSymbol,      ///< = <> < <= > >= ( ) , . + -
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  size_t offset = 0;  ///< of its first byte in the predicate

  bool IsSymbol(std::string_view symbol) const {
    return kind == TokenKind::kSymbol && text == symbol;
  }
  /// In any case; `keyword` in upper case.
  bool IsWord(std::string_view keyword) const;
  /// As a message shows it: "the end", or the start of what stands there, in quotes.
  std::string Shown() const;
};

/// All tokens, the last of kind kEnd. kBadInput for text that is not UTF-8 or longer than a
/// mebibyte, a quote that is never closed, a number that is none, other characters.
Result<std::vector<Token>> Lex(std::string_view text);

/// kBadInput: "predicate, character N: message". Characters are counted from 1, as code points.
Status ErrorAt(std::string_view text, size_t offset, std::string_view message);

/// The start of a long text, for messages; whole characters.
std::string Shortened(std::string_view text);

/// ASCII letters in upper case, everything else as it is.
std::string UpperCase(std::string_view text);

}  // namespace tarn::predicate
