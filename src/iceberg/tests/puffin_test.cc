// SPDX-License-Identifier: Apache-2.0
#include "iceberg/puffin.h"

#include <algorithm>
#include <random>

#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/deletion_vector.h"
#include "iceberg/tests/deletion_vector_writer.h"
#include "iceberg/tests/golden_store.h"

namespace tarn::iceberg {
namespace {

using testing::HasSubstr;

std::string Sample() {
  return DeletionVectorWriter::Puffin({{"a.parquet", DeletionVectorWriter::Blob({1, 2})},
                                       {"b.parquet", DeletionVectorWriter::Blob({7})}});
}

Result<std::vector<PuffinBlob>> Read(const std::string& file) {
  return ReadPuffinFooter(AsBytes(file), "dv.puffin");
}

TEST(PuffinFooter, SaysWhatLiesWhere) {
  const std::string file = Sample();
  const auto blobs = Read(file).ValueOrDie();
  ASSERT_EQ(blobs.size(), 2u);
  EXPECT_EQ(blobs[0].type, kDeletionVectorBlob);
  EXPECT_EQ(blobs[0].offset, 4u);
  EXPECT_EQ(blobs[1].offset, 4 + blobs[0].length);
  EXPECT_EQ(blobs[1].properties.at("referenced-data-file"), "b.parquet");
  EXPECT_FALSE(blobs[0].compression);
  std::vector<uint64_t> words(1);
  const auto blob = AsBytes(file).subspan(blobs[1].offset, blobs[1].length);
  EXPECT_EQ(MarkDeletionVector(blob, "dv", words).ValueOrDie(), 1u);
  EXPECT_EQ(words[0], uint64_t{1} << 7);
}

TEST(PuffinFooter, ReadsTheFilesOfSpark) {
  GoldenStore store;
  size_t vectors = 0;
  for (const auto& info : store.List("spark_v3/data").ValueOrDie()) {
    if (info.path.find(".puffin") == std::string::npos) continue;
    const auto file = store.Read(info.path).ValueOrDie();
    for (const auto& blob : ReadPuffinFooter(file->bytes(), info.path).ValueOrDie()) {
      ++vectors;
      EXPECT_EQ(blob.type, kDeletionVectorBlob);
      std::vector<uint64_t> words(2);
      const auto marked =
          MarkDeletionVector(file->bytes().subspan(blob.offset, blob.length), info.path, words);
      EXPECT_EQ(std::to_string(marked.ValueOrDie()), blob.properties.at("cardinality"));
    }
  }
  EXPECT_EQ(vectors, 3u);
}

TEST(PuffinFooter, RefusesWhatIsNoPuffinFile) {
  const std::string file = Sample();
  EXPECT_THAT(Read("PFA1").status().message(), HasSubstr("too short"));
  EXPECT_THAT(Read("x" + file.substr(1)).status().message(), HasSubstr("begin and end"));
  EXPECT_THAT(Read(file.substr(0, file.size() - 1)).status().message(), HasSubstr("begin and end"));
  std::string changed = file;
  changed[file.size() - 9] = 0x7f;
  EXPECT_THAT(Read(changed).status().message(), HasSubstr("its length does not fit"));
  changed = file;
  changed[file.size() - 12] ^= 1;
  EXPECT_THAT(Read(changed).status().message(), HasSubstr("does not lead to its beginning"));
  changed = file;
  changed[changed.find("\"blobs\"")] = 'x';
  EXPECT_TRUE(IsKind(Read(changed).status(), ErrorKind::kCorrupt));
  changed = file;
  changed.replace(changed.find("\"length\":"), 10, "\"length\":9");
  EXPECT_THAT(Read(changed).status().message(), HasSubstr("does not lie in the file"));
}

TEST(PuffinFooter, RefusesACompressedFooterAndUnknownFlags) {
  std::string file = Sample();
  file[file.size() - 8] = 1;
  EXPECT_TRUE(IsKind(Read(file).status(), ErrorKind::kNotSupported));
  EXPECT_THAT(Read(file).status().message(), HasSubstr("compressed"));
  file[file.size() - 8] = 2;
  EXPECT_TRUE(IsKind(Read(file).status(), ErrorKind::kNotSupported));
}

TEST(PuffinFooter, SurvivesEveryCutAndManyChangedBytes) {
  const std::string file = Sample();
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(Read(file.substr(0, length)).ok());
  }
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string changed = file;
    changed[random() % changed.size()] = static_cast<char>(random());
    (void)Read(changed);
  }
}

}  // namespace
}  // namespace tarn::iceberg
