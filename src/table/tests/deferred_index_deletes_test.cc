// SPDX-License-Identifier: Apache-2.0
//
// Indexes that are built later, over rows that are deleted before and meanwhile, and into files of
// other engines.
#include <random>
#include <set>

#include "arrow/io/memory.h"
#include "base/random_id.h"
#include "catalog/append.h"
#include "catalog/commit_attempt.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "parquet/arrow/writer.h"
#include "table/indexing/position_delete_file.h"
#include "table/indexing/table_indexer.h"
#include "table/schema_arrow.h"
#include "table/tests/deferred_index_fixture.h"

namespace tarn {
namespace {

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
  TableIndexer lasting(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*lasting.BuildNext());
  ASSERT_TRUE(lasting.Commit().ok());
  EXPECT_EQ(lasting.failures().size(), 1u);
  EXPECT_EQ(lasting.committed_files(), 0);
  const auto result = Build();
  EXPECT_EQ(result.files, 1);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].path, store_->PathOf(LocationOf(600)).ValueOrDie());
  EXPECT_TRUE(IsKind(result.failures[0].status, ErrorKind::kCorrupt)) << result.failures[0].status;
  EXPECT_EQ(Status_().rows(IndexState::kReady), 700);

  ASSERT_TRUE(store_->Put(path, whole).ok());
  lasting.ForgetFailures();
  EXPECT_TRUE(*lasting.BuildNext()) << "it is taken up again";
  EXPECT_TRUE(lasting.Commit().ok());
  EXPECT_EQ(lasting.committed_files(), 1);
  EXPECT_EQ(LiveRows(), 1298);
}

/// Commits the rows of a plain file, with the table's field ids, as other engines write them.
class DeferredIndexesOfOthers : public DeferredIndexesWithDeletes {
 protected:
  void CommitTheirs(const arrow::RecordBatch& batch, const EmbeddingsView& vectors) {
    ASSERT_TRUE(
        AilakeFileWriter(store_, PolicyOf(kDim)).WriteParquetOnly("ours", batch, vectors).ok());
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
  for (const auto& finding : report.findings)
    ADD_FAILURE() << finding.path << ": " << finding.message;
}

}  // namespace
}  // namespace tarn
