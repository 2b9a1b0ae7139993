// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "tarn/catalog.h"

namespace tarn {

Result<TableIdent> TableIdent::Parse(std::string_view text) {
  TableIdent ident;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t dot = std::min(text.find('.', begin), text.size());
    const std::string_view part = text.substr(begin, dot - begin);
    const bool plain = std::all_of(part.begin(), part.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    });
    if (part.empty() || !plain) {
      return Error(ErrorKind::kBadInput, "'", text,
                   "' is no table name; write namespace.table with letters, digits, '_' and '-'");
    }
    ident.ns.emplace_back(part);
    begin = dot + 1;
  }
  if (ident.ns.size() < 2) {
    return Error(ErrorKind::kBadInput, "'", text,
                 "' has no namespace; write namespace.table, such as ", "default.", text);
  }
  ident.name = ident.ns.back();
  ident.ns.pop_back();
  return ident;
}

std::string TableIdent::ToString() const {
  std::string text;
  for (const auto& part : ns) text += part + ".";
  return text + name;
}

}  // namespace tarn
