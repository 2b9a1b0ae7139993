// SPDX-License-Identifier: Apache-2.0
#include "cli/text_output.h"

#include <algorithm>

#include "arrow/api.h"
#include "cli/json_cell.h"

namespace tarn::cli {
namespace {

constexpr int64_t kShownListElements = 4;

bool IsNumber(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
         arrow::is_decimal(type.id());
}

/// Characters, not bytes: continuation bytes of UTF-8 take no room.
size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Cut(const std::string& text, size_t width) {
  if (width == 0 || DisplayWidth(text) <= width) return text;
  std::string cut;
  size_t shown = 0;
  for (char c : text) {
    if ((c & 0xc0) != 0x80 && ++shown >= width) break;
    cut.push_back(c);
  }
  return cut + "…";
}

Result<std::string> CellText(const arrow::Array& array, int64_t i) {
  if (array.IsNull(i)) return std::string("null");
  if (array.type_id() == arrow::Type::STRING) {
    std::string text = static_cast<const arrow::StringArray&>(array).GetString(i);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return text;
  }
  if (array.type_id() == arrow::Type::FLOAT || array.type_id() == arrow::Type::DOUBLE) {
    const double value = array.type_id() == arrow::Type::FLOAT
                             ? static_cast<const arrow::FloatArray&>(array).Value(i)
                             : static_cast<const arrow::DoubleArray&>(array).Value(i);
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g", value);
    return std::string(text);
  }
  if (array.type_id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    if (list.value_length(i) > kShownListElements) {
      std::string text = "[";
      for (int64_t j = 0; j < kShownListElements; ++j) {
        ARROW_ASSIGN_OR_RAISE(std::string element,
                              CellText(*list.values(), list.value_offset(i) + j));
        text += element + ", ";
      }
      return text + "… " + std::to_string(list.value_length(i)) + "]";
    }
  }
  std::string text;
  ARROW_RETURN_NOT_OK(AppendJson(array, i, &text));
  return text;
}

}  // namespace

Status PrintAligned(const arrow::Table& table, std::ostream& out, size_t max_cell_width) {
  std::vector<std::vector<std::string>> rows(1);
  std::vector<bool> right;
  for (const auto& field : table.schema()->fields()) {
    rows[0].push_back(field->name());
    right.push_back(IsNumber(*field->type()));
  }
  rows.resize(static_cast<size_t>(table.num_rows()) + 1);
  for (int c = 0; c < table.num_columns(); ++c) {
    size_t row = 1;
    for (const auto& chunk : table.column(c)->chunks()) {
      for (int64_t i = 0; i < chunk->length(); ++i) {
        ARROW_ASSIGN_OR_RAISE(std::string text, CellText(*chunk, i));
        rows[row++].push_back(Cut(text, max_cell_width));
      }
    }
  }
  PrintAligned(rows, right, out);
  return Status::OK();
}

void PrintAligned(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right_aligned, std::ostream& out) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], DisplayWidth(row[c]));
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - DisplayWidth(row[c]), ' ');
      const bool right = c < right_aligned.size() && right_aligned[c];
      if (c > 0) line += "  ";
      line += right ? padding + row[c] : row[c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

Status PrintNdjson(const arrow::Table& table, std::ostream& out) {
  arrow::TableBatchReader batches(table);
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(auto batch, batches.Next());
    if (!batch) return Status::OK();
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      std::string line = "{";
      for (int c = 0; c < batch->num_columns(); ++c) {
        if (c > 0) line += ", ";
        AppendJsonString(batch->column_name(c), &line);
        line += ": ";
        ARROW_RETURN_NOT_OK(AppendJson(*batch->column(c), i, &line));
      }
      out << line << "}\n";
    }
  }
}

}  // namespace tarn::cli
