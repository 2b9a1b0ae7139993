// SPDX-License-Identifier: Apache-2.0
//
// Files that another engine wrote get an index: every row stays what it was, those that are no
// vectors too.
#include <cmath>
#include <cstring>

#include "arrow/io/memory.h"
#include "arrow/util/key_value_metadata.h"
#include "format/sectioned_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/search_scratch.h"
#include "parquet/arrow/writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "store/store_bytes.h"
#include "table/file/file_reader.h"
#include "table/file/reindex.h"
#include "table/tests/file_fixture.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

constexpr int32_t kDim = 12;
constexpr int64_t kRows = 600;

/// What other engines leave in a vector column.
enum Oddity { kVector, kNull, kShort, kLong, kEmpty, kZero, kNan, kNullElement };
Oddity OddityOf(int64_t row) {
  return row % 10 == 3 ? static_cast<Oddity>(1 + row / 10 % 7) : kVector;
}

std::shared_ptr<arrow::Array> OddLists(bool rounded_to_half, uint32_t seed) {
  const auto vectors = RandomVectors(kRows, kDim, 0, seed);
  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), values);
  for (int64_t row = 0; row < kRows; ++row) {
    const Oddity oddity = OddityOf(row);
    if (oddity == kNull) {
      (void)lists.AppendNull();
      continue;
    }
    (void)lists.Append();
    const int32_t dim = oddity == kShort   ? kDim - 1
                        : oddity == kLong  ? kDim + 1
                        : oddity == kEmpty ? 0
                                           : kDim;
    for (int32_t i = 0; i < dim; ++i) {
      float value = vectors.Row(row)[i % kDim];
      if (rounded_to_half) value = std::round(value * 512) / 512;
      if (oddity == kZero) value = 0;
      if (oddity == kNan && i == 5) value = NAN;
      (void)(oddity == kNullElement && i == 2 ? values->AppendNull() : values->Append(value));
    }
  }
  return lists.Finish().ValueOrDie();
}

class ReindexForeign : public ::testing::TestWithParam<VectorPrecision> {
 protected:
  void Write(const std::string& path, const std::shared_ptr<arrow::RecordBatch>& rows,
             std::shared_ptr<arrow::KeyValueMetadata> keys = nullptr) {
    auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto properties = parquet::WriterProperties::Builder()
                                .compression(parquet::Compression::ZSTD)
                                ->enable_write_page_index()
                                ->build();
    auto writer = parquet::arrow::FileWriter::Open(*rows->schema(), arrow::default_memory_pool(),
                                                   out, properties)
                      .ValueOrDie();
    const auto table = arrow::Table::FromRecordBatches({rows}).ValueOrDie();
    ASSERT_TRUE(writer->WriteTable(*table, 250).ok());
    if (keys == nullptr) keys = arrow::key_value_metadata({{"writer", "theirs"}});
    ASSERT_TRUE(writer->AddKeyValueMetadata(keys).ok());
    ASSERT_TRUE(writer->Close().ok());
    ASSERT_TRUE(store_->Put(path, out->Finish().ValueOrDie()->ToString()).ok());
  }
  std::shared_ptr<arrow::RecordBatch> OddRows(bool rounded_to_half = false) {
    const auto rows = MakeRows(kRows);
    return rows
        ->AddColumn(rows->num_columns(), arrow::field("embedding", arrow::list(arrow::float32())),
                    OddLists(rounded_to_half, 1))
        .ValueOrDie();
  }
  VectorStoragePolicy Policy() const { return PolicyOf(kDim, GetParam(), VectorMetric::kCosine); }
  IndexRequest Request(IndexType type = IndexType::kHnsw) const {
    IndexRequest request;
    request.type = type;
    request.threads = 1;
    request.policy = Policy();
    return request;
  }
  Status Reindex(const std::string& from, const std::string& to,
                 const std::map<std::string, IndexRequest>& columns) {
    return ReindexFile(*store_, from, to, columns).status();
  }
  std::shared_ptr<FileReader> Open(const std::string& path) {
    auto reader = AilakeFileReader::Open(store_, path);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return std::dynamic_pointer_cast<FileReader>(*reader);
  }
  std::vector<index::Neighbor> Search(const std::string& path, const float* query) {
    const auto column = Open(path)->OpenVectorColumn(Policy()).ValueOrDie();
    const auto* index = column->index().ValueOrDie();
    EXPECT_NE(index, nullptr);
    const auto source = column->NewRowSource().ValueOrDie();
    index::SearchScratch scratch;
    return index->Search(query, {.k = 5, .ef = 600, .source = source.get()}, scratch).ValueOrDie();
  }
  /// The five nearest rows among the usable ones, by plain arithmetic over the file's own values.
  std::vector<uint32_t> Nearest(const std::string& path, const float* query) {
    const auto table = Open(path)->ReadAll({"embedding"}).ValueOrDie();
    const auto chunk = arrow::Concatenate(table->column(0)->chunks()).ValueOrDie();
    const auto& lists = static_cast<const arrow::ListArray&>(*chunk);
    const auto& values = static_cast<const arrow::FloatArray&>(*lists.values());
    std::vector<std::pair<double, uint32_t>> scored;
    for (int64_t row = 0; row < kRows; ++row) {
      if (OddityOf(row) != kVector) continue;
      double dot = 0, a = 0, b = 0;
      for (int32_t i = 0; i < kDim; ++i) {
        const double value = values.Value(lists.value_offset(row) + i);
        dot += value * query[i];
        a += value * value;
        b += double{query[i]} * query[i];
      }
      scored.emplace_back(1 - dot / std::sqrt(a * b), static_cast<uint32_t>(row));
    }
    std::sort(scored.begin(), scored.end());
    std::vector<uint32_t> rows;
    for (int i = 0; i < 5; ++i) rows.push_back(scored[static_cast<size_t>(i)].second);
    return rows;
  }
  void ExpectSameRows(const std::string& from, const std::string& to) {
    const auto before = Open(from)->ReadAll({}).ValueOrDie();
    const auto reader = Open(to);
    EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
    EXPECT_TRUE(reader->ReadAll({}).ValueOrDie()->Equals(
        *before, arrow::EqualOptions::Defaults().nans_equal(true)));
    std::vector<uint32_t> rows(kRows);
    for (uint32_t row = 0; row < kRows; ++row) rows[row] = kRows - 1 - row;
    const auto expected = Open(from)->ReadRows(rows, {"id", "embedding"}).ValueOrDie();
    const auto found = reader->ReadRows(rows, {"id", "embedding"}).ValueOrDie();
    EXPECT_TRUE(found->Equals(*expected, arrow::EqualOptions::Defaults().nans_equal(true)));
  }
  void ExpectRightAnswers(const std::string& path) {
    const auto queries = RandomVectors(20, kDim, 0, 99);
    for (int64_t q = 0; q < queries.rows(); ++q) {
      std::vector<uint32_t> found;
      for (const auto& hit : Search(path, queries.Row(q))) found.push_back(hit.row);
      EXPECT_EQ(found, Nearest(path, queries.Row(q)));
    }
  }

  std::shared_ptr<Store> store_ = MemoryStore::Make();
};

INSTANTIATE_TEST_SUITE_P(Precisions, ReindexForeign,
                         ::testing::Values(VectorPrecision::kF32, VectorPrecision::kF16,
                                           VectorPrecision::kI8),
                         [](const auto& info) { return std::string(PrecisionName(info.param)); });

TEST_P(ReindexForeign, EveryRowStaysAndTheUsableOnesAreFound) {
  Write("theirs", OddRows());
  for (const auto type : {IndexType::kHnsw, IndexType::kIvfPq, IndexType::kFlat}) {
    const std::string to = "indexed" + std::to_string(static_cast<int>(type));
    ASSERT_TRUE(Reindex("theirs", to, {{"embedding", Request(type)}}).ok());
    EXPECT_TRUE(Open(to)->IsAilakeFile());
    EXPECT_EQ(Open(to)->vector_columns().at(0).rows_without_vector, 60u);
    ExpectSameRows("theirs", to);
    ExpectRightAnswers(to);
  }
}

TEST_P(ReindexForeign, ValuesThatThePrecisionHoldsAreKeptInIt) {
  Write("theirs", OddRows(/*rounded_to_half=*/true));
  ASSERT_TRUE(Reindex("theirs", "indexed", {{"embedding", Request()}}).ok());
  ExpectSameRows("theirs", "indexed");
  ExpectRightAnswers("indexed");
  const auto column = Open("indexed")->OpenVectorColumn(Policy()).ValueOrDie();
  // Steps of 1/512 need more than eight bits.
  EXPECT_EQ(column->block_precision(),
            GetParam() == VectorPrecision::kF16 ? VectorPrecision::kF16 : VectorPrecision::kF32);
}

TEST_P(ReindexForeign, TheFilesBytesAreCopied) {
  Write("theirs", OddRows());
  ASSERT_TRUE(Reindex("theirs", "indexed", {{"embedding", Request()}}).ok());
  const auto old = Open("theirs");
  const auto copy = Open("indexed");
  const size_t data = old->file().footer_offset;
  ASSERT_LT(data, copy->file().footer_offset);
  EXPECT_EQ(
      std::memcmp(old->file().bytes->bytes().data(), copy->file().bytes->bytes().data(), data), 0);
}

TEST_P(ReindexForeign, CanBeIndexedOnceMore) {
  Write("theirs", OddRows());
  ASSERT_TRUE(Reindex("theirs", "first", {{"embedding", Request(IndexType::kFlat)}}).ok());
  IndexRequest graph = Request();
  graph.policy.reset();  // the page map says it now
  ASSERT_TRUE(Reindex("first", "second", {{"embedding", graph}}).ok());
  ExpectSameRows("theirs", "second");
  ExpectRightAnswers("second");
  EXPECT_EQ(Open("second")->vector_columns().at(0).index_type, IndexType::kHnsw);
}

TEST_P(ReindexForeign, KeysThatWereCopiedFromAnotherFileMeanNothing) {
  Write("theirs", OddRows(),
        arrow::key_value_metadata({{"ailake.vector_column", "old"},
                                   {"ailake.footer_offset", "4096"},
                                   {"ailake.old.footer_offset", "77"},
                                   {"tarn.old.page_map_offset", "4096"},
                                   {"tarn.sections_end", "9999"},
                                   {"tarn.data_crc32c", "00000000"},
                                   {"tarn.footer_crc32c", "00000000"}}));
  ASSERT_TRUE(Open("theirs")->vector_columns().empty());
  ASSERT_TRUE(Reindex("theirs", "indexed", {{"embedding", Request()}}).ok());
  ExpectSameRows("theirs", "indexed");
  ExpectRightAnswers("indexed");
  EXPECT_EQ(Open("indexed")->vector_columns().size(), 1u);
}

TEST_P(ReindexForeign, AColumnThatCameLaterJoinsTheOthers) {
  AilakeFileWriter writer(store_);
  const auto rows = OddRows();
  const VectorColumn ours{PolicyOf(kDim), RandomVectors(kRows, kDim, 7, 4)};
  // The column of odd lists is one like any other here.
  auto named = rows->RenameColumns({"id", "name", "tags", "pair", "lists"}).ValueOrDie();
  ASSERT_TRUE(writer.WriteMulti("ours", *named, {&ours, 1}, true).ok());
  IndexRequest request = Request();
  request.policy->column_name = "lists";
  ASSERT_TRUE(Reindex("ours", "both", {{"lists", request}}).ok());
  const auto reader = Open("both");
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
  EXPECT_TRUE(reader->IsAilakeFile("embedding"));
  EXPECT_TRUE(reader->IsAilakeFile("lists"));
  EXPECT_TRUE(reader->ReadAll({}).ValueOrDie()->Equals(
      *Open("ours")->ReadAll({}).ValueOrDie(), arrow::EqualOptions::Defaults().nans_equal(true)));
}

TEST_P(ReindexForeign, AColumnWithoutASingleVectorKeepsItsLists) {
  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), values);
  for (int row = 0; row < 50; ++row) {
    (void)lists.Append();
    (void)values->Append(static_cast<float>(row));
  }
  const auto rows = MakeRows(50);
  Write("theirs", rows->AddColumn(4, arrow::field("embedding", arrow::list(arrow::float32())),
                                  lists.Finish().ValueOrDie())
                      .ValueOrDie());
  ASSERT_TRUE(Reindex("theirs", "indexed", {{"embedding", Request()}}).ok());
  const std::vector<uint32_t> some = {3, 49};
  const auto found = Open("indexed")->ReadRows(some, {"embedding"}).ValueOrDie();
  EXPECT_TRUE(found->Equals(*Open("theirs")->ReadRows(some, {"embedding"}).ValueOrDie()));
  EXPECT_TRUE(Open("indexed")->Verify().ok());
  EXPECT_TRUE(Search("indexed", std::vector<float>(kDim, 1).data()).empty());
}

TEST_P(ReindexForeign, ExactVectorsThatDifferFromThePagesAreFoundByVerify) {
  Write("theirs", OddRows());
  Write("others", OddRows()
                      ->SetColumn(4, arrow::field("embedding", arrow::list(arrow::float32())),
                                  OddLists(false, 2))
                      .ValueOrDie());
  ASSERT_TRUE(Reindex("theirs", "indexed", {{"embedding", Request()}}).ok());
  ASSERT_TRUE(Reindex("others", "swapped", {{"embedding", Request()}}).ok());
  // The sections of one file behind the pages of the other, checksums made to fit.
  const auto file = Open("indexed");
  const auto donor = Open("swapped");
  std::vector<format::KeyedSection> sections;
  const auto copy = [&](std::string key, const format::Section& section) {
    format::NewSection part{section.info(), {}};
    for (const auto& chunk : section.chunks()) {
      if (chunk.kind != format::kBlockChecksums) part.chunks.push_back({chunk.kind, chunk.bytes});
    }
    sections.push_back({std::move(key), std::move(part)});
  };
  const ColumnSections& column = donor->file().columns.at(0);
  copy(format::PageMapKey("embedding"), column.map_section);
  copy(std::string(format::kPrimarySectionKey), *column.index);
  const uint64_t keep = Open("theirs")->file().footer_offset;
  auto out = store_->OpenWriter("mixed", PutMode::kIfAbsent).ValueOrDie();
  ASSERT_TRUE(
      format::ReplaceSections(file->file().bytes->bytes(), keep, out.get(), sections, {}).ok());
  ASSERT_TRUE(out->Commit().ok());
  EXPECT_THAT(Open("mixed")->Verify().message(), HasSubstr("differ from its pages"));
}

TEST_P(ReindexForeign, WhatCannotBeDoneIsSaid) {
  const auto rows = OddRows();
  Write("theirs", rows);
  IndexRequest bare = Request();
  bare.policy.reset();
  EXPECT_TRUE(IsKind(Reindex("theirs", "x", {{"embedding", bare}}), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(Reindex("theirs", "x", {{"missing", Request()}}), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(Reindex("theirs", "x", {{"name", Request()}}), ErrorKind::kNotSupported));
  EXPECT_FALSE(*store_->Exists("x"));
}

}  // namespace
}  // namespace tarn
