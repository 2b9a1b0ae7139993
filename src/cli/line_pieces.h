// SPDX-License-Identifier: Apache-2.0
//
// LinePieces: a stream of bytes cut into pieces of whole lines. Where to cut is said by empty
// lines, by a limit, or by whoever knows that the producer pauses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tarn/status.h"

namespace tarn::cli {

struct LinePiece {
  std::string text;  ///< whole lines, each with its line end
  int64_t lines = 0;
  int64_t first_line = 1;   ///< of the input, from 1 on
  bool ends_batch = false;  ///< an empty line follows; then there may be no lines at all
};

class LinePieces {
 public:
  /// A piece that reaches one of these is full. A single line may be longer, up to kMostLineBytes.
  LinePieces(int64_t most_lines, size_t most_bytes)
      : most_lines_(most_lines), most_bytes_(most_bytes) {}

  void Append(std::string_view bytes);
  /// The next piece that is full or ended by an empty line; nullopt: more bytes are needed.
  /// kBadInput for a line that does not end.
  Result<std::optional<LinePiece>> Next();
  /// The whole lines that wait; nullopt: there are none.
  std::optional<LinePiece> TakeLines();
  /// Those, and the last line though nothing ends it: there is no more.
  std::optional<LinePiece> TakeAll();

  bool has_lines() const { return lines_ > 0; }

  static constexpr size_t kMostLineBytes = size_t{64} << 20;

 private:
  LinePiece Take(size_t bytes);

  const int64_t most_lines_;
  const size_t most_bytes_;
  std::string waiting_;
  size_t scanned_ = 0;   ///< bytes of waiting_ with no line end beyond line_end_
  size_t line_end_ = 0;  ///< behind the last whole line of the piece
  int64_t lines_ = 0;    ///< up to there
  int64_t first_line_ = 1;
};

}  // namespace tarn::cli
