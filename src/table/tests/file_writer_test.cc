// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "arrow/json/from_string.h"
#include "base/byte_step.h"
#include "base/float16.h"
#include "file_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parquet/metadata.h"
#include "store/fault_store.h"
#include "table/file/file_reader.h"
#include "tarn/ailake_file.h"

namespace tarn {
namespace {

using testing::HasSubstr;

class FileWriter : public testing::Test {
 protected:
  std::shared_ptr<AilakeFileReader> Open(const std::string& path) const {
    auto reader = AilakeFileReader::Open(store_, path);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *reader;
  }

  std::shared_ptr<MemoryStore> store_ = MemoryStore::Make();
};

void ExpectSameVectors(const arrow::Table& table, const EmbeddingsView& expected,
                       bool half = false) {
  const auto column = arrow::Concatenate(table.GetColumnByName("embedding")->chunks()).ValueOrDie();
  const auto read = EmbeddingsView::FromArrow(column, expected.dim()).ValueOrDie();
  ASSERT_EQ(read.rows(), expected.rows());
  for (int64_t row = 0; row < expected.rows(); ++row) {
    ASSERT_EQ(read.IsNull(row), expected.IsNull(row)) << row;
    for (int32_t i = 0; !expected.IsNull(row) && i < expected.dim(); ++i) {
      const float value = expected.Row(row)[i];
      ASSERT_EQ(read.Row(row)[i], half ? HalfToFloat(FloatToHalf(value)) : value) << row;
    }
  }
}

TEST_F(FileWriter, ParquetOnlyFileHasRowsAndVectorsButNoIndex) {
  const auto rows = MakeRows(1000);
  const auto vectors = RandomVectors(1000, 8, 0, 1);
  AilakeFileWriter writer(store_, PolicyOf(8));
  const auto written = writer.WithRowGroupRows(300).WriteParquetOnly("d/f.parquet", *rows, vectors);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->rows, 1000);
  EXPECT_EQ(written->size, store_->Stat("d/f.parquet")->size);
  EXPECT_EQ(written->metadata->num_row_groups(), 4);
  EXPECT_GT(written->section_bytes, 0u);
  const auto reader = Open("d/f.parquet");
  EXPECT_FALSE(reader->IsAilakeFile());
  EXPECT_EQ(reader->rows(), 1000);
  const auto table = reader->ReadAll({}).ValueOrDie();
  ASSERT_EQ(table->num_columns(), 5);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(
        arrow::Concatenate(table->column(i)->chunks()).ValueOrDie()->Equals(rows->column(i)))
        << i;
  }
  ExpectSameVectors(*table, vectors);
  ASSERT_EQ(reader->vector_columns().size(), 1u);
  EXPECT_TRUE(reader->vector_columns()[0].has_page_map);
  EXPECT_FALSE(reader->vector_columns()[0].has_index);
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
}

TEST_F(FileWriter, IndexedFileIsReady) {
  const auto vectors = RandomVectors(500, 16, 7, 2);
  AilakeFileWriter writer(store_, PolicyOf(16));
  ASSERT_TRUE(writer.Write("f", *MakeRows(500), vectors).ok());
  const auto reader = Open("f");
  EXPECT_TRUE(reader->IsAilakeFile());
  EXPECT_TRUE(reader->IsAilakeFile("embedding"));
  EXPECT_FALSE(reader->IsAilakeFile("name"));
  const VectorColumnInfo info = reader->vector_columns()[0];
  EXPECT_TRUE(info.has_index);
  EXPECT_EQ(info.indexed_rows, 500u - 71);
  EXPECT_EQ(info.rows_without_vector, 71u);
  EXPECT_EQ(info.distinct_vectors, 500u - 71);
  ExpectSameVectors(*reader->ReadAll({"embedding"}).ValueOrDie(), vectors);
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
}

TEST_F(FileWriter, HalfPrecisionIsRoundedOnceForEveryone) {
  const auto vectors = RandomVectors(300, 24, 9, 3);
  AilakeFileWriter writer(store_, PolicyOf(24, VectorPrecision::kF16));
  ASSERT_TRUE(writer.Write("f", *MakeRows(300), vectors).ok());
  const auto reader = Open("f");
  ExpectSameVectors(*reader->ReadAll({"embedding"}).ValueOrDie(), vectors, /*half=*/true);
  const auto column =
      FileReader::Of(*reader).OpenVectorColumn(PolicyOf(24, VectorPrecision::kF16)).ValueOrDie();
  const auto source = column->NewRowSource().ValueOrDie();
  ASSERT_EQ(source->precision(), VectorPrecision::kF16);
  for (uint32_t row = 0; row < 300; ++row) {
    const std::byte* at = nullptr;
    const Status status = source->Fetch({&row, 1}, &at);
    ASSERT_EQ(status.ok(), !vectors.IsNull(row));
    for (int i = 0; status.ok() && i < 24; ++i) {
      ASSERT_EQ(reinterpret_cast<const uint16_t*>(at)[i], FloatToHalf(vectors.Row(row)[i]));
    }
  }
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
}

TEST_F(FileWriter, BytePrecisionIsRoundedOnceForEveryone) {
  const auto vectors = RandomVectors(300, 24, 9, 3);
  const auto policy = PolicyOf(24, VectorPrecision::kI8);
  ASSERT_TRUE(AilakeFileWriter(store_, policy).Write("f", *MakeRows(300), vectors).ok());
  const auto reader = Open("f");
  const auto column = FileReader::Of(*reader).OpenVectorColumn(policy).ValueOrDie();
  const auto source = column->NewRowSource().ValueOrDie();
  ASSERT_EQ(source->precision(), VectorPrecision::kI8);
  EXPECT_EQ(source->step(), RoundingStep(vectors, policy));
  const auto table = reader->ReadAll({"embedding"}).ValueOrDie();
  const auto lists = arrow::Concatenate(table->column(0)->chunks()).ValueOrDie();
  const auto stored = EmbeddingsView::FromArrow(lists, 24).ValueOrDie();
  for (uint32_t row = 0; row < 300; ++row) {
    const std::byte* at = nullptr;
    const Status status = source->Fetch({&row, 1}, &at);
    ASSERT_EQ(status.ok(), !vectors.IsNull(row));
    for (int i = 0; status.ok() && i < 24; ++i) {
      const auto steps = RoundToSteps(vectors.Row(row)[i], source->step());
      ASSERT_EQ(static_cast<int8_t>(at[i]), steps);
      ASSERT_EQ(stored.Row(row)[i], source->step() * static_cast<float>(steps));
    }
  }
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
}

TEST_F(FileWriter, ByteVectorsTakeOneByteInParquetAndOneBesideTheIndex) {
  const auto vectors = RandomVectors(3000, 96, 0, 3);
  const auto size = [&](VectorPrecision precision) {
    const std::string path(PrecisionName(precision));
    return AilakeFileWriter(store_, PolicyOf(96, precision))
        .WriteParquetOnly(path, *MakeRows(3000), vectors)
        .ValueOrDie()
        .size;
  };
  EXPECT_LT(size(VectorPrecision::kI8) + 3000 * 96 * 2.8, size(VectorPrecision::kF32));
}

TEST_F(FileWriter, WithoutRawVectorsThereIsNothingToRerankFrom) {
  for (const auto precision : {VectorPrecision::kF32, VectorPrecision::kF16}) {
    VectorStoragePolicy policy = PolicyOf(8, precision);
    policy.keep_raw_for_reranking = false;
    const std::string path(PrecisionName(precision));
    const auto vectors = RandomVectors(50, 8, 0, 4);
    ASSERT_TRUE(AilakeFileWriter(store_, policy).Write(path, *MakeRows(50), vectors).ok());
    const auto reader = Open(path);
    EXPECT_EQ(reader->vector_columns()[0].policy, policy);
    const auto column = FileReader::Of(*reader).OpenVectorColumn(policy).ValueOrDie();
    EXPECT_EQ(column->NewRowSource().ValueOrDie(), nullptr);
    ExpectSameVectors(*reader->ReadAll({"embedding"}).ValueOrDie(), vectors,
                      precision == VectorPrecision::kF16);
  }
}

TEST_F(FileWriter, SeveralVectorColumnsEachHaveTheirIndex) {
  VectorStoragePolicy second = PolicyOf(4, VectorPrecision::kF16, VectorMetric::kCosine);
  second.column_name = "image";
  const std::vector<VectorColumn> columns{{PolicyOf(8), RandomVectors(100, 8, 0, 5)},
                                          {second, RandomVectors(100, 4, 3, 6)}};
  ASSERT_TRUE(AilakeFileWriter(store_).WriteMulti("f", *MakeRows(100), columns).ok());
  const auto reader = Open("f");
  EXPECT_TRUE(reader->IsAilakeFile("embedding"));
  EXPECT_TRUE(reader->IsAilakeFile("image"));
  ASSERT_EQ(reader->vector_columns().size(), 2u);
  EXPECT_EQ(reader->vector_columns()[0].policy, columns[0].policy);
  EXPECT_EQ(reader->vector_columns()[1].policy, second);
  EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
}

TEST_F(FileWriter, PlainTablesHaveNoSections) {
  const auto written = AilakeFileWriter(store_).WriteMulti("f", *MakeRows(10), {});
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->section_bytes, 0u);
  EXPECT_TRUE(Open("f")->vector_columns().empty());
  EXPECT_EQ(Open("f")->ReadAll({})->get()->num_rows(), 10);
}

TEST_F(FileWriter, EmptyAndAllNullFilesAreFiles) {
  for (const int64_t rows : {0, 20}) {
    const std::string path = "f" + std::to_string(rows);
    const auto vectors = RandomVectors(rows, 8, 1, 7);
    const Status status =
        AilakeFileWriter(store_, PolicyOf(8)).Write(path, *MakeRows(rows), vectors).status();
    ASSERT_TRUE(status.ok()) << status;
    const auto reader = Open(path);
    EXPECT_EQ(reader->vector_columns()[0].indexed_rows, 0u);
    EXPECT_EQ(reader->vector_columns()[0].rows_without_vector, static_cast<uint64_t>(rows));
    EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
    EXPECT_EQ(reader->ReadAll({}).ValueOrDie()->num_rows(), rows);
  }
}

TEST_F(FileWriter, SlicedBatchesWriteOnlyTheirSlice) {
  const auto rows = MakeRows(100);
  const auto vectors = RandomVectors(100, 8, 3, 8);
  AilakeFileWriter writer(store_, PolicyOf(8));
  const Status status = writer.WithRowGroupRows(17)
                            .WriteParquetOnly("f", *rows->Slice(30, 50), vectors.Slice(30, 50))
                            .status();
  ASSERT_TRUE(status.ok()) << status;
  const auto table = Open("f")->ReadAll({}).ValueOrDie();
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(arrow::Concatenate(table->column(i)->chunks())
                    .ValueOrDie()
                    ->Equals(rows->column(i)->Slice(30, 50)));
  }
  ExpectSameVectors(*table, vectors.Slice(30, 50));
}

TEST_F(FileWriter, ColumnsOfUnusualLayoutsAreWritten) {
  const auto read = [](const std::shared_ptr<arrow::DataType>& type, const char* json) {
    return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
  };
  const auto runs = arrow::RunEndEncodedArray::Make(3, read(arrow::int32(), "[2, 3]"),
                                                    read(arrow::utf8(), R"(["x", null])"));
  const arrow::ArrayVector arrays{
      read(arrow::utf8_view(), R"(["a", null, "a text that is not inlined"])"),
      read(arrow::list_view(arrow::int32()), "[[1], null, [2, 3]]"),
      read(arrow::dictionary(arrow::int8(), arrow::utf8()), R"(["p", "q", null])"),
      read(arrow::null(), "[null, null, null]"), runs.ValueOrDie()};
  arrow::FieldVector fields;
  for (const auto& array : arrays)
    fields.push_back(arrow::field("c" + std::to_string(fields.size()), array->type()));
  const auto batch = arrow::RecordBatch::Make(arrow::schema(fields), 3, arrays);
  const Status status =
      AilakeFileWriter(store_, PolicyOf(8)).Write("f", *batch, RandomVectors(3, 8, 0, 1)).status();
  ASSERT_TRUE(status.ok()) << status;
  const auto table = Open("f")->ReadAll({}).ValueOrDie();
  EXPECT_TRUE(table->column(0)->chunk(0)->Equals(
      read(arrow::utf8(), R"(["a", null, "a text that is not inlined"])")));
  EXPECT_EQ(table->column(1)->GetScalar(2).ValueOrDie()->ToString(), "list<element: int32>[2, 3]");
  EXPECT_TRUE(table->column(2)->chunk(0)->Equals(read(arrow::utf8(), R"(["p", "q", null])")));
  EXPECT_EQ(table->column(3)->null_count(), 3);
  EXPECT_TRUE(table->column(4)->chunk(0)->Equals(read(arrow::utf8(), R"(["x", "x", null])")));
}

TEST_F(FileWriter, FieldIdsAreKeptAndVectorIdsCanBeGiven) {
  AilakeFileWriter writer(store_, PolicyOf(8));
  ASSERT_TRUE(writer.WithVectorFieldId("embedding", 50, 51)
                  .Write("f", *MakeRows(10), RandomVectors(10, 8, 0, 9))
                  .ok());
  const auto field = Open("f")->schema()->GetFieldByName("embedding");
  EXPECT_EQ(field->metadata()->Get("PARQUET:field_id").ValueOrDie(), "50");
  EXPECT_EQ(field->type()->field(0)->metadata()->Get("PARQUET:field_id").ValueOrDie(), "51");
  EXPECT_FALSE(field->type()->field(0)->nullable());
}

TEST_F(FileWriter, ExistingFilesAreNeverOverwritten) {
  AilakeFileWriter writer(store_, PolicyOf(8));
  ASSERT_TRUE(writer.WriteParquetOnly("f", *MakeRows(10), RandomVectors(10, 8, 0, 1)).ok());
  const std::string before(store_->Read("f").ValueOrDie()->text());
  const Status again =
      writer.WriteParquetOnly("f", *MakeRows(20), RandomVectors(20, 8, 0, 1)).status();
  EXPECT_TRUE(IsKind(again, ErrorKind::kAlreadyExists)) << again;
  EXPECT_EQ(store_->Read("f").ValueOrDie()->text(), before);
}

TEST_F(FileWriter, FailedWritesLeaveNothing) {
  const auto faulty = FaultStore::Make(store_);
  faulty->Add({FaultKind::kFail, StoreOp::kWrite});
  AilakeFileWriter writer(faulty, PolicyOf(8));
  EXPECT_FALSE(writer.Write("f", *MakeRows(10), RandomVectors(10, 8, 0, 1)).ok());
  const auto bad = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("d", arrow::duration(arrow::TimeUnit::SECOND))}), 10,
      {arrow::MakeArrayOfNull(arrow::duration(arrow::TimeUnit::SECOND), 10).ValueOrDie()});
  EXPECT_TRUE(
      IsKind(writer.Write("g", *bad, RandomVectors(10, 8, 0, 1)).status(), ErrorKind::kBadInput));
  EXPECT_TRUE(store_->List("").ValueOrDie().empty());
}

TEST_F(FileWriter, UnusableInputIsRefusedByName) {
  AilakeFileWriter writer(store_, PolicyOf(8));
  const auto refusal = [&](const arrow::RecordBatch& rows, const EmbeddingsView& vectors) {
    const Status status = writer.Write("f", rows, vectors).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << status;
    return status.message();
  };
  EXPECT_THAT(refusal(*MakeRows(9), RandomVectors(10, 8, 0, 1)), HasSubstr("10 rows"));
  EXPECT_THAT(refusal(*MakeRows(10), RandomVectors(10, 7, 0, 1)), HasSubstr("dimension 8"));
  std::vector<float> values(80, 1.0f);
  values[33] = std::nanf("");
  EXPECT_THAT(refusal(*MakeRows(10), EmbeddingsView::FromSpan(values, 8).ValueOrDie()),
              HasSubstr("row 4"));
  const auto clash = MakeRows(10)->RenameColumns({"id", "embedding", "tags", "pair"}).ValueOrDie();
  EXPECT_THAT(refusal(*clash, RandomVectors(10, 8, 0, 1)), HasSubstr("'embedding'"));
  EXPECT_TRUE(
      IsKind(AilakeFileWriter(store_).Write("f", *MakeRows(1), RandomVectors(1, 8, 0, 1)).status(),
             ErrorKind::kBadInput));
}

TEST_F(FileWriter, EveryIndexTypeCanBeWrittenAndIsNamedInTheFile) {
  for (const IndexType type : {IndexType::kHnsw, IndexType::kFlat, IndexType::kIvfPq}) {
    const std::string name(IndexTypeName(type));
    for (const auto precision :
         {VectorPrecision::kF32, VectorPrecision::kF16, VectorPrecision::kI8}) {
      const std::string path = name + std::string(PrecisionName(precision));
      AilakeFileWriter writer(store_, PolicyOf(8, precision));
      const auto written =
          writer.WithIndexType(type).Write(path, *MakeRows(300), RandomVectors(300, 8, 7, 1));
      ASSERT_TRUE(written.ok()) << path << ": " << written.status();
      EXPECT_EQ(written->codebooks.size(), type == IndexType::kIvfPq ? 1 : 0);
      const auto reader = AilakeFileReader::Open(store_, path).ValueOrDie();
      EXPECT_TRUE(reader->Verify().ok()) << path << ": " << reader->Verify();
      EXPECT_EQ(reader->vector_columns().at(0).index_type, type);
      EXPECT_EQ(reader->vector_columns().at(0).codebook.empty(), type != IndexType::kIvfPq);
    }
  }
}

TEST_F(FileWriter, AFileWithoutAnyVectorNeedsNoCodebook) {
  AilakeFileWriter writer(store_, PolicyOf(8));
  const auto written = writer.WithIvfPq().Write("f", *MakeRows(3), EmbeddingsView::AllNull(3, 8));
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_TRUE(written->codebooks.empty());
  EXPECT_TRUE(AilakeFileReader::Open(store_, "f").ValueOrDie()->Verify().ok());
}

TEST_F(FileWriter, SettingsOfInvertedListsMatterOnlyWhereTheyAreBuilt) {
  AilakeFileWriter writer(store_, PolicyOf(8));
  IvfPqConfig config;
  config.m = 9;
  writer.WithIvfPq(config);
  const auto vectors = RandomVectors(20, 8, 0, 1);
  EXPECT_TRUE(IsKind(writer.Write("a", *MakeRows(20), vectors).status(), ErrorKind::kBadInput));
  EXPECT_TRUE(writer.WithIndexType(IndexType::kHnsw).Write("b", *MakeRows(20), vectors).ok());
}

TEST_F(FileWriter, ACodebookOfAnotherColumnIsRefused) {
  AilakeFileWriter first(store_, PolicyOf(8));
  const auto written = first.WithIvfPq().Write("a", *MakeRows(100), RandomVectors(100, 8, 0, 1));
  const auto codebook = written.ValueOrDie().codebooks.at("embedding");
  AilakeFileWriter other(store_, PolicyOf(9));
  const Status status = other.WithIvfPq()
                            .WithCodebook("embedding", codebook)
                            .Write("b", *MakeRows(100), RandomVectors(100, 9, 0, 1))
                            .status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("dimension 8"));
  EXPECT_FALSE(store_->Exists("b").ValueOrDie());
}

TEST_F(FileWriter, AnAutomaticChoiceFollowsTheHardwareGiven) {
  AilakeFileWriter writer(store_, PolicyOf(8));
  const auto vectors = RandomVectors(5000, 8, 0, 1);
  writer.WithAutoIndex(Hardware{.cores = 8});
  ASSERT_TRUE(writer.Write("large", *MakeRows(5000), vectors).ok());
  writer.WithAutoIndex(Hardware{.cores = 2});
  ASSERT_TRUE(writer.Write("small", *MakeRows(5000), vectors).ok());
  const auto type = [&](const char* path) {
    return AilakeFileReader::Open(store_, path).ValueOrDie()->vector_columns().at(0).index_type;
  };
  EXPECT_EQ(type("large"), IndexType::kIvfPq);
  EXPECT_EQ(type("small"), IndexType::kHnsw);
}

TEST_F(FileWriter, SameInputGivesTheSameBytesForAnyNumberOfThreads) {
  const auto vectors = RandomVectors(400, 8, 5, 11);
  AilakeFileWriter writer(store_, PolicyOf(8));
  ASSERT_TRUE(writer.WithThreads(1).Write("a", *MakeRows(400), vectors).ok());
  ASSERT_TRUE(writer.WithThreads(3).Write("b", *MakeRows(400), vectors).ok());
  EXPECT_EQ(store_->Read("a").ValueOrDie()->text(), store_->Read("b").ValueOrDie()->text());
}

}  // namespace
}  // namespace tarn
