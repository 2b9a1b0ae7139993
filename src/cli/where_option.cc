// SPDX-License-Identifier: Apache-2.0
#include "cli/where_option.h"

#include <CLI/CLI.hpp>

#include "arrow/compute/expression.h"
#include "tarn/predicate.h"

namespace tarn::cli {

const char kPredicateHelp[] =
    "A predicate is the condition of an SQL WHERE clause: = <> < <= > >= IN BETWEEN LIKE IS NULL, "
    "AND OR NOT and\n"
    "parentheses over columns (\"quoted\" where needed, struct.field), numbers, 'text', true, "
    "false, null,\n"
    "DATE '2024-01-31', TIMESTAMP '2024-01-31 10:00:00', X'00ff'. Rows count for which it is true, "
    "not null.\n";

void WhereOption::AddTo(CLI::App& command, const std::string& help) {
  command.add_option("--where", text, help)->type_name("PREDICATE");
}

Result<std::shared_ptr<const RowFilter>> WhereOption::Filter(const ReadView& view) const {
  if (!text) return nullptr;
  ARROW_ASSIGN_OR_RAISE(const auto predicate, ParsePredicate(*text, *view.schema()));
  return RowFilter::Where(view, predicate);
}

}  // namespace tarn::cli
