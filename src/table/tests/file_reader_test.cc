// SPDX-License-Identifier: Apache-2.0
#include "table/file/file_reader.h"

#include <cstring>
#include <thread>

#include "arrow/compute/api.h"
#include "arrow/io/memory.h"
#include "arrow/util/key_value_metadata.h"
#include "base/bytes.h"
#include "file_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parquet/arrow/writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace tarn {
namespace {

using testing::HasSubstr;

class ReadingFiles : public testing::Test {
 protected:
  std::shared_ptr<AilakeFileReader> WriteAndOpen(const VectorStoragePolicy& policy, int64_t rows,
                                                 const EmbeddingsView& vectors,
                                                 int64_t group_rows = 0, bool index = true) {
    const std::vector<VectorColumn> columns{{policy, vectors}};
    AilakeFileWriter writer(store_);
    const Status status = writer.WithRowGroupRows(group_rows)
                              .WriteMulti("f", *MakeRows(rows), columns, index)
                              .status();
    EXPECT_TRUE(status.ok()) << status;
    return AilakeFileReader::Open(store_, "f").ValueOrDie();
  }

  std::string BytesOf(const std::string& path) const {
    return std::string(store_->Read(path).ValueOrDie()->text());
  }

  /// What another engine would write: Arrow's own writer with its defaults.
  void WriteForeign(const std::string& path, const arrow::Table& table, bool store_schema = true) {
    auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    parquet::ArrowWriterProperties::Builder properties;
    if (store_schema) properties.store_schema();
    const Status status =
        parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, 300,
                                   parquet::default_writer_properties(), properties.build());
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(store_->Put(path, out->Finish().ValueOrDie()->ToString()).ok());
  }

  std::shared_ptr<MemoryStore> store_ = MemoryStore::Make();
};

void ExpectRows(const AilakeFileReader& reader, const std::vector<uint32_t>& rows,
                const std::vector<std::string>& columns) {
  const auto all = reader.ReadAll(columns).ValueOrDie();
  const auto read = reader.ReadRows(rows, columns);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE((*read)->ValidateFull().ok()) << (*read)->ValidateFull();
  std::vector<int64_t> take(rows.begin(), rows.end());
  const auto count = static_cast<int64_t>(take.size());
  const auto indices =
      std::make_shared<arrow::Int64Array>(count, arrow::Buffer::FromVector(std::move(take)));
  const auto expected = arrow::compute::Take(all, indices).ValueOrDie().table();
  EXPECT_TRUE((*read)->schema()->Equals(*all->schema(), true));
  EXPECT_TRUE(
      (*read)->CombineChunks().ValueOrDie()->Equals(*expected->CombineChunks().ValueOrDie()))
      << (*read)->ToString() << expected->ToString();
}

TEST_F(ReadingFiles, RowsEqualThoseOfTheWholeFile) {
  constexpr uint32_t kSeed = 31;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  for (const auto precision :
       {VectorPrecision::kF32, VectorPrecision::kF16, VectorPrecision::kI8}) {
    store_ = MemoryStore::Make();
    const auto reader =
        WriteAndOpen(PolicyOf(8, precision), 8000, RandomVectors(8000, 8, 6, kSeed), 3000);
    for (const size_t count : {0, 1, 10, 500}) {
      std::vector<uint32_t> rows(count);
      for (uint32_t& row : rows) row = random() % 8000;
      ExpectRows(*reader, rows, {});
      std::sort(rows.begin(), rows.end());
      ExpectRows(*reader, rows, {"pair", "embedding", "id"});
    }
    ExpectRows(*reader, {7999, 0, 0, 2999, 3000, 5999, 6000}, {"tags"});
  }
}

TEST_F(ReadingFiles, RowsOfForeignFilesWithoutPageIndexesAreRead) {
  const auto rows = MakeRows(1000);
  WriteForeign("foreign", *arrow::Table::FromRecordBatches({rows}).ValueOrDie());
  const auto reader = AilakeFileReader::Open(store_, "foreign").ValueOrDie();
  ExpectRows(*reader, {999, 5, 300, 299, 5}, {});
}

TEST_F(ReadingFiles, UnknownColumnsAndRowsAreNamed) {
  const auto reader = WriteAndOpen(PolicyOf(8), 10, RandomVectors(10, 8, 0, 1));
  EXPECT_TRUE(IsKind(reader->ReadAll({"nope"}).status(), ErrorKind::kNotFound));
  const std::vector<uint32_t> rows{3, 10};
  EXPECT_THAT(reader->ReadRows(rows, {}).status().message(), HasSubstr("no row 10"));
  EXPECT_TRUE(IsKind(AilakeFileReader::Open(store_, "missing").status(), ErrorKind::kNotFound));
}

/// All vectors of ForEachBlock by row.
std::map<uint32_t, std::vector<float>> Scan(const StoredVectorColumn& column) {
  std::map<uint32_t, std::vector<float>> found;
  const auto dim = static_cast<size_t>(column.policy().dim);
  const Status status = column.ForEachBlock([&](const index::ExactBlock& block) {
    for (uint64_t i = 0; i < block.count; ++i) {
      const uint32_t row = block.rows ? block.rows[i] : block.first_row + static_cast<uint32_t>(i);
      std::vector<float> vector(dim);
      if (column.block_precision() == VectorPrecision::kF32) {
        std::memcpy(vector.data(), block.values + i * dim * 4, dim * 4);
      }
      EXPECT_TRUE(found.emplace(row, std::move(vector)).second) << row;
    }
    return Status::OK();
  });
  EXPECT_TRUE(status.ok()) << status;
  return found;
}

TEST_F(ReadingFiles, ScansAndSourcesGiveEveryVectorOfOurFiles) {
  for (const int64_t null_every : {0, 4}) {
    store_ = MemoryStore::Make();
    const auto vectors = RandomVectors(3000, 16, null_every, 3);
    const auto reader = WriteAndOpen(PolicyOf(16), 3000, vectors, 800, false);
    const auto column = FileReader::Of(*reader).OpenVectorColumn(PolicyOf(16)).ValueOrDie();
    const auto scanned = Scan(*column);
    const auto source = column->NewRowSource().ValueOrDie();
    EXPECT_EQ(static_cast<int64_t>(scanned.size()), 3000 - vectors.null_count());
    EXPECT_EQ(column->rows_without_vector().ValueOrDie(),
              static_cast<uint64_t>(vectors.null_count()));
    for (const auto& [row, vector] : scanned) {
      ASSERT_EQ(std::memcmp(vector.data(), vectors.Row(row), 64), 0);
      const std::byte* at = nullptr;
      ASSERT_TRUE(source->Fetch({&row, 1}, &at).ok());
      ASSERT_EQ(std::memcmp(at, vectors.Row(row), 64), 0);
    }
  }
}

std::shared_ptr<arrow::Table> VectorTable(
    const std::vector<std::optional<std::vector<float>>>& rows) {
  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder builder(arrow::default_memory_pool(), values);
  for (const auto& row : rows) {
    if (!row) {
      (void)builder.AppendNull();
      continue;
    }
    (void)builder.Append();
    for (const float value : *row)
      (void)(value == -99 ? values->AppendNull() : values->Append(value));
  }
  const auto array = builder.Finish().ValueOrDie();
  return arrow::Table::Make(arrow::schema({arrow::field("embedding", array->type())}), {array});
}

TEST_F(ReadingFiles, UnusableVectorsOfOtherEnginesAreCountedNotReturned) {
  const float nan = std::nanf("");
  const float infinity = std::numeric_limits<float>::infinity();
  WriteForeign("foreign", *VectorTable({{{1, 2}},
                                        std::nullopt,
                                        {{1}},
                                        {{1, 2, 3}},
                                        {{nan, 1}},
                                        {{0, 0}},
                                        {{1, -99}},
                                        {{infinity, 1}},
                                        {{}},
                                        {{3, 4}}}));
  const auto reader = AilakeFileReader::Open(store_, "foreign").ValueOrDie();
  EXPECT_TRUE(reader->vector_columns().empty());
  const auto cosine = PolicyOf(2, VectorPrecision::kF32, VectorMetric::kCosine);
  const auto column = FileReader::Of(*reader).OpenVectorColumn(cosine).ValueOrDie();
  EXPECT_FALSE(column->has_index());
  const auto scanned = Scan(*column);
  EXPECT_EQ(scanned, (std::map<uint32_t, std::vector<float>>{{0, {1, 2}}, {9, {3, 4}}}));
  EXPECT_EQ(column->rows_without_vector().ValueOrDie(), 8u);
  const auto euclidean = FileReader::Of(*reader).OpenVectorColumn(PolicyOf(2)).ValueOrDie();
  EXPECT_EQ(Scan(*euclidean).size(), 3u)
      << "a zero vector is a neighbour where the distance is euclidean";
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
}

TEST_F(ReadingFiles, FilesRewrittenWithOurKeysButWithoutSectionsAreForeign) {
  const auto vectors = RandomVectors(200, 8, 0, 4);
  const auto ours = WriteAndOpen(PolicyOf(8), 200, vectors);
  auto table = ours->ReadAll({}).ValueOrDie();
  table = table->ReplaceSchemaMetadata(ours->parquet_metadata() ? [&] {
    auto keys = std::make_shared<arrow::KeyValueMetadata>();
    for (const char* key : {"ailake.footer_offset", "ailake.vector_column",
                            "tarn.embedding.page_map_offset", "tarn.sections_end"}) {
      keys->Append(key, "64");
    }
    return keys;
  }()
                                                                : nullptr);
  WriteForeign("rewritten", *table);
  const auto reader = AilakeFileReader::Open(store_, "rewritten");
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_FALSE((*reader)->IsAilakeFile());
  EXPECT_TRUE((*reader)->vector_columns().empty());
  const auto column = FileReader::Of(**reader).OpenVectorColumn(PolicyOf(8)).ValueOrDie();
  EXPECT_EQ(Scan(*column).size(), 200u);
}

TEST_F(ReadingFiles, FilesRewrittenWithEveryKeyOfOursAreForeign) {
  for (const auto precision :
       {VectorPrecision::kF32, VectorPrecision::kF16, VectorPrecision::kI8}) {
    store_ = MemoryStore::Make();
    const auto policy = PolicyOf(8, precision);
    const auto ours = WriteAndOpen(policy, 200, RandomVectors(200, 8, 9, 4));
    const auto table = ours->ReadAll({}).ValueOrDie();
    WriteForeign("rewritten", *table->ReplaceSchemaMetadata(
                                  ours->parquet_metadata()->key_value_metadata()->Copy()));
    const auto reader = AilakeFileReader::Open(store_, "rewritten");
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_FALSE((*reader)->IsAilakeFile());
    EXPECT_TRUE((*reader)->ReadAll({}).ValueOrDie()->Equals(*table));
    const auto column = FileReader::Of(**reader).OpenVectorColumn(policy).ValueOrDie();
    const auto lists =
        arrow::Concatenate(table->GetColumnByName("embedding")->chunks()).ValueOrDie();
    const auto stored = EmbeddingsView::FromArrow(lists, 8).ValueOrDie();
    const auto scanned = Scan(*column);
    EXPECT_EQ(scanned.size(), 178u);
    for (const auto& [row, values] : scanned) {
      EXPECT_THAT(values, testing::ElementsAreArray(stored.Row(row), 8)) << row;
    }
  }
}

TEST_F(ReadingFiles, AnotherPolicyThanTheFilesIsCorrupt) {
  const auto reader = WriteAndOpen(PolicyOf(8), 10, RandomVectors(10, 8, 0, 1));
  const FileReader& file = FileReader::Of(*reader);
  EXPECT_TRUE(IsKind(file.OpenVectorColumn(PolicyOf(9)).status(), ErrorKind::kCorrupt));
  EXPECT_TRUE(IsKind(file.OpenVectorColumn(PolicyOf(8, VectorPrecision::kF16)).status(),
                     ErrorKind::kCorrupt));
  VectorStoragePolicy other = PolicyOf(8);
  other.column_name = "name";
  EXPECT_TRUE(IsKind(file.OpenVectorColumn(other).status(), ErrorKind::kNotFound));
}

TEST_F(ReadingFiles, ReadersAreSharedByThreads) {
  const auto vectors = RandomVectors(2000, 8, 5, 4);
  const auto reader = WriteAndOpen(PolicyOf(8), 2000, vectors, 600);
  std::vector<std::thread> threads;
  std::vector<int> failures(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::vector<uint32_t> rows{static_cast<uint32_t>(t), 1500, 700};
      for (int round = 0; round < 5; ++round) {
        const auto column = FileReader::Of(*reader).OpenVectorColumn(PolicyOf(8));
        const bool good = column.ok() && (*column)->index().ok() && Scan(**column).size() == 1600 &&
                          reader->ReadRows(rows, {}).ok() && reader->ReadAll({"id"}).ok() &&
                          reader->Verify().ok();
        failures[t] += !good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(failures, testing::Each(0));
}

TEST_F(ReadingFiles, ForeignColumnsAreDecodedOnceForAllThreads) {
  WriteForeign("foreign",
               *VectorTable(std::vector<std::optional<std::vector<float>>>(500, {{1, 2}})));
  const auto reader = AilakeFileReader::Open(store_, "foreign").ValueOrDie();
  std::vector<std::thread> threads;
  std::vector<size_t> found(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto column = FileReader::Of(*reader).OpenVectorColumn(PolicyOf(2)).ValueOrDie();
      found[t] = Scan(*column).size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(found, testing::Each(500u));
}

}  // namespace
}  // namespace tarn
