// SPDX-License-Identifier: Apache-2.0
#include "iceberg/deletion_vector.h"

#include <random>

#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/tests/deletion_vector_writer.h"
#include "iceberg/tests/golden_store.h"

namespace tarn::iceberg {
namespace {

using Style = DeletionVectorWriter::Style;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kRows = 300'000;

Result<uint64_t> Mark(const std::string& blob, std::vector<uint64_t>* words) {
  words->assign(kRows / 64 + 1, 0);
  return MarkDeletionVector(AsBytes(blob), "dv.puffin", *words);
}

std::set<uint64_t> Marked(const std::vector<uint64_t>& words) {
  std::set<uint64_t> rows;
  for (uint64_t row = 0; row < words.size() * 64; ++row) {
    if (words[row / 64] >> (row % 64) & 1) rows.insert(row);
  }
  return rows;
}

/// What is wrong with a vector whose bytes between length and checksum are these.
std::string Problem(const std::string& vector) {
  std::vector<uint64_t> words;
  const auto read = Mark(DeletionVectorWriter::Wrap(vector), &words);
  EXPECT_TRUE(IsKind(read.status(), ErrorKind::kCorrupt)) << read.status();
  return read.status().message();
}

std::string Between(const std::string& blob) { return blob.substr(4, blob.size() - 8); }

/// One array, one bitmap, one long run; far apart.
std::set<uint64_t> Mixed() {
  std::set<uint64_t> rows = {0, 1, 63, 64, 65'535};
  for (uint64_t row = 65'536; row < 2 * 65'536; row += 3) rows.insert(row);
  for (uint64_t row = 3 * 65'536; row < 4 * 65'536; ++row) rows.insert(row);
  return rows;
}

TEST(DeletionVector, MarksThePositionsOfEveryKindOfContainer) {
  for (const Style style : {Style::kPlain, Style::kRuns}) {
    std::vector<uint64_t> words;
    EXPECT_EQ(Mark(DeletionVectorWriter::Blob(Mixed(), style), &words).ValueOrDie(),
              Mixed().size());
    EXPECT_EQ(Marked(words), Mixed());
  }
}

TEST(DeletionVector, RandomVectorsComeBackAsTheyWere) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    std::set<uint64_t> rows;
    const uint64_t step = 1 + random() % (round % 3 == 0 ? 3 : 5000);
    for (uint64_t row = random() % 1000; row < kRows; row += 1 + random() % step) rows.insert(row);
    std::vector<uint64_t> words;
    const Style style = round % 2 == 0 ? Style::kPlain : Style::kRuns;
    ASSERT_EQ(Mark(DeletionVectorWriter::Blob(rows, style), &words).ValueOrDie(), rows.size());
    ASSERT_EQ(Marked(words), rows);
  }
}

TEST(DeletionVector, AddsToWhatIsMarkedAlready) {
  std::vector<uint64_t> words = {2};
  ASSERT_TRUE(MarkDeletionVector(AsBytes(DeletionVectorWriter::Blob({0, 5})), "dv", words).ok());
  EXPECT_THAT(words, ElementsAre(0b100011));
}

TEST(DeletionVector, PositionsPastTheEndAreCountedAndLeftOut) {
  const std::set<uint64_t> rows = {1, kRows + 100, uint64_t{5} << 32, (uint64_t{5} << 32) + 1};
  for (const Style style : {Style::kPlain, Style::kRuns}) {
    std::vector<uint64_t> words;
    EXPECT_EQ(Mark(DeletionVectorWriter::Blob(rows, style), &words).ValueOrDie(), 4u);
    EXPECT_EQ(Marked(words), std::set<uint64_t>({1}));
  }
}

TEST(DeletionVector, MayBeEmpty) {
  std::vector<uint64_t> words;
  EXPECT_EQ(Mark(DeletionVectorWriter::Blob({}), &words).ValueOrDie(), 0u);
}

TEST(DeletionVector, ReadsWhatSparkWrote) {
  GoldenStore store;
  uint64_t found = 0;
  for (const auto& info : store.List("spark_v3/data").ValueOrDie()) {
    if (info.path.find(".puffin") == std::string::npos) continue;
    const auto file = store.Read(info.path).ValueOrDie();
    std::vector<uint64_t> words(2);
    // The first blob; it is 42 bytes long with one position.
    const auto length = static_cast<size_t>(file->bytes()[7]) + 8;
    const auto read = MarkDeletionVector(file->bytes().subspan(4, length), info.path, words);
    found += read.ValueOrDie();
  }
  EXPECT_GE(found, 3u);
}

TEST(DeletionVector, RefusesLengthMagicAndChecksumThatDoNotFit) {
  const std::string blob = DeletionVectorWriter::Blob({1, 2, 3});
  std::vector<uint64_t> words;
  EXPECT_THAT(Mark(blob.substr(0, 11), &words).status().message(), HasSubstr("too short"));
  EXPECT_THAT(Mark(blob.substr(0, 20), &words).status().message(), HasSubstr("its length"));
  EXPECT_THAT(Mark(blob + "x", &words).status().message(), HasSubstr("its length"));
  std::string changed = blob;
  changed[5] ^= 1;
  EXPECT_THAT(Mark(changed, &words).status().message(), HasSubstr("magic"));
  changed = blob;
  changed[20] ^= 1;
  EXPECT_THAT(Mark(changed, &words).status().message(), HasSubstr("checksum"));
  changed = blob;
  changed.back() ^= 1;
  EXPECT_THAT(Mark(changed, &words).status().message(), HasSubstr("dv.puffin"));
}

TEST(DeletionVector, RefusesBitmapsThatAreNotWhatTheyClaim) {
  const std::string plain = Between(DeletionVectorWriter::Blob({1, 2, 70'000}));
  // magic 4, count 8, key 4, cookie 4, containers 4, heads 2 x 4, offsets 2 x 4, values.
  auto with = [&](size_t at, char value) {
    std::string changed = plain;
    changed[at] = value;
    return changed;
  };
  EXPECT_THAT(Problem(with(16, 0x7f)), HasSubstr("cookie"));
  EXPECT_THAT(Problem(with(22, 0x7f)), HasSubstr("too many containers"));
  EXPECT_THAT(Problem(with(28, 0)), HasSubstr("containers are out of order"));
  EXPECT_THAT(Problem(with(40, 9)), HasSubstr("values of a container are out of order"));
  EXPECT_THAT(Problem(with(4, 2)), HasSubstr("ends too early"));
  EXPECT_THAT(Problem(with(4, 0)), HasSubstr("no part of it"));
  EXPECT_THAT(Problem(plain.substr(0, plain.size() - 1)), HasSubstr("ends too early"));
  std::string twice = plain + plain.substr(12);
  twice[4] = 2;
  EXPECT_THAT(Problem(twice), HasSubstr("bitmaps are out of order"));

  const std::string runs = Between(DeletionVectorWriter::Blob({1, 2, 9}, Style::kRuns));
  // magic 4, count 8, key 4, cookie 4, flags 1, head 4, runs 2, (first, more) x 2.
  std::string changed = runs;
  changed[31] = 1;
  EXPECT_THAT(Problem(changed), HasSubstr("runs of a container are out of order"));
  changed = runs;
  changed[33] = 1;
  EXPECT_THAT(Problem(changed), HasSubstr("more or fewer"));
}

TEST(DeletionVector, SurvivesEveryCutAndManyChangedBytes) {
  for (const Style style : {Style::kPlain, Style::kRuns}) {
    const std::string vector = Between(DeletionVectorWriter::Blob({1, 2, 70'000, 80'000}, style));
    std::vector<uint64_t> words;
    for (size_t length = 0; length < vector.size(); ++length) {
      EXPECT_FALSE(Mark(DeletionVectorWriter::Wrap(vector.substr(0, length)), &words).ok());
    }
    std::mt19937 random(5);
    for (int i = 0; i < 3000; ++i) {
      std::string changed = vector;
      for (uint32_t n = 1 + random() % 3; n > 0; --n) {
        changed[random() % changed.size()] = static_cast<char>(random());
      }
      (void)Mark(DeletionVectorWriter::Wrap(changed), &words);
    }
  }
}

}  // namespace
}  // namespace tarn::iceberg
