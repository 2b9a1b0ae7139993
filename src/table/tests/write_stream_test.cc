// SPDX-License-Identifier: Apache-2.0
//
// A stream of batches becomes as many files as it takes, or none.
#include <numeric>

#include "arrow/util/byte_size.h"
#include "table/codebook/codebook_record.h"
#include "table/tests/delete_rows_fixture.h"
#include "table/tests/file_fixture.h"
#include "table/writer/stream_cutter.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

/// Some batches, and then, if it is to be, an error.
class Stream : public arrow::RecordBatchReader {
 public:
  Stream(arrow::RecordBatchVector batches, Status end = Status::OK())
      : batches_(std::move(batches)), end_(std::move(end)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return batches_[0]->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    out->reset();
    if (next_ == batches_.size()) return end_;
    *out = batches_[next_++];
    return Status::OK();
  }

 private:
  arrow::RecordBatchVector batches_;
  Status end_;
  size_t next_ = 0;
};

class WritingAStream : public DeletingRows {
 protected:
  void Create(int64_t target_bytes, const std::vector<VectorStoragePolicy>& vectors = {}) {
    TableProperties properties;
    properties.vectors = vectors;
    properties.extra["write.target-file-size-bytes"] = std::to_string(target_bytes);
    ASSERT_TRUE(catalog_->CreateTable(kDeletedFrom, properties).ok());
  }
  std::unique_ptr<TableWriter> NewWriter() {
    return TableWriter::Make(
               catalog_, kDeletedFrom,
               {.index = IndexType::kFlat, .threads = 1, .index_in_background = false})
        .ValueOrDie();
  }
  /// Rows of the live files, sorted.
  std::vector<int64_t> FileRows() {
    std::vector<int64_t> rows;
    for (const auto& entry : Live().data) rows.push_back(entry.data_file.record_count);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  static std::shared_ptr<arrow::RecordBatch> Ints(int64_t first, int64_t count) {
    arrow::Int64Builder ids;
    for (int64_t i = 0; i < count; ++i) (void)ids.Append(first + i);
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64(), false)}),
                                    count, {ids.Finish().ValueOrDie()});
  }
  /// The rows of the pieces that a stream is cut into.
  static std::vector<std::shared_ptr<arrow::RecordBatch>> Cut(
      arrow::RecordBatchVector batches, int64_t target,
      const std::vector<VectorStoragePolicy>& vectors = {}) {
    Stream stream(std::move(batches));
    StreamCutter cutter(stream, vectors, target);
    std::vector<std::shared_ptr<arrow::RecordBatch>> pieces;
    for (;;) {
      auto piece = cutter.Next().ValueOrDie();
      if (piece == nullptr) return pieces;
      EXPECT_TRUE(piece->ValidateFull().ok());
      pieces.push_back(std::move(piece));
    }
  }
  static std::vector<int64_t> RowsOf(const std::vector<std::shared_ptr<arrow::RecordBatch>>& all) {
    std::vector<int64_t> rows;
    for (const auto& batch : all) rows.push_back(batch->num_rows());
    return rows;
  }
};

TEST_F(WritingAStream, JoinsSmallBatchesAndCutsLargeOnes) {
  Create(8 * 1000);
  auto writer = NewWriter();
  Stream small({Ints(0, 300), Ints(300, 0), Ints(300, 300), Ints(600, 700)});
  EXPECT_EQ(writer->WriteStream(small).ValueOrDie(), 1300);
  Stream large({Ints(1300, 3500)});
  EXPECT_EQ(writer->WriteStream(large).ValueOrDie(), 3500);
  EXPECT_EQ(writer->staged_rows(), 4800);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_THAT(FileRows(), ElementsAre(300, 500, 1000, 1000, 1000, 1000));
  EXPECT_EQ(Ids(), Range(0, 4800));
  EXPECT_EQ(Snapshots(), 1u);
  ExpectSound();
}

TEST_F(WritingAStream, OfNothingStagesNothing) {
  Create(1000);
  auto writer = NewWriter();
  Stream empty({Ints(0, 0), Ints(0, 0)});
  EXPECT_EQ(writer->WriteStream(empty).ValueOrDie(), 0);
  EXPECT_EQ(writer->Commit().ValueOrDie(), 0);
  EXPECT_EQ(FilesInStore(), 0u);
}

TEST_F(WritingAStream, GivesEachFileItsIndex) {
  Create(100 * (8 + 4 * 8), {PolicyOf(8)});
  arrow::RecordBatchVector batches;
  for (int i = 0; i < 5; ++i) {
    const auto vectors = RandomVectors(60, 8, 7, static_cast<uint32_t>(i));
    auto values = std::make_shared<arrow::FloatBuilder>();
    arrow::ListBuilder lists(arrow::default_memory_pool(), values);
    for (int64_t row = 0; row < 60; ++row) {
      if (const float* vector = vectors.Row(row)) {
        ASSERT_TRUE(lists.Append().ok());
        ASSERT_TRUE(values->AppendValues(vector, 8).ok());
      } else {
        ASSERT_TRUE(lists.AppendNull().ok());
      }
    }
    const auto ids = Ints(60 * i, 60);
    batches.push_back(ids->AddColumn(1, "embedding", lists.Finish().ValueOrDie()).ValueOrDie());
  }
  auto writer = NewWriter();
  Stream stream(batches);
  EXPECT_EQ(writer->WriteStream(stream).ValueOrDie(), 300);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_THAT(FileRows(), ElementsAre(100, 100, 100));
  EXPECT_EQ(Ids(), Range(0, 300));
  const auto view = ReadView::Open(catalog_, kDeletedFrom).ValueOrDie();
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE((*view->OpenFile(i))->IsAilakeFile());
  ExpectSound();
}

TEST_F(WritingAStream, ThatFailsLeavesNothingOfItself) {
  for (const bool had_rows : {false, true}) {
    SCOPED_TRACE(had_rows);
    store_ = FaultStore::Make(MemoryStore::Make());
    catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
    Create(800);
    auto writer = NewWriter();
    if (had_rows) {
      ASSERT_TRUE(writer->WriteBatch(*Ints(5000, 10)).ok());
    }
    Stream broken({Ints(0, 350)}, Status::IOError("the source broke off"));
    EXPECT_TRUE(writer->WriteStream(broken).status().IsIOError());
    EXPECT_EQ(writer->staged_rows(), had_rows ? 10 : 0);
    EXPECT_EQ(FilesInStore(), had_rows ? 1u : 0u);
    // A later batch that does not fit: the first files were written before it came.
    auto bad = Ints(300, 50)->RenameColumns({"other"}).ValueOrDie();
    Stream unfit({Ints(0, 300), bad});
    EXPECT_TRUE(IsKind(writer->WriteStream(unfit).status(), ErrorKind::kBadInput));
    store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kWrite, .nth = 3});
    Stream unlucky({Ints(0, 350)});
    EXPECT_TRUE(IsKind(writer->WriteStream(unlucky).status(), ErrorKind::kIo));
    EXPECT_EQ(writer->staged_rows(), had_rows ? 10 : 0);
    EXPECT_EQ(FilesInStore(), had_rows ? 1u : 0u);
    // The writer goes on, even with other columns where none are committed yet.
    auto batch = Batch(0, 10);
    if (!had_rows) {
      ASSERT_TRUE(writer->WriteBatch(*batch).ok());
    }
    ASSERT_TRUE(writer->Commit().ok());
    EXPECT_EQ(Ids().size(), 10u);
  }
}

TEST_F(WritingAStream, AFailedOneTakesTheCodebookAlongThatItTrained) {
  Create(100 * (8 + 4 * 8), {PolicyOf(8)});
  const auto rows_of = [](int64_t rows, bool with_zero) {
    auto values = std::make_shared<arrow::FloatBuilder>();
    arrow::ListBuilder lists(arrow::default_memory_pool(), values);
    for (int64_t row = 0; row < rows; ++row) {
      EXPECT_TRUE(lists.Append().ok());
      for (int d = 0; d < 8; ++d) {
        EXPECT_TRUE(values
                        ->Append(with_zero && row + 1 == rows
                                     ? std::nanf("")
                                     : static_cast<float>((row * 31 + d * 7) % 101))
                        .ok());
      }
    }
    return Ints(0, rows)->AddColumn(1, "embedding", lists.Finish().ValueOrDie()).ValueOrDie();
  };
  auto writer =
      TableWriter::Make(catalog_, kDeletedFrom, {.index = IndexType::kIvfPq, .threads = 1})
          .ValueOrDie();
  Stream bad({rows_of(250, true)});
  const auto refused = writer->WriteStream(bad);
  ASSERT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
  EXPECT_EQ(FilesInStore(), 0u);
  Stream good({rows_of(250, false)});
  ASSERT_TRUE(writer->WriteStream(good).ok());
  ASSERT_TRUE(writer->Commit().ok());
  const auto info = DescribeTable(*catalog_, kDeletedFrom).ValueOrDie();
  ASSERT_EQ(info.codebooks.size(), 1u);
  for (const auto& [key, value] : catalog_->LoadTable(kDeletedFrom)->metadata->properties) {
    if (!key.starts_with("tarn.codebook.")) continue;
    const auto record = CodebookRecord::Parse(key, value).ValueOrDie();
    EXPECT_TRUE(*store_->Exists(store_->PathOf(record.file).ValueOrDie())) << record.file;
  }
  auto other = TableWriter::Make(catalog_, kDeletedFrom, {.index = IndexType::kIvfPq, .threads = 1})
                   .ValueOrDie();
  Stream more({rows_of(90, false)});
  ASSERT_TRUE(other->WriteStream(more).ok());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_EQ(DescribeTable(*catalog_, kDeletedFrom)->codebooks[0].id, 1)
      << "the codebook that the property names is found";
  ExpectSound();
}

TEST_F(WritingAStream, IsCutByBytesWhereverTheyLie) {
  // A hundred times as many bytes in the last tenth of the rows.
  arrow::StringBuilder texts;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(texts.Append(std::string(i < 900 ? 10 : 1000, 'x')).ok());
  }
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("text", arrow::utf8())}),
                                              1000, {texts.Finish().ValueOrDie()});
  for (const int64_t target : {1, 100, 5000, 20'000, 1'000'000}) {
    SCOPED_TRACE(target);
    const auto pieces = Cut({batch, batch->Slice(3, 7)}, target);
    const auto rows = RowsOf(pieces);
    EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), int64_t{0}), 1007);
    for (const auto& piece : pieces) {
      const int64_t bytes = arrow::util::ReferencedBufferSize(*piece).ValueOrDie();
      EXPECT_LE(bytes, target + 1100) << piece->num_rows() << " rows";
      if (&piece != &pieces.back()) {
        EXPECT_GE(bytes, std::min<int64_t>(target, 10) * 9 / 10);
      }
    }
  }
}

TEST_F(WritingAStream, CountsDictionariesAsWhatTheyStandFor) {
  arrow::StringDictionaryBuilder builder;
  for (int i = 0; i < 200'000; ++i) ASSERT_TRUE(builder.Append(std::string(96, 'a' + i % 3)).ok());
  std::shared_ptr<arrow::Array> words;
  ASSERT_TRUE(builder.Finish(&words).ok());
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("word", words->type())}),
                                              200'000, {words});
  const auto pieces = Cut({batch}, 100 * 10'000);
  EXPECT_THAT(pieces, SizeIs(21)) << "each has one offset more";
  EXPECT_THAT(RowsOf(pieces), Each(Le(10'100)));
  EXPECT_EQ(pieces[0]->schema()->field(0)->type()->id(), arrow::Type::STRING);
}

TEST_F(WritingAStream, CountsVectorsAsTheyAreStored) {
  // One byte a value in memory, four in the file.
  const auto lists = arrow::json::ArrayFromJSONString(arrow::fixed_size_list(arrow::int8(), 4),
                                                      "[[1,2,3,4],[5,6,7,8],[1,1,1,1],[2,2,2,2]]")
                         .ValueOrDie();
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("embedding", lists->type())}), 4, {lists});
  EXPECT_THAT(RowsOf(Cut({batch}, 32, {PolicyOf(4)})), ElementsAre(2, 2));
}

TEST(ATargetFileSize, IsTheTablesOrHalfAGigabyteAndNeverTooLarge) {
  iceberg::TableMetadata metadata;
  EXPECT_EQ(StreamCutter::TargetOf(metadata), 512 << 20);
  for (const auto& [text, bytes] : std::vector<std::pair<std::string, int64_t>>{
           {"1000", 1000}, {"0", 1}, {"-5", 1}, {"99999999999", 1 << 30}, {"many", 512 << 20}}) {
    metadata.properties["write.target-file-size-bytes"] = text;
    EXPECT_EQ(StreamCutter::TargetOf(metadata), bytes) << text;
  }
}

}  // namespace
}  // namespace tarn
