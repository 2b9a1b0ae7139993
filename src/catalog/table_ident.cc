// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <optional>

#include "tarn/catalog.h"

namespace tarn {

namespace {

/// The parts between dots; nullopt when one is empty or not plain.
std::optional<std::vector<std::string>> SplitPlain(std::string_view text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t dot = std::min(text.find('.', begin), text.size());
    const std::string_view part = text.substr(begin, dot - begin);
    const bool plain = std::all_of(part.begin(), part.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    });
    if (part.empty() || !plain) return std::nullopt;
    parts.emplace_back(part);
    begin = dot + 1;
  }
  return parts;
}

}  // namespace

Result<Namespace> ParseNamespace(std::string_view text) {
  auto parts = SplitPlain(text);
  if (!parts) {
    return Error(ErrorKind::kBadInput, "'", text,
                 "' is no namespace; write letters, digits, '_' and '-', with dots between levels");
  }
  return *std::move(parts);
}

std::string NamespaceText(const Namespace& ns) {
  std::string text;
  for (const auto& level : ns) text += (text.empty() ? "" : ".") + level;
  return text;
}

Result<TableIdent> TableIdent::Parse(std::string_view text) {
  auto parts = SplitPlain(text);
  if (!parts) {
    return Error(ErrorKind::kBadInput, "'", text,
                 "' is no table name; write namespace.table with letters, digits, '_' and '-'");
  }
  if (parts->size() < 2) {
    return Error(ErrorKind::kBadInput, "'", text,
                 "' has no namespace; write namespace.table, such as ", "default.", text);
  }
  TableIdent ident{*std::move(parts), {}};
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
