// SPDX-License-Identifier: Apache-2.0
#include "cli/line_pieces.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::cli {
namespace {

using testing::HasSubstr;

LinePieces Unlimited() { return LinePieces(1 << 30, 1 << 30); }

TEST(LinesInPieces, EndAtEmptyLinesAndKeepTheirNumbers) {
  auto pieces = Unlimited();
  pieces.Append("a\nb\r\n\n \t\r\nc\nd");
  auto piece = pieces.Next().ValueOrDie();
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->text, "a\nb\r\n");
  EXPECT_EQ(piece->lines, 2);
  EXPECT_EQ(piece->first_line, 1);
  EXPECT_TRUE(piece->ends_batch);
  piece = pieces.Next().ValueOrDie();
  ASSERT_TRUE(piece) << "an empty line alone ends what came before it";
  EXPECT_EQ(piece->lines, 0);
  EXPECT_TRUE(piece->ends_batch);
  EXPECT_FALSE(pieces.Next().ValueOrDie());
  EXPECT_TRUE(pieces.has_lines());
  piece = pieces.TakeLines();
  EXPECT_EQ(piece->text, "c\n");
  EXPECT_EQ(piece->first_line, 5);
  EXPECT_FALSE(piece->ends_batch);
  EXPECT_FALSE(pieces.TakeLines());
  piece = pieces.TakeAll();
  EXPECT_EQ(piece->text, "d\n");
  EXPECT_EQ(piece->first_line, 6);
  EXPECT_FALSE(pieces.TakeAll());
}

TEST(LinesInPieces, EndAtTheirLimits) {
  LinePieces rows(2, 1 << 30), bytes(1 << 30, 5);
  for (auto* pieces : {&rows, &bytes}) {
    pieces->Append("aa\nbb\ncc\n");
    EXPECT_EQ(pieces->Next().ValueOrDie()->text, "aa\nbb\n");
    EXPECT_FALSE(pieces->Next().ValueOrDie());
    const auto rest = pieces->TakeAll();
    EXPECT_EQ(rest->text, "cc\n");
    EXPECT_EQ(rest->first_line, 3);
  }
}

TEST(LinesInPieces, DoNotDependOnHowTheBytesArrive) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) text.push_back("ab \n\n"[random() % 5]);
    const auto cut = [&](size_t most) {
      LinePieces pieces(3, 1 << 20);
      std::vector<std::string> cuts;
      const auto keep = [&](const LinePiece& piece) {
        cuts.push_back(std::to_string(piece.first_line) + (piece.ends_batch ? "!" : ":") +
                       piece.text);
      };
      for (size_t at = 0; at < text.size();) {
        const size_t n = std::min(text.size() - at, 1 + random() % most);
        pieces.Append(std::string_view(text).substr(at, n));
        at += n;
        while (const auto piece = pieces.Next().ValueOrDie()) keep(*piece);
      }
      if (const auto piece = pieces.TakeAll()) keep(*piece);
      return cuts;
    };
    EXPECT_EQ(cut(1), cut(60)) << text;
  }
}

TEST(LinesInPieces, MayBeLongButNotWithoutEnd) {
  auto pieces = Unlimited();
  pieces.Append("short\n");
  for (size_t sent = 0; sent <= LinePieces::kMostLineBytes; sent += 1 << 20) {
    ASSERT_TRUE(pieces.Next().ok());
    pieces.Append(std::string(1 << 20, 'x'));
  }
  const auto failed = pieces.Next().status();
  EXPECT_TRUE(IsKind(failed, ErrorKind::kBadInput));
  EXPECT_THAT(failed.message(), HasSubstr("line 2 is longer"));
}

}  // namespace
}  // namespace tarn::cli
