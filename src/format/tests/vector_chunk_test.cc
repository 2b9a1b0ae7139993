// SPDX-License-Identifier: Apache-2.0
#include "format/vector_chunk.h"

#include <random>

#include "arrow/api.h"
#include "arrow/io/memory.h"
#include "arrow/json/from_string.h"
#include "format/embedding_list.h"
#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "format/storable_schema.h"
#include "gtest/gtest.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/writer.h"
#include "parquet/exception.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"

namespace tarn::format {
namespace {

constexpr uint32_t kSeed = 11;

std::shared_ptr<arrow::Schema> Columns() {
  return AssignFieldIds(
             *arrow::schema({arrow::field("before", arrow::utf8()), EmbeddingField("v", -1, -1),
                             arrow::field("after", arrow::list(arrow::int32()))}))
      .ValueOrDie();
}

/// Rows of all three columns; each vector is null with the given chance.
std::shared_ptr<arrow::RecordBatch> RandomRows(int64_t rows, int32_t dim, double null_chance,
                                               uint32_t seed) {
  std::mt19937 random(seed);
  std::bernoulli_distribution null(null_chance);
  arrow::StringBuilder before;
  arrow::ListBuilder vectors(arrow::default_memory_pool(), std::make_shared<arrow::FloatBuilder>());
  arrow::ListBuilder after(arrow::default_memory_pool(), std::make_shared<arrow::Int32Builder>());
  auto& floats = static_cast<arrow::FloatBuilder&>(*vectors.value_builder());
  auto& numbers = static_cast<arrow::Int32Builder&>(*after.value_builder());
  for (int64_t row = 0; row < rows; ++row) {
    EXPECT_TRUE(before.Append(std::string(random() % 9, 'x')).ok());
    EXPECT_TRUE(after.Append().ok());
    for (uint32_t i = random() % 4; i > 0; --i) EXPECT_TRUE(numbers.Append(row).ok());
    if (null(random)) {
      EXPECT_TRUE(vectors.AppendNull().ok());
      continue;
    }
    EXPECT_TRUE(vectors.Append().ok());
    for (int32_t i = 0; i < dim; ++i)
      EXPECT_TRUE(floats.Append(std::uniform_real_distribution<float>(-1, 1)(random)).ok());
  }
  const auto schema = Columns();
  const auto view = vectors.Finish().ValueOrDie()->View(schema->field(1)->type());
  return arrow::RecordBatch::Make(
      schema, rows,
      {before.Finish().ValueOrDie(), view.ValueOrDie(),
       after.Finish().ValueOrDie()->View(schema->field(2)->type()).ValueOrDie()});
}

std::shared_ptr<StoreBytes> WriteFile(
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& groups, int64_t max_rows_per_page) {
  auto store = MemoryStore::Make();
  auto published = store->OpenWriter("f", PutMode::kIfAbsent).ValueOrDie();
  ChecksummedWriter out(published.get());
  ParquetLayout layout;
  layout.raw_embeddings = {"v"};
  layout.max_rows_per_page = max_rows_per_page;
  auto writer = ParquetWriter::Open(&out, groups[0]->schema(), layout).ValueOrDie();
  for (const auto& group : groups) EXPECT_TRUE(writer->WriteRowGroup(*group).ok());
  const ParquetTail tail = writer->Finish().ValueOrDie();
  EXPECT_TRUE(FinishFile(&out, tail, {}, {}).ok());
  EXPECT_TRUE(out.Commit().ok());
  return store->Read("f").ValueOrDie();
}

/// A reader that checks the checksum of every page.
std::unique_ptr<parquet::ParquetFileReader> OpenStrictly(std::shared_ptr<arrow::Buffer> bytes) {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  return parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes),
                                          properties);
}

std::shared_ptr<arrow::Buffer> BufferOf(const StoreBytes& file) {
  return std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(file.bytes().data()),
                                         static_cast<int64_t>(file.size()));
}

/// The rows as the library reads them; where it fails, its error.
Result<std::shared_ptr<arrow::Table>> ReadStrictly(std::shared_ptr<arrow::Buffer> bytes) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::FileReader::Make(arrow::default_memory_pool(),
                                                                      OpenStrictly(bytes)));
  return reader->ReadTable();
  END_PARQUET_CATCH_EXCEPTIONS
}

struct Shape {
  int64_t rows;
  int32_t dim;
  double null_chance;
  int64_t max_rows_per_page;
};

class VectorChunkOfShape : public testing::TestWithParam<Shape> {};

TEST_P(VectorChunkOfShape, IsReadBackByTheLibraryWithItsChecksums) {
  const Shape& shape = GetParam();
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const auto all = RandomRows(shape.rows, shape.dim, shape.null_chance, kSeed);
  // Slices have offsets, and their first values lie behind those of other rows.
  const int64_t cut = shape.rows / 3;
  const std::vector<std::shared_ptr<arrow::RecordBatch>> groups = {
      all->Slice(0, cut), all->Slice(cut, 2), all->Slice(cut + 2)};
  const auto file = WriteFile(groups, shape.max_rows_per_page);
  const auto read = ReadStrictly(BufferOf(*file));
  ASSERT_TRUE(read.ok()) << read.status();
  const auto expected = arrow::Table::FromRecordBatches(groups).ValueOrDie();
  for (int column = 0; column < 3; ++column)
    EXPECT_TRUE((*read)->column(column)->Equals(*expected->column(column))) << column;
}

TEST_P(VectorChunkOfShape, StandsInTheFooterAsTheLibraryWouldPutIt) {
  const Shape& shape = GetParam();
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const auto rows = RandomRows(shape.rows, shape.dim, shape.null_chance, kSeed);
  const auto file = WriteFile({rows, rows}, shape.max_rows_per_page);
  const auto ours = OpenStrictly(BufferOf(*file));

  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto properties = parquet::WriterProperties::Builder()
                              .compression("v.list.element", parquet::Compression::UNCOMPRESSED)
                              ->disable_dictionary("v.list.element")
                              ->disable_statistics("v.list.element")
                              ->build();
  const auto table = arrow::Table::FromRecordBatches({rows, rows}).ValueOrDie();
  ASSERT_TRUE(
      parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, shape.rows, properties)
          .ok());
  const auto theirs = OpenStrictly(sink->Finish().ValueOrDie());

  EXPECT_TRUE(ours->metadata()->schema()->Equals(*theirs->metadata()->schema()));
  EXPECT_EQ(ours->metadata()->num_rows(), 2 * shape.rows);
  ASSERT_EQ(ours->metadata()->num_row_groups(), 2);
  for (int group = 0; group < 2; ++group) {
    const auto row_group = ours->metadata()->RowGroup(group);
    const auto chunk = row_group->ColumnChunk(1);
    const auto reference = theirs->metadata()->RowGroup(group)->ColumnChunk(1);
    EXPECT_EQ(row_group->num_rows(), shape.rows);
    EXPECT_EQ(chunk->num_values(), reference->num_values());
    EXPECT_EQ(chunk->encodings(), reference->encodings());
    EXPECT_EQ(chunk->compression(), parquet::Compression::UNCOMPRESSED);
    EXPECT_EQ(chunk->has_dictionary_page(), reference->has_dictionary_page());
    EXPECT_EQ(chunk->is_stats_set(), reference->is_stats_set());
    EXPECT_EQ(chunk->total_compressed_size(), chunk->total_uncompressed_size());
    int64_t bytes = 0, uncompressed = 0;
    for (int column = 0; column < 3; ++column) {
      bytes += row_group->ColumnChunk(column)->total_compressed_size();
      uncompressed += row_group->ColumnChunk(column)->total_uncompressed_size();
    }
    EXPECT_EQ(row_group->total_compressed_size(), bytes);
    EXPECT_EQ(row_group->total_byte_size(), uncompressed);
    const auto before = row_group->ColumnChunk(0);
    EXPECT_EQ(chunk->data_page_offset(),
              before->dictionary_page_offset() + before->total_compressed_size());
    const auto pages =
        ours->GetPageIndexReader()->RowGroup(group)->GetOffsetIndex(1)->page_locations();
    int64_t at = chunk->data_page_offset();
    for (size_t i = 0; i < pages.size(); ++i) {
      EXPECT_EQ(pages[i].offset, at);
      at += pages[i].compressed_page_size;
      const int64_t end = i + 1 < pages.size() ? pages[i + 1].first_row_index : shape.rows;
      EXPECT_GT(end, pages[i].first_row_index);
      EXPECT_LE(end - pages[i].first_row_index, shape.max_rows_per_page);
    }
    EXPECT_EQ(at, chunk->data_page_offset() + chunk->total_compressed_size());
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, VectorChunkOfShape,
                         testing::Values(Shape{7, 1, 0, 4096}, Shape{5000, 1, 0.2, 700},
                                         Shape{3000, 2, 0, 4096}, Shape{3000, 3, 0.5, 1000},
                                         Shape{2000, 31, 0.1, 4096}, Shape{2000, 32, 0.1, 4096},
                                         Shape{2000, 33, 0, 4096}, Shape{1500, 384, 0, 4096},
                                         Shape{1500, 384, 0.05, 4096}, Shape{1500, 768, 0.9, 10},
                                         Shape{700, 4, 1, 100}, Shape{9, 65536, 0.3, 4096}));

TEST(VectorChunk, EveryFlippedBitOfAPageIsFound) {
  const auto rows = RandomRows(20, 5, 0.3, kSeed);
  const auto file = WriteFile({rows}, 4096);
  const auto chunk = OpenStrictly(BufferOf(*file))->metadata()->RowGroup(0)->ColumnChunk(1);
  const int64_t begin = chunk->data_page_offset();
  const int64_t end = begin + chunk->total_compressed_size();
  const auto expected = arrow::Table::FromRecordBatches({rows}).ValueOrDie();
  for (int64_t bit = 8 * begin; bit < 8 * end; ++bit) {
    auto copy = arrow::AllocateBuffer(static_cast<int64_t>(file->size())).ValueOrDie();
    std::memcpy(copy->mutable_data(), file->bytes().data(), file->size());
    copy->mutable_data()[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    const auto read = ReadStrictly(std::move(copy));
    // A bit of a header's optional part may not matter; the values are never others.
    if (read.ok()) {
      EXPECT_TRUE((*read)->column(1)->Equals(*expected->column(1))) << bit;
    }
  }
}

std::string RefusalOf(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto lists = arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
  const auto written = WriteVectorChunk(*lists, 100, sink.get());
  EXPECT_TRUE(IsKind(written.status(), ErrorKind::kBadInput)) << written.status();
  EXPECT_EQ(sink->Tell().ValueOrDie(), 0);
  return written.status().message();
}

TEST(VectorChunk, ListsThatAreNoVectorsOfOneLengthAreRefusedBeforeAnyByte) {
  EXPECT_NE(RefusalOf(arrow::list(arrow::float32()), "[[1, 2], null, [1]]").find("row 2"),
            std::string::npos);
  EXPECT_NE(RefusalOf(arrow::list(arrow::float32()), "[null, []]").find("row 1"),
            std::string::npos);
  EXPECT_NE(RefusalOf(arrow::list(arrow::float32()), "[[1, null]]").find("nulls"),
            std::string::npos);
  EXPECT_NE(RefusalOf(arrow::list(arrow::float64()), "[[1, 2]]").find("double"), std::string::npos);
  EXPECT_NE(RefusalOf(arrow::float32(), "[1, 2]").find("float"), std::string::npos);
}

TEST(VectorChunk, ValuesUnderANullListAreRefused) {
  const auto full = std::static_pointer_cast<arrow::ListArray>(
      arrow::json::ArrayFromJSONString(arrow::list(arrow::float32()), "[[1, 2], [3, 4]]")
          .ValueOrDie());
  const uint8_t valid = 0b01;
  const arrow::ListArray lists(full->type(), 2, full->value_offsets(), full->values(),
                               std::make_shared<arrow::Buffer>(&valid, 1));
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto written = WriteVectorChunk(lists, 100, sink.get());
  EXPECT_TRUE(IsKind(written.status(), ErrorKind::kBadInput)) << written.status();
}

TEST(VectorChunk, AColumnOfAnotherLengthThanTheOthersFailsTheRowGroup) {
  const auto rows = RandomRows(10, 4, 0, kSeed);
  auto store = MemoryStore::Make();
  auto out = store->OpenWriter("f", PutMode::kIfAbsent).ValueOrDie();
  ParquetLayout layout;
  layout.raw_embeddings = {"v"};
  auto writer = ParquetWriter::Open(out.get(), rows->schema(), layout).ValueOrDie();
  const auto torn = arrow::RecordBatch::Make(
      rows->schema(), 10, {rows->column(0), rows->column(1)->Slice(1), rows->column(2)});
  EXPECT_FALSE(writer->WriteRowGroup(*torn).ok());
  const auto few =
      arrow::RecordBatch::Make(arrow::schema({rows->schema()->field(0)}), 10, {rows->column(0)});
  EXPECT_FALSE(writer->WriteRowGroup(*few).ok() && writer->Finish().ok());
}

}  // namespace
}  // namespace tarn::format
