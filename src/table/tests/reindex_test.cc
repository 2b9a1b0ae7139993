// SPDX-License-Identifier: Apache-2.0
#include "table/file/reindex.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parquet/metadata.h"
#include "table/file/file_reader.h"
#include "table/tests/file_fixture.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

constexpr int32_t kDim = 12;
constexpr int64_t kRows = 700;

class ReindexTest : public ::testing::TestWithParam<VectorPrecision> {
 protected:
  std::shared_ptr<FileReader> Open(const std::string& path) {
    auto reader = AilakeFileReader::Open(store_, path);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return std::dynamic_pointer_cast<FileReader>(*reader);
  }

  /// A file with two vector columns, some rows of them null.
  void Write(const std::string& path, bool indexed) {
    const auto batch = MakeRows(kRows);
    auto second = PolicyOf(kDim, VectorPrecision::kF32, VectorMetric::kCosine);
    second.column_name = "second";
    const std::vector<VectorColumn> columns = {
        {PolicyOf(kDim, GetParam()), RandomVectors(kRows, kDim, 9, 1)},
        {second, RandomVectors(kRows, kDim, 0, 2)}};
    AilakeFileWriter writer(store_);
    const auto written = writer.WriteMulti(path, *batch, columns, indexed);
    ASSERT_TRUE(written.ok()) << written.status();
  }

  std::vector<index::Neighbor> Search(const std::string& path, const std::string& name) {
    const auto reader = Open(path);
    auto policy = PolicyOf(kDim, GetParam());
    if (name == "second") {
      policy = PolicyOf(kDim, VectorPrecision::kF32, VectorMetric::kCosine);
      policy.column_name = "second";
    }
    const auto column = reader->OpenVectorColumn(policy).ValueOrDie();
    const auto* index = column->index().ValueOrDie();
    EXPECT_NE(index, nullptr);
    const auto source = column->NewRowSource().ValueOrDie();
    index::SearchScratch scratch;
    const std::vector<float> query(kDim, 0.3f);
    return index->Search(query.data(), {.k = 5, .ef = 700, .source = source.get()}, scratch)
        .ValueOrDie();
  }

  std::shared_ptr<Store> store_ = MemoryStore::Make();
};

INSTANTIATE_TEST_SUITE_P(Precisions, ReindexTest,
                         ::testing::Values(VectorPrecision::kF32, VectorPrecision::kF16,
                                           VectorPrecision::kI8),
                         [](const auto& info) { return std::string(PrecisionName(info.param)); });

TEST_P(ReindexTest, AFileWithoutIndexesGetsTheSameOnesAsIfWrittenWithThem) {
  Write("plain", false);
  Write("indexed", true);
  const auto added = ReindexFile(*store_, "plain", "added", {{"embedding", {}}, {"second", {}}});
  ASSERT_TRUE(added.ok()) << added.status();
  const auto reader = Open("added");
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
  EXPECT_TRUE(reader->IsAilakeFile("embedding"));
  EXPECT_TRUE(reader->IsAilakeFile("second"));
  EXPECT_EQ(added->size, store_->Stat("indexed").ValueOrDie().size);
  EXPECT_EQ(Search("added", "embedding"), Search("indexed", "embedding"));
  EXPECT_EQ(Search("added", "second"), Search("indexed", "second"));
}

TEST_P(ReindexTest, RowsAreCopiedByteForByte) {
  Write("plain", false);
  ASSERT_TRUE(ReindexFile(*store_, "plain", "added", {{"embedding", {}}}).ok());
  const auto before = Open("plain")->ReadAll({}).ValueOrDie();
  EXPECT_TRUE(Open("added")->ReadAll({}).ValueOrDie()->Equals(*before));
  const auto end = Open("plain")->file().columns[0].map_section.offset();
  const auto old_bytes = store_->Map("plain").ValueOrDie();
  const auto new_bytes = store_->Map("added").ValueOrDie();
  EXPECT_TRUE(std::equal(old_bytes->bytes().begin(), old_bytes->bytes().begin() + end,
                         new_bytes->bytes().begin()));
}

TEST_P(ReindexTest, OtherColumnsKeepTheirIndex) {
  Write("indexed", true);
  const auto before = Search("indexed", "second");
  IndexRequest flat;
  flat.type = IndexType::kFlat;
  ASSERT_TRUE(ReindexFile(*store_, "indexed", "flat", {{"embedding", flat}}).ok());
  const auto columns = Open("flat")->vector_columns();
  EXPECT_EQ(columns.at(0).index_type, IndexType::kFlat);
  EXPECT_EQ(columns.at(1).index_type, IndexType::kHnsw);
  EXPECT_EQ(Search("flat", "second"), before);
  EXPECT_EQ(Search("flat", "embedding"), Search("indexed", "embedding"));
  EXPECT_TRUE(Open("flat")->Verify().ok()) << Open("flat")->Verify();
}

TEST_P(ReindexTest, WhatCannotBeDoneIsSaidAndWritesNothing) {
  Write("plain", false);
  Write("taken", false);
  EXPECT_TRUE(
      IsKind(ReindexFile(*store_, "plain", "new", {{"third", {}}}).status(), ErrorKind::kNotFound));
  const auto taken = ReindexFile(*store_, "plain", "taken", {{"embedding", {}}});
  EXPECT_TRUE(IsKind(taken.status(), ErrorKind::kAlreadyExists));
  EXPECT_THAT(taken.status().message(), HasSubstr("'plain'"));
  EXPECT_TRUE(IsKind(ReindexFile(*store_, "missing", "new", {}).status(), ErrorKind::kNotFound));
  EXPECT_FALSE(store_->Exists("new").ValueOrDie());
}

}  // namespace
}  // namespace tarn
