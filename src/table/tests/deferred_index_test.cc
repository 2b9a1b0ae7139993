// SPDX-License-Identifier: Apache-2.0
//
// Files that are committed without an index get it later, in place, with nothing lost on the way.
#include <set>
#include <thread>

#include "arrow/api.h"
#include "arrow/io/memory.h"
#include "base/random_id.h"
#include "catalog/commit_attempt.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "parquet/arrow/writer.h"
#include "store/fault_store.h"
#include "table/indexing/index_pool.h"
#include "table/indexing/position_delete_file.h"
#include "table/indexing/table_indexer.h"
#include "table/schema_arrow.h"
#include "table/tests/file_fixture.h"
#include "tarn/alter_table.h"
#include "tarn/indexing.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int32_t kDim = 16;
const TableIdent kTable{{"db"}, "t"};

class DeferredIndexes : public ::testing::Test {
 protected:
  DeferredIndexes() {
    EXPECT_TRUE(catalog_->CreateTable(kTable, TableProperties(PolicyOf(kDim))).ok());
  }

  std::unique_ptr<TableWriter> NewWriter(std::optional<IndexType> index = IndexType::kHnsw,
                                         bool background = false) {
    return TableWriter::Make(catalog_, kTable,
                             {.index = index, .threads = 1, .index_in_background = background})
        .ValueOrDie();
  }
  static void Stage(TableWriter& writer, int64_t rows, uint32_t seed) {
    const Status staged =
        writer.WriteBatchDeferred(*MakeRows(rows), RandomVectors(rows, kDim, 0, seed));
    ASSERT_TRUE(staged.ok()) << staged;
  }
  static void StageIvf(TableWriter& writer, int64_t rows, uint32_t seed) {
    const Status staged =
        writer.WriteBatchIvfPqDeferred(*MakeRows(rows), RandomVectors(rows, kDim, 0, seed));
    ASSERT_TRUE(staged.ok()) << staged;
  }
  void Append(int64_t rows, uint32_t seed) {
    auto writer = NewWriter();
    Stage(*writer, rows, seed);
    ASSERT_TRUE(writer->Commit().ok());
  }

  std::shared_ptr<const ReadView> View() { return ReadView::Open(catalog_, kTable).ValueOrDie(); }
  /// Index types of the live files, by rows; nullopt: none.
  std::map<int64_t, std::optional<IndexType>> Indexes() {
    std::map<int64_t, std::optional<IndexType>> found;
    const auto view = View();
    for (size_t i = 0; i < view->files().size(); ++i) {
      const auto reader = view->OpenFile(i).ValueOrDie();
      EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
      const auto column = reader->vector_columns().at(0);
      auto& type = found[view->files()[i].rows];
      if (column.has_index) type = column.index_type;
      EXPECT_EQ(reader->IsAilakeFile(), column.has_index);
    }
    return found;
  }
  std::string AllRows() {
    std::string text;
    const auto view = View();
    std::map<int64_t, std::string> by_rows;
    for (size_t i = 0; i < view->files().size(); ++i) {
      by_rows[view->files()[i].rows] = (*view->OpenFile(i))->ReadAll({}).ValueOrDie()->ToString();
    }
    for (const auto& [rows, part] : by_rows) text += part;
    return text;
  }
  BuildIndexesResult Build(BuildIndexesOptions options = {}) {
    const auto result = BuildIndexes(catalog_, kTable, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ValueOr(BuildIndexesResult());
  }
  IndexStatus Status_() { return DescribeIndexes(*catalog_, kTable).ValueOrDie(); }
  size_t DataFiles() { return store_->List("warehouse/db/t/data")->size(); }
  size_t Snapshots() { return DescribeTable(*catalog_, kTable)->snapshots.size(); }

  std::shared_ptr<FaultStore> store_ = FaultStore::Make(MemoryStore::Make());
  std::shared_ptr<HadoopCatalog> catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

TEST_F(DeferredIndexes, AreBuiltLaterAndTheRowsStayWhatTheyAre) {
  Append(600, 1);
  Append(700, 2);
  EXPECT_THAT(Indexes(), ElementsAre(std::pair(600, std::nullopt), std::pair(700, std::nullopt)));
  EXPECT_EQ(Status_().rows(IndexState::kPending), 1300);
  const std::string rows = AllRows();
  const auto before = View();

  const auto result = Build();
  EXPECT_EQ(result.files, 2);
  EXPECT_EQ(result.rows, 1300);
  EXPECT_EQ(result.commits, 1);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_THAT(Indexes(),
              ElementsAre(std::pair(600, IndexType::kHnsw), std::pair(700, IndexType::kHnsw)));
  EXPECT_EQ(AllRows(), rows);
  EXPECT_EQ(Status_().rows(IndexState::kReady), 1300);
  EXPECT_EQ(View()->state().metadata->CurrentSnapshot()->summary.at("operation"), "replace");
  // A view of before still reads its own files.
  EXPECT_EQ((*before->OpenFile(0))->rows(), before->files()[0].rows);
}

TEST_F(DeferredIndexes, KeepTheAgeOfTheirRows) {
  Append(600, 1);
  Append(700, 2);
  Build();
  std::map<int64_t, int64_t> sequence;
  const auto view = View();
  for (const auto& file : view->files()) sequence[file.rows] = file.data_sequence_number;
  EXPECT_EQ(sequence[600], 1);
  EXPECT_EQ(sequence[700], 2);
}

TEST_F(DeferredIndexes, OfThreeKindsAreWhatTheirWriterAskedFor) {
  auto writer = NewWriter(IndexType::kFlat);
  Stage(*writer, 600, 1);
  StageIvf(*writer, 900, 2);
  ASSERT_TRUE(writer->Commit().ok());
  auto none = NewWriter(std::nullopt);
  Stage(*none, 800, 3);
  ASSERT_TRUE(none->Commit().ok());
  Build();
  EXPECT_THAT(Indexes(), ElementsAre(std::pair(600, IndexType::kFlat), std::pair(800, std::nullopt),
                                     std::pair(900, IndexType::kIvfPq)));
  EXPECT_EQ(Status_().rows(IndexState::kUnwanted), 800);
}

TEST_F(DeferredIndexes, OfInvertedListsShareTheTablesCodebook) {
  auto writer = NewWriter();
  StageIvf(*writer, 800, 1);
  StageIvf(*writer, 600, 2);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_TRUE(DescribeTable(*catalog_, kTable)->codebooks.empty());
  Build();
  const auto codebooks = DescribeTable(*catalog_, kTable)->codebooks;
  ASSERT_EQ(codebooks.size(), 1u);
  const auto view = View();
  for (size_t i = 0; i < view->files().size(); ++i) {
    EXPECT_EQ((*view->OpenFile(i))->vector_columns()[0].codebook, codebooks[0].fingerprint);
  }
}

TEST_F(DeferredIndexes, ThatRaceForTheFirstCodebookAgreeOnOne) {
  auto writer = NewWriter();
  StageIvf(*writer, 800, 1);
  ASSERT_TRUE(writer->Commit().ok());
  TableIndexer late(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*late.BuildNext());
  auto direct = NewWriter();
  ASSERT_TRUE(direct->WriteBatchIvfPq(*MakeRows(700), RandomVectors(700, kDim, 0, 9)).ok());
  ASSERT_TRUE(direct->Commit().ok());
  ASSERT_TRUE(late.Commit().ok());
  const auto codebooks = DescribeTable(*catalog_, kTable)->codebooks;
  ASSERT_EQ(codebooks.size(), 1u);
  EXPECT_EQ(codebooks[0].id, 1);
  const auto view = View();
  ASSERT_EQ(view->rows(), 1500);
  for (size_t i = 0; i < view->files().size(); ++i) {
    EXPECT_EQ((*view->OpenFile(i))->vector_columns()[0].codebook, codebooks[0].fingerprint);
  }
  EXPECT_EQ(DataFiles(), 3u) << "two live, one of before";
}

TEST_F(DeferredIndexes, LeaveSmallFilesToTheScanUnlessAsked) {
  Append(100, 1);
  EXPECT_EQ(Build().files, 0);
  EXPECT_EQ(Status_().rows(IndexState::kSmall), 100);
  EXPECT_EQ(Build({.small_files = true}).files, 1);
  EXPECT_EQ(Status_().rows(IndexState::kReady), 100);
}

TEST_F(DeferredIndexes, WastesWorkButDoesNoHarmWhenTwoBuildTheSameFile) {
  Append(600, 1);
  TableIndexer one(catalog_, kTable, {.threads = 1});
  TableIndexer two(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*one.BuildNext());
  ASSERT_TRUE(*two.BuildNext());
  ASSERT_TRUE(one.Commit().ok());
  ASSERT_TRUE(two.Commit().ok());
  EXPECT_EQ(one.committed_files(), 1);
  EXPECT_EQ(two.committed_files(), 0);
  EXPECT_EQ(View()->rows(), 600);
  EXPECT_EQ(DataFiles(), 2u) << "the original and one replacement";
  EXPECT_EQ(Snapshots(), 2u);
}

TEST_F(DeferredIndexes, LoseNoRowThatIsAppendedMeanwhile) {
  for (uint32_t i = 0; i < 6; ++i) Append(600 + i, i);
  std::thread builder([&] { Build({.threads = 1, .files_per_commit = 1}); });
  for (uint32_t i = 0; i < 10; ++i) Append(700 + i, 10 + i);
  builder.join();
  Build();
  int64_t expected = 0;
  for (int64_t i = 0; i < 6; ++i) expected += 600 + i;
  for (int64_t i = 0; i < 10; ++i) expected += 700 + i;
  EXPECT_EQ(View()->rows(), expected);
  EXPECT_EQ(Status_().rows(IndexState::kReady), expected);
}

TEST_F(DeferredIndexes, AFileThatCannotBeIndexedIsNamedAndTheOthersGoOn) {
  Append(600, 1);
  Append(700, 2);
  std::string first;
  const auto view = View();
  for (const auto& file : view->files()) {
    if (file.rows == 600) first = file.path;
  }
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kWrite, .path_contains = "/data/"});
  const auto result = Build();
  EXPECT_EQ(result.files, 1);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].path, first);
  EXPECT_EQ(View()->rows(), 1300);
  EXPECT_EQ(Build().files, 1) << "it is taken up again";
  EXPECT_EQ(Status_().rows(IndexState::kReady), 1300);
}

TEST_F(DeferredIndexes, SurviveAFailureOfTheStoreAtEveryStep) {
  for (const auto kind : {FaultKind::kFail, FaultKind::kLoseReply, FaultKind::kCrash}) {
    for (int64_t nth = 1;; ++nth) {
      const auto store = FaultStore::Make(MemoryStore::Make());
      const std::shared_ptr<CatalogProvider> catalog =
          HadoopCatalog::Make(store, "warehouse").ValueOrDie();
      ASSERT_TRUE(catalog->CreateTable(kTable, TableProperties(PolicyOf(4))).ok());
      auto writer = TableWriter::Make(catalog, kTable,
                                      {.index = IndexType::kFlat, .index_in_background = false})
                        .ValueOrDie();
      ASSERT_TRUE(writer->WriteBatchDeferred(*MakeRows(500), RandomVectors(500, 4, 0, 1)).ok());
      ASSERT_TRUE(writer->Commit().ok());
      store->Add({.kind = kind, .nth = nth});
      (void)BuildIndexes(catalog, kTable, {.threads = 1});
      const bool fired = store->faults_fired() > 0;
      store->Heal();
      const std::shared_ptr<CatalogProvider> fresh =
          HadoopCatalog::Make(store, "warehouse").ValueOrDie();
      ASSERT_EQ((*ReadView::Open(fresh, kTable))->rows(), 500) << nth;
      const auto again = BuildIndexes(fresh, kTable, {.threads = 1});
      ASSERT_TRUE(again.ok()) << nth << ": " << again.status();
      const auto view = ReadView::Open(fresh, kTable).ValueOrDie();
      ASSERT_EQ(view->rows(), 500) << nth;
      ASSERT_TRUE((*view->OpenFile(0))->IsAilakeFile()) << nth;
      const auto report = VerifyTable(fresh, kTable);
      ASSERT_TRUE(report.ok() && report->findings.empty()) << nth;
      if (!fired) break;
    }
  }
}

TEST_F(DeferredIndexes, AreBuiltInTheBackgroundAndCanBeWaitedFor) {
  auto writer = NewWriter(IndexType::kHnsw, /*background=*/true);
  for (uint32_t i = 0; i < 3; ++i) Stage(*writer, 600 + i, i);
  ASSERT_TRUE(writer->Commit().ok());
  const Status waited = writer->WaitForIndexes();
  ASSERT_TRUE(waited.ok()) << waited;
  EXPECT_EQ(Status_().rows(IndexState::kPending), 0);
  EXPECT_EQ(Status_().rows(IndexState::kReady), 1803);
  Stage(*writer, 800, 9);
  ASSERT_TRUE(writer->Commit().ok());
  ASSERT_TRUE(WaitForIndexes(catalog_, kTable, std::chrono::minutes(5)).ok());
  EXPECT_EQ(Status_().rows(IndexState::kReady), 2603);
  StopIndexBuilds();
}

TEST_F(DeferredIndexes, WaitingSaysWhatWentWrong) {
  auto writer = NewWriter(IndexType::kHnsw);
  Stage(*writer, 600, 1);
  ASSERT_TRUE(writer->Commit().ok());
  store_->Add(
      {.kind = FaultKind::kFail, .op = StoreOp::kWrite, .path_contains = "/data/", .repeat = true});
  IndexPool pool;
  const Status waited = pool.Wait(catalog_, kTable, std::chrono::minutes(5));
  EXPECT_FALSE(waited.ok());
  EXPECT_THAT(waited.message(), HasSubstr("1 files could not be indexed"));
  store_->Heal();
  const Status again = pool.Wait(catalog_, kTable, std::chrono::minutes(5));
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_EQ(Status_().rows(IndexState::kReady), 600);
}

TEST_F(DeferredIndexes, OfManyTablesAndThreadsShareOnePool) {
  IndexPool pool;
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const TableIdent ident{{"db"}, "many" + std::to_string(t % 2)};
      (void)catalog_->CreateTable(ident, TableProperties(PolicyOf(4)));
      auto writer = TableWriter::Make(catalog_, ident,
                                      {.index = IndexType::kFlat, .index_in_background = false})
                        .ValueOrDie();
      for (int i = 0; i < 3; ++i) {
        failures += !writer->WriteBatchDeferred(*MakeRows(500), RandomVectors(500, 4, 0, 1)).ok();
        failures += !writer->Commit().ok();
        pool.Submit(catalog_, *catalog_->LoadTable(ident));
      }
      failures += !pool.Wait(catalog_, ident, std::chrono::minutes(5)).ok();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  for (const char* name : {"many0", "many1"}) {
    EXPECT_EQ(DescribeIndexes(*catalog_, {{"db"}, name})->rows(IndexState::kReady), 3000);
  }
}

/// Commits a delete file with these positions of some live files.
class DeferredIndexesWithDeletes : public DeferredIndexes {
 protected:
  std::string LocationOf(int64_t rows) {
    const auto state = catalog_->LoadTable(kTable).ValueOrDie();
    const auto live = iceberg::ReadLiveFiles(*store_, *state.metadata->CurrentSnapshot());
    for (const auto& entry : live->data) {
      if (entry.data_file.record_count == rows) return entry.data_file.file_path;
    }
    return "";
  }
  void Commit(const iceberg::DataFile& file) {
    CommitAttempt attempt(*catalog_, kTable, [&](const TableState&) -> Result<CommitPlan> {
      CommitPlan plan;
      plan.snapshot.emplace();
      plan.snapshot->operation = iceberg::operation::kDelete;
      plan.snapshot->added.push_back({file, std::nullopt});
      return plan;
    });
    const auto done = attempt.Commit();
    ASSERT_TRUE(done.ok()) << done.status();
  }
  iceberg::DataFile Write(int64_t rows, const std::vector<int64_t>& positions) {
    const std::string path = "warehouse/db/t/data/deletes-" + NewUuid4() + ".parquet";
    return WritePositionDeletes(store_, path, store_->UriOf(path), LocationOf(rows), positions)
        .ValueOrDie();
  }
  void Delete(int64_t rows, const std::vector<int64_t>& positions) {
    Commit(Write(rows, positions));
  }
  /// Deletes the rows with these ids, whatever file they are in.
  void DeleteIds(const std::vector<int64_t>& ids) {
    arrow::Int64Builder builder;
    ASSERT_TRUE(builder.AppendValues(ids).ok());
    const auto state = catalog_->LoadTable(kTable).ValueOrDie();
    const auto& field = *state.metadata->CurrentSchema().FindColumn("id");
    const auto schema = arrow::schema({arrow::field(
        "id", arrow::int64(), false,
        arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(field.id)}))});
    const auto batch = arrow::RecordBatch::Make(schema, static_cast<int64_t>(ids.size()),
                                                {builder.Finish().ValueOrDie()});
    const std::string path = "warehouse/db/t/data/equality-" + NewUuid4() + ".parquet";
    const auto written = AilakeFileWriter(store_).WriteMulti(path, *batch, {}, false).ValueOrDie();
    iceberg::DataFile file;
    file.content = iceberg::FileContent::kEqualityDeletes;
    file.file_path = store_->UriOf(path);
    file.file_size_in_bytes = static_cast<int64_t>(written.size);
    file.record_count = written.rows;
    file.equality_ids = {field.id};
    Commit(file);
  }
  int64_t LiveRows() { return View()->CountLiveRows().ValueOrDie(); }
  size_t DeleteFiles() {
    const auto state = catalog_->LoadTable(kTable).ValueOrDie();
    return iceberg::ReadLiveFiles(*store_, *state.metadata->CurrentSnapshot())->deletes.size();
  }
  std::vector<int64_t> LiveIds() {
    std::vector<int64_t> ids;
    const auto scan = View()->Scan({"id"}).ValueOrDie();
    for (;;) {
      std::shared_ptr<arrow::RecordBatch> batch;
      EXPECT_TRUE(scan->ReadNext(&batch).ok());
      if (batch == nullptr) break;
      const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (int64_t i = 0; i < column.length(); ++i) ids.push_back(column.Value(i));
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
};

TEST_F(DeferredIndexesWithDeletes, RowsThatWereDeletedBeforeStayDeleted) {
  Append(600, 1);
  Append(700, 2);
  Delete(600, {0, 5, 599});
  Delete(600, {5, 7});
  const auto ids = LiveIds();
  ASSERT_EQ(LiveRows(), 1296);
  EXPECT_EQ(Build().files, 2);
  EXPECT_EQ(LiveRows(), 1296);
  EXPECT_EQ(LiveIds(), ids);
  EXPECT_EQ(DeleteFiles(), 1u) << "the two of the old file are replaced by one of the new";
  const auto summary = View()->state().metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "replace");
  EXPECT_EQ(summary.at("removed-delete-files"), "2");
  EXPECT_EQ(summary.at("added-position-deletes"), "4");
}

TEST_F(DeferredIndexesWithDeletes, RowsThatAreDeletedMeanwhileAreDeletedFromTheNewFile) {
  Append(600, 1);
  TableIndexer indexer(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*indexer.BuildNext());
  Delete(600, {3});
  DeleteIds({10, 11});
  Append(500, 2);
  const auto ids = LiveIds();
  ASSERT_TRUE(indexer.Commit().ok());
  EXPECT_EQ(indexer.committed_files(), 1);
  EXPECT_EQ(LiveIds(), ids);
  EXPECT_EQ(LiveRows(), 1097) << "the later file keeps its rows 10 and 11";
}

TEST_F(DeferredIndexesWithDeletes, ADeleteFileOfSeveralFilesStaysForTheOthers) {
  Append(600, 1);
  Append(100, 2);
  iceberg::DataFile shared = Write(600, {1, 2});
  const std::string path = store_->PathOf(shared.file_path).ValueOrDie();
  // The same file as its manifest would name it if it were of several.
  shared.referenced_data_file.reset();
  shared.lower_bounds.clear();
  shared.upper_bounds.clear();
  Commit(shared);
  const auto ids = LiveIds();
  EXPECT_EQ(Build().files, 1);
  EXPECT_EQ(LiveIds(), ids);
  EXPECT_EQ(DeleteFiles(), 2u);
  EXPECT_TRUE(*store_->Exists(path));
}

TEST_F(DeferredIndexesWithDeletes, ALostRaceLeavesNoDeleteFileBehind) {
  Append(600, 1);
  Delete(600, {3});
  TableIndexer one(catalog_, kTable, {.threads = 1});
  TableIndexer two(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*one.BuildNext());
  ASSERT_TRUE(*two.BuildNext());
  ASSERT_TRUE(one.Commit().ok());
  ASSERT_TRUE(two.Commit().ok());
  EXPECT_EQ(LiveRows(), 599);
  EXPECT_EQ(DataFiles(), 4u) << "two data files, two delete files";
  const auto report = VerifyTable(catalog_, kTable);
  EXPECT_TRUE(report.ok() && report->findings.empty());
}

TEST_F(DeferredIndexesWithDeletes, MatchANaiveTableWhateverTheOrder) {
  std::mt19937 random(7);
  int64_t expected_rows = 0;
  int64_t next = 500;
  std::map<int64_t, std::set<int64_t>> gone;  // by rows of the file
  TableIndexer indexer(catalog_, kTable, {.threads = 1});
  for (int step = 0; step < 60; ++step) {
    switch (random() % 5) {
      case 0:
        Append(next, static_cast<uint32_t>(step));
        gone[next];
        expected_rows += next++;
        break;
      case 1:
      case 2: {
        if (gone.empty()) break;
        auto file = std::next(gone.begin(), static_cast<int64_t>(random() % gone.size()));
        const auto position = static_cast<int64_t>(random() % static_cast<uint64_t>(file->first));
        Delete(file->first, {position});
        expected_rows -= file->second.insert(position).second;
        break;
      }
      case 3:
        ASSERT_TRUE(indexer.BuildNext().ok());
        break;
      default:
        ASSERT_TRUE(indexer.Commit().ok());
    }
    if (View()->snapshot() != 0) ASSERT_EQ(LiveRows(), expected_rows) << step;
  }
  while (*indexer.BuildNext()) {
  }
  ASSERT_TRUE(indexer.Commit().ok());
  EXPECT_EQ(LiveRows(), expected_rows);
  EXPECT_EQ(Status_().rows(IndexState::kPending), 0);
  const auto report = VerifyTable(catalog_, kTable);
  EXPECT_TRUE(report.ok() && report->findings.empty());
}

TEST_F(DeferredIndexesWithDeletes, ADamagedDeleteFileKeepsOnlyItsOwnFileWaiting) {
  Append(600, 1);
  Append(700, 2);
  const iceberg::DataFile deletes = Write(600, {1, 2});
  const std::string path = store_->PathOf(deletes.file_path).ValueOrDie();
  Commit(deletes);
  const auto bytes = store_->Read(path).ValueOrDie();
  const std::string whole(reinterpret_cast<const char*>(bytes->bytes().data()), bytes->size());
  ASSERT_TRUE(store_->Put(path, whole.substr(0, whole.size() / 2)).ok());
  const auto result = Build();
  EXPECT_EQ(result.files, 1);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].path, store_->PathOf(LocationOf(600)).ValueOrDie());
  EXPECT_TRUE(IsKind(result.failures[0].status, ErrorKind::kCorrupt)) << result.failures[0].status;
  EXPECT_EQ(Status_().rows(IndexState::kReady), 700);

  ASSERT_TRUE(store_->Put(path, whole).ok());
  EXPECT_EQ(Build().files, 1) << "it is taken up again";
  EXPECT_EQ(LiveRows(), 1298);
}

/// Commits the rows of a plain file, with the table's field ids, as other engines write them.
class DeferredIndexesOfOthers : public DeferredIndexesWithDeletes {
 protected:
  void CommitTheirs(const arrow::RecordBatch& batch, const EmbeddingsView& vectors) {
    ASSERT_TRUE(AilakeFileWriter(store_, PolicyOf(kDim))
                    .WriteParquetOnly("ours", batch, vectors)
                    .ok());
    const auto rows = AilakeFileReader::Open(store_, "ours").ValueOrDie()->ReadAll({}).ValueOrDie();
    const auto state = catalog_->LoadTable(kTable).ValueOrDie();
    const auto schema = ToArrowSchema(state.metadata->CurrentSchema()).ValueOrDie();
    const auto named =
        arrow::Table::Make(schema->WithMetadata(nullptr), rows->columns(), rows->num_rows());
    auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    ASSERT_TRUE(parquet::arrow::WriteTable(*named, arrow::default_memory_pool(), out, 100).ok());
    const std::string bytes = out->Finish().ValueOrDie()->ToString();
    iceberg::DataFile file;
    const std::string path = "warehouse/db/t/data/theirs-" + NewUuid4() + ".parquet";
    ASSERT_TRUE(store_->Put(path, bytes).ok());
    file.file_path = store_->UriOf(path);
    file.record_count = rows->num_rows();
    file.file_size_in_bytes = static_cast<int64_t>(bytes.size());
    AppendCommit append;
    append.files.push_back(file);
    const auto done = CommitAppend(*catalog_, kTable, append);
    ASSERT_TRUE(done.ok()) << done.status();
  }
};

TEST_F(DeferredIndexesOfOthers, AreBuiltIntoFilesThatAnotherEngineWrote) {
  Append(500, 1);
  CommitTheirs(*MakeRows(800), RandomVectors(800, kDim, 9, 2));
  Delete(800, {3, 4, 799});
  const auto ids = LiveIds();
  const std::string rows = AllRows();
  EXPECT_EQ(Status_().rows(IndexState::kPending), 1300);
  EXPECT_EQ(Build().files, 2);
  EXPECT_EQ(Indexes(), (std::map<int64_t, std::optional<IndexType>>{{500, IndexType::kHnsw},
                                                                   {800, IndexType::kHnsw}}));
  EXPECT_EQ(LiveIds(), ids);
  EXPECT_EQ(AllRows(), rows);
  const auto report = VerifyTable(catalog_, kTable).ValueOrDie();
  for (const auto& finding : report.findings) ADD_FAILURE() << finding.path << ": " << finding.message;
}

TEST_F(DeferredIndexes, OfARenamedColumnAreBuiltInItsOldFiles) {
  Append(600, 1);
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {RenameColumn{"embedding", "meaning"}}).ok());
  auto writer = NewWriter();
  StageIvf(*writer, 800, 2);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(Build().files, 2);
  const auto status = Status_();
  EXPECT_EQ(status.rows(IndexState::kReady), 1400);
  for (const auto& column : status.columns) EXPECT_EQ(column.column, "meaning");
}

TEST_F(DeferredIndexes, AColumnThatWasDroppedGetsNoneForAnotherOfItsName) {
  Append(600, 1);
  VectorStoragePolicy other = PolicyOf(kDim);
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {AddVectorColumn{[&] {
                VectorStoragePolicy second = other;
                second.column_name = "second";
                return second;
              }()}})
                  .ok());
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {DropColumn{"embedding"}}).ok());
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {RenameColumn{"second", "embedding"}}).ok());
  EXPECT_TRUE(Status_().columns.empty());
  EXPECT_EQ(Build().files, 0);
}

TEST_F(DeferredIndexes, ABuildThatIsStoppedLeavesTheFileAsItIs) {
  Append(600, 1);
  std::atomic<bool> stop{true};
  TableIndexer indexer(catalog_, kTable, {.threads = 1, .stop = &stop});
  EXPECT_TRUE(IsKind(indexer.BuildNext().status(), ErrorKind::kCancelled));
  EXPECT_EQ(Status_().rows(IndexState::kPending), 600);
  EXPECT_EQ(DataFiles(), 1u);
  stop = false;
  ASSERT_TRUE(*indexer.BuildNext());
  ASSERT_TRUE(indexer.Commit().ok());
  EXPECT_EQ(Status_().rows(IndexState::kReady), 600);
}

/// A catalog whose commits fail, while told to, as if others had always been first.
class RefusingCatalog : public CatalogProvider {
 public:
  explicit RefusingCatalog(std::shared_ptr<CatalogProvider> inner)
      : CatalogProvider(inner->shared_store()), inner_(std::move(inner)) {}
  bool refuses = false;

  Result<TableState> LoadTable(const TableIdent& table) override {
    return inner_->LoadTable(table);
  }
  Result<bool> TableExists(const TableIdent& table) override { return inner_->TableExists(table); }
  Result<std::vector<TableIdent>> ListTables() override { return inner_->ListTables(); }
  Result<TableState> CreateTable(const TableIdent& table,
                                 const TableProperties& properties) override {
    return inner_->CreateTable(table, properties);
  }
  Result<TableState> CreateTable(const TableIdent& table, const TableProperties& properties,
                                 const iceberg::Schema& schema) override {
    return inner_->CreateTable(table, properties, schema);
  }
  Status DropTable(const TableIdent& table) override { return inner_->DropTable(table); }
  Result<TableState> CommitTable(const TableState& base,
                                 const std::vector<iceberg::TableRequirement>& requirements,
                                 const std::vector<iceberg::TableUpdate>& updates) override {
    if (refuses) return Error(ErrorKind::kValidationFailed, "another was first");
    return inner_->CommitTable(base, requirements, updates);
  }

 private:
  std::shared_ptr<CatalogProvider> inner_;
};

TEST_F(DeferredIndexes, WhatWasBuiltIsKeptWhenItsCommitIsLostForCertain) {
  Append(600, 1);
  auto refusing = std::make_shared<RefusingCatalog>(catalog_);
  {
    TableIndexer indexer(refusing, kTable, {.threads = 1});
    ASSERT_TRUE(*indexer.BuildNext());
    refusing->refuses = true;
    EXPECT_TRUE(IsKind(indexer.Commit(), ErrorKind::kValidationFailed));
    EXPECT_EQ(indexer.built(), 1u);
    refusing->refuses = false;
    EXPECT_TRUE(indexer.Commit().ok());
    EXPECT_EQ(Status_().rows(IndexState::kReady), 600);
  }
  Append(700, 2);
  {
    TableIndexer indexer(refusing, kTable, {.threads = 1});
    ASSERT_TRUE(*indexer.BuildNext());
    refusing->refuses = true;
    EXPECT_FALSE(indexer.Commit().ok());
  }
  EXPECT_EQ(DataFiles(), 3u) << "two old files and one with an index; what was given up is deleted";
}

TEST_F(DeferredIndexes, WhatWasBuiltAndNeverCommittedIsDeleted) {
  Append(600, 1);
  {
    TableIndexer indexer(catalog_, kTable, {.threads = 1});
    ASSERT_TRUE(*indexer.BuildNext());
    EXPECT_EQ(DataFiles(), 2u);
  }
  EXPECT_EQ(DataFiles(), 1u);
}

TEST(AWantedIndex, ComesBackFromTheFooterAsItWasWritten) {
  IvfPqConfig config;
  config.nlist = 7;
  config.m = 3;
  config.bits = 8;
  config.residual = false;
  config.seed = 9;
  config.nprobe = 2;
  const auto wanted = WantedIndex::Parse(WantedIndex{IndexType::kIvfPq, config}.ToFooter());
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(wanted->type, IndexType::kIvfPq);
  EXPECT_EQ(wanted->ivf_pq, config);
  EXPECT_EQ(WantedIndex::Parse(WantedIndex{}.ToFooter())->type, std::nullopt);
  for (const char* bad : {"", "{}", "[]", "7", R"({"type":7})", R"({"type":"tree"})"}) {
    EXPECT_FALSE(WantedIndex::Parse(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace tarn
