// SPDX-License-Identifier: Apache-2.0
#include "cli/line_pieces.h"

#include <algorithm>
#include <utility>

namespace tarn::cli {

void LinePieces::Append(std::string_view bytes) { waiting_.append(bytes); }

/// The piece with the lines so far; the first `bytes` that wait are done with.
LinePiece LinePieces::Take(size_t bytes) {
  LinePiece piece;
  piece.text = waiting_.substr(0, line_end_);
  piece.lines = std::exchange(lines_, 0);
  piece.first_line = first_line_;
  first_line_ += piece.lines;
  waiting_.erase(0, bytes);
  scanned_ -= std::min(scanned_, bytes);
  line_end_ = 0;
  return piece;
}

Result<std::optional<LinePiece>> LinePieces::Next() {
  while (true) {
    const size_t end = waiting_.find('\n', std::max(scanned_, line_end_));
    if (end == std::string::npos) {
      scanned_ = waiting_.size();
      if (scanned_ - line_end_ <= kMostLineBytes) return std::nullopt;
      return Error(ErrorKind::kBadInput, "line ", first_line_ + lines_, " is longer than ",
                   kMostLineBytes >> 20, " MiB: is the input NDJSON?");
    }
    const bool is_empty = waiting_.find_first_not_of(" \t\r", line_end_) == end;
    if (is_empty) {
      LinePiece piece = Take(end + 1);
      ++first_line_;
      piece.ends_batch = true;
      return piece;
    }
    line_end_ = scanned_ = end + 1;
    ++lines_;
    if (lines_ >= most_lines_ || line_end_ >= most_bytes_) return Take(line_end_);
  }
}

std::optional<LinePiece> LinePieces::TakeLines() {
  if (lines_ == 0) return std::nullopt;
  return Take(line_end_);
}

std::optional<LinePiece> LinePieces::TakeAll() {
  if (waiting_.find_first_not_of(" \t\r\n", line_end_) != std::string::npos) {
    waiting_.push_back('\n');
    line_end_ = waiting_.size();
    ++lines_;
  }
  return TakeLines();
}

}  // namespace tarn::cli
