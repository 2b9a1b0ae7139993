// SPDX-License-Identifier: Apache-2.0
//
// Random operations on a table and on a model of it, in every kind of catalog, with a store that
// fails now and then. Whatever happened, both must hold the same rows. TARN_MODEL_STEPS makes it
// longer; the seed is printed.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>

#include "arrow/api.h"
#include "arrow/compute/expression.h"
#include "base/random_id.h"
#include "catalog/commit_attempt.h"
#include "gtest/gtest.h"
#include "iceberg/location.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "table/indexing/position_delete_file.h"
#include "tarn/alter_table.h"
#include "tarn/delete_rows.h"
#include "tarn/indexing.h"
#include "tarn/maintenance.h"
#include "tarn/predicate.h"
#include "tarn/read_view.h"
#include "tarn/search_session.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"
#include "tests/model/model_predicate.h"
#include "tests/model/model_world.h"
#include "tests/model/table_model.h"

namespace tarn {
namespace {

const TableIdent kTable{{"db"}, "t"};

/// The real table beside its model. Every operation is tried, healed and settled: when it returns,
/// the model says what the table must be.
class Pair {
 public:
  Pair(ModelWorld::Kind kind, uint64_t seed) : world_(kind), store_(world_.store()), random_(seed) {
    catalog_ = NewCatalog();
    VectorStoragePolicy policy;
    policy.column_name = "embedding";
    policy.dim = TableModel::kDim;
    policy.metric = VectorMetric::kEuclidean;
    EXPECT_TRUE(catalog_
                    ->CreateTable(kTable, TableProperties(
                                              policy, {{"commit.manifest.min-count-to-merge", "4"},
                                                       {"write.target-file-size-bytes", "1000"},
                                                       {"tarn.index.min-rows", "8"}}))
                    .ok());
    model_.columns = {{0, "c0", false}, {1, "c1", false}};
    model_.next_column = 2;
    Append();
  }

  void Step() {
    struct Choice {
      int weight;
      const char* name;
      void (Pair::*run)();
    };
    static constexpr Choice kChoices[] = {
        {6, "append", &Pair::Append},         {4, "idempotent", &Pair::AppendOnce},
        {3, "stream", &Pair::Stream},         {4, "overwrite", &Pair::Overwrite},
        {2, "positions", &Pair::Delete},      {5, "delete", &Pair::DeleteWhere},
        {3, "index", &Pair::BuildIndexes_},   {2, "expire", &Pair::Expire},
        {1, "orphans", &Pair::Orphans},       {3, "alter", &Pair::Alter},
        {3, "travel", &Pair::Travel},         {1, "rollback", &Pair::Rollback},
        {2, "fresh catalog", &Pair::Restart}, {3, "search", &Pair::Search},
    };
    int total = 0;
    for (const auto& choice : kChoices) total += choice.weight;
    int pick = static_cast<int>(Draw(static_cast<uint64_t>(total)));
    for (const auto& choice : kChoices) {
      pick -= choice.weight;
      if (pick >= 0) continue;
      last_ = choice.name;
      (this->*choice.run)();
      return;
    }
  }

  /// Every row with every value, as a catalog without any memory sees them.
  void Compare() {
    const auto catalog = NewCatalog();
    const auto view = ReadView::Open(catalog, kTable);
    ASSERT_TRUE(view.ok()) << view.status();
    const auto reader = (*view)->Scan({});
    ASSERT_TRUE(reader.ok()) << reader.status();
    const auto table = (*reader)->ToTable();
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_EQ((*table)->num_rows(), static_cast<int64_t>(model_.rows.size())) << "after " << last_;
    ASSERT_EQ(model_.ToText(**table), model_.ToText(model_.rows)) << "after " << last_;
  }
  void Verify() {
    const auto report = VerifyTable(NewCatalog(), kTable);
    ASSERT_TRUE(report.ok()) << report.status();
    for (const auto& finding : report->findings) {
      ADD_FAILURE() << finding.path << ": " << finding.message << ", after " << last_;
    }
  }
  int64_t faults() const { return store_->faults_fired(); }

 private:
  uint64_t Draw(uint64_t below) { return random_() % below; }

  std::shared_ptr<CatalogProvider> NewCatalog() { return world_.NewCatalog(); }

  /// A third of the operations meet a fault somewhere.
  void MayFail() {
    if (Draw(3) != 0) return;
    static constexpr FaultKind kKinds[] = {FaultKind::kFail, FaultKind::kLoseReply,
                                           FaultKind::kTear};
    store_->Add({.kind = kKinds[Draw(3)], .nth = static_cast<int64_t>(1 + Draw(25))});
  }
  void Heal() { store_->Heal(); }

  TableState Load() { return catalog_->LoadTable(kTable).ValueOrDie(); }
  void Remember() {
    std::set<int64_t> ids;
    for (const auto& [id, row] : model_.rows) ids.insert(id);
    model_.history[Load().metadata->current_snapshot_id] = std::move(ids);
  }

  TableWriter& Writer() {
    if (writer_ == nullptr || Draw(3) == 0) {
      TableWriterOptions options;
      options.index = Draw(2) == 0 ? IndexType::kFlat : IndexType::kHnsw;
      options.threads = 1;
      options.index_in_background = false;
      options.deferred = Draw(2) == 0;
      writer_ = TableWriter::Make(catalog_, kTable, options).ValueOrDie();
    }
    return *writer_;
  }
  /// Commits until the outcome is known, and it is known to have happened.
  void CommitSurely(TableWriter& writer) {
    Result<SnapshotId> done = writer.Commit();
    Heal();
    for (int i = 0; i < 5 && !done.ok(); ++i) done = writer.Commit();
    ASSERT_TRUE(done.ok()) << done.status();
  }

  void Append() {
    auto& writer = Writer();
    std::vector<TableModel::Batch> staged;
    MayFail();
    for (uint64_t i = 0; i <= Draw(3); ++i) {
      auto batch = model_.NewBatch(static_cast<int64_t>(1 + Draw(30)));
      if (writer.WriteBatch(*batch.batch, batch.vectors).ok()) staged.push_back(std::move(batch));
    }
    CommitSurely(writer);
    for (auto& batch : staged) model_.rows.merge(batch.rows);
    Remember();
  }

  /// Several batches as one stream, which is cut into files of its own.
  void Stream() {
    auto& writer = Writer();
    std::vector<TableModel::Batch> parts;
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    for (uint64_t i = 0; i <= Draw(4); ++i) {
      parts.push_back(model_.NewBatch(static_cast<int64_t>(1 + Draw(25))));
      batches.push_back(parts.back().whole);
    }
    const auto stream = arrow::RecordBatchReader::Make(batches).ValueOrDie();
    MayFail();
    const auto staged = writer.WriteStream(*stream);
    CommitSurely(writer);
    if (staged.ok()) {
      for (auto& part : parts) model_.rows.merge(part.rows);
    }
    Remember();
  }

  /// Rows come in place of those that match; they stay themselves, whether they match or not.
  void Overwrite() {
    const auto predicate = RandomPredicate(model_, random_);
    SCOPED_TRACE(predicate.text);
    last_ += " " + predicate.text;
    const auto gone = predicate.Matches(model_.rows);
    const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
    const auto parsed = ParsePredicate(predicate.text, *view->schema());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    auto& writer = Writer();
    std::vector<TableModel::Batch> staged;
    MayFail();
    for (uint64_t i = Draw(3); i > 0; --i) {
      auto batch = model_.NewBatch(static_cast<int64_t>(1 + Draw(20)));
      if (writer.WriteBatch(*batch.batch, batch.vectors).ok()) staged.push_back(std::move(batch));
    }
    auto done = writer.CommitOverwrite(*parsed);
    Heal();
    for (int i = 0; i < 5 && !done.ok(); ++i) done = writer.CommitOverwrite(*parsed);
    ASSERT_TRUE(done.ok()) << done.status();
    for (const int64_t id : gone) model_.rows.erase(id);
    for (auto& batch : staged) model_.rows.merge(batch.rows);
    Remember();
  }

  void AppendOnce() {
    auto& writer = Writer();
    // Sometimes one that was sent before.
    const std::string id = "p" + std::to_string(Draw(2)) + ":" + std::to_string(Draw(40));
    auto batch = model_.NewBatch(static_cast<int64_t>(1 + Draw(10)));
    MayFail();
    Result<bool> staged = writer.WriteBatchIdempotent(*batch.batch, batch.vectors, id);
    if (!staged.ok()) {
      Heal();
      staged = writer.WriteBatchIdempotent(*batch.batch, batch.vectors, id);
      ASSERT_TRUE(staged.ok()) << staged.status();
    }
    ASSERT_EQ(*staged, model_.batch_ids.count(id) == 0) << id;
    CommitSurely(writer);
    if (*staged) {
      model_.batch_ids.insert(id);
      model_.rows.merge(batch.rows);
    }
    Remember();
  }

  /// Positions of some live rows of one file are deleted.
  void Delete() {
    const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
    if (view->files().empty()) return;
    const size_t file = Draw(view->files().size());
    const auto reader = view->OpenFile(file).ValueOrDie();
    const auto table = reader->ReadAll({"id"}).ValueOrDie()->CombineChunksToBatch().ValueOrDie();
    const auto& ids = static_cast<const arrow::Int64Array&>(*table->column(0));
    std::vector<int64_t> positions;
    std::set<int64_t> gone;
    for (int64_t i = 0; i < ids.length(); ++i) {
      if (Draw(6) != 0) continue;
      positions.push_back(i);
      gone.insert(ids.Value(i));
    }
    if (positions.empty()) return;
    const auto state = Load();
    const auto live = iceberg::ReadLiveFiles(*store_, *state.metadata->CurrentSnapshot());
    const auto entry = std::find_if(live->data.begin(), live->data.end(), [&](const auto& e) {
      return store_->PathOf(e.data_file.file_path).ValueOrDie() == view->files()[file].path;
    });
    const std::string location =
        iceberg::DataFileLocation(*state.metadata, NewUuid4() + "-deletes.parquet");
    const auto deletes = WritePositionDeletes(store_, store_->PathOf(location).ValueOrDie(),
                                              location, entry->data_file.file_path, positions);
    ASSERT_TRUE(deletes.ok()) << deletes.status();
    CommitAttempt attempt(*catalog_, kTable, [&](const TableState&) -> Result<CommitPlan> {
      CommitPlan plan;
      plan.snapshot.emplace();
      plan.snapshot->operation = iceberg::operation::kDelete;
      plan.snapshot->added.push_back({*deletes, std::nullopt});
      return plan;
    });
    MayFail();
    auto done = attempt.Commit();
    Heal();
    for (int i = 0; i < 5 && !done.ok(); ++i) done = attempt.Commit();
    ASSERT_TRUE(done.ok()) << done.status();
    for (const int64_t id : gone) model_.rows.erase(id);
    Remember();
  }

  /// The rows of a predicate are deleted, however often it has to be said.
  void DeleteWhere() {
    const auto predicate = RandomPredicate(model_, random_);
    SCOPED_TRACE(predicate.text);
    last_ += " " + predicate.text;
    const auto gone = predicate.Matches(model_.rows);
    const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
    const auto parsed = ParsePredicate(predicate.text, *view->schema());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    MayFail();
    auto done = DeleteRows(catalog_, kTable, *parsed);
    Heal();
    if (done.ok()) {
      ASSERT_EQ(done->rows, static_cast<int64_t>(gone.size()));
    }
    for (int i = 0; i < 5 && !done.ok(); ++i) done = DeleteRows(catalog_, kTable, *parsed);
    ASSERT_TRUE(done.ok()) << done.status();
    for (const int64_t id : gone) model_.rows.erase(id);
    Remember();
  }

  void BuildIndexes_() {
    MayFail();
    (void)BuildIndexes(catalog_, kTable, {.threads = 1, .small_files = Draw(2) == 0});
    Heal();
    Remember();
  }

  void Expire() {
    MayFail();
    ExpireOptions options;
    options.older_than_ms = INT64_MAX;
    options.retain_last = static_cast<int32_t>(1 + Draw(4));
    (void)ExpireSnapshots(*catalog_, kTable, options);
    Heal();
    const auto state = Load();
    std::erase_if(model_.history, [&](const auto& entry) {
      return state.metadata->FindSnapshot(entry.first) == nullptr;
    });
  }

  void Orphans() {
    // What a writer has staged and not committed would go too.
    writer_.reset();
    MayFail();
    (void)RemoveOrphans(
        *catalog_, kTable,
        {.older_than = std::chrono::milliseconds(0), .force = true, .dry_run = false});
    Heal();
  }

  void Alter() {
    std::vector<TableChange> changes;
    std::vector<ModelColumn> columns = model_.columns;
    const size_t pick = columns.empty() ? 0 : Draw(columns.size());
    switch (columns.empty() ? 0 : Draw(4)) {
      case 0: {
        const ModelColumn added{model_.next_column++, "c" + std::to_string(model_.next_column),
                                false};
        changes.push_back(AddColumn{added.name, arrow::int32()});
        columns.push_back(added);
        break;
      }
      case 1:
        changes.push_back(DropColumn{columns[pick].name});
        columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(pick));
        break;
      case 2: {
        const std::string name = "n" + std::to_string(model_.next_column++);
        changes.push_back(RenameColumn{columns[pick].name, name});
        columns[pick].name = name;
        break;
      }
      default:
        if (columns[pick].wide) return;
        changes.push_back(WidenColumn{columns[pick].name, arrow::int64()});
        columns[pick].wide = true;
    }
    MayFail();
    auto altered = AlterTable(*catalog_, kTable, changes);
    Heal();
    // A change whose reply was lost fails when it is made again: its column is there, or gone.
    if (!altered.ok()) (void)AlterTable(*catalog_, kTable, changes);
    model_.columns = std::move(columns);
  }

  /// Some snapshot that is still there holds the rows that it held.
  void Travel() {
    if (model_.history.empty()) return;
    auto past =
        std::next(model_.history.begin(), static_cast<std::ptrdiff_t>(Draw(model_.history.size())));
    const auto view = ReadView::Open(catalog_, kTable, nullptr, AsOf(past->first));
    ASSERT_TRUE(view.ok()) << view.status();
    const auto table = (*view)->Scan({"id"}).ValueOrDie()->ToTable();
    ASSERT_TRUE(table.ok()) << table.status();
    const auto batch = (*table)->CombineChunksToBatch().ValueOrDie();
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    std::set<int64_t> found;
    for (int64_t i = 0; i < ids.length(); ++i) found.insert(ids.Value(i));
    ASSERT_EQ(found.size(), static_cast<size_t>(ids.length()));
    ASSERT_EQ(found, past->second) << "snapshot " << past->first;
  }

  void Rollback() {
    const auto state = Load();
    const auto* current = state.metadata->CurrentSnapshot();
    if (current == nullptr || !current->parent_id) return;
    const auto past = model_.history.find(*current->parent_id);
    if (past == model_.history.end()) return;
    // What a writer holds may rest on what is taken back.
    writer_.reset();
    MayFail();
    auto done = RollbackTo(*catalog_, kTable, past->first);
    Heal();
    if (Load().metadata->current_snapshot_id != past->first) {
      done = RollbackTo(*catalog_, kTable, past->first);
      ASSERT_TRUE(done.ok()) << done.status();
    }
    // Rows that come back are those of the present ones, or of rows that were deleted since.
    TableModel::Rows rows;
    for (const int64_t id : past->second) {
      const auto now = model_.rows.find(id);
      rows[id] = now != model_.rows.end() ? now->second : deleted_[id];
    }
    model_.rows = std::move(rows);
  }

  void Restart() {
    writer_.reset();
    catalog_ = NewCatalog();
  }

  void Search() {
    const auto session = SearchSession::Open(catalog_, kTable);
    ASSERT_TRUE(session.ok()) << session.status();
    const auto query = TableModel::VectorOf(static_cast<int64_t>(1'000'000 + Draw(1000)));
    std::vector<float> expected;
    for (const auto& [id, row] : model_.rows) {
      float sum = 0;
      const auto vector = TableModel::VectorOf(id);
      for (size_t d = 0; d < vector.size(); ++d) {
        sum += (vector[d] - query[d]) * (vector[d] - query[d]);
      }
      expected.push_back(std::sqrt(sum));
    }
    std::sort(expected.begin(), expected.end());
    expected.resize(std::min<size_t>(expected.size(), 5));
    SearchRequest request;
    request.k = 5;
    request.exact = true;
    const auto hits = (*session)->SearchHits(query, request);
    ASSERT_TRUE(hits.ok()) << hits.status();
    ASSERT_EQ(hits->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR((*hits)[i].distance, expected[i], 1e-3f * (1 + expected[i]));
    }
  }

 public:
  /// Rows that were deleted, so that a rollback can bring them back.
  void NoteDeleted(const TableModel::Rows& before) {
    for (const auto& [id, row] : before) deleted_.emplace(id, row);
  }
  const TableModel& model() const { return model_; }

 private:
  ModelWorld world_;
  std::shared_ptr<FaultStore> store_;
  std::shared_ptr<CatalogProvider> catalog_;
  std::mt19937_64 random_;
  TableModel model_;
  TableModel::Rows deleted_;
  std::unique_ptr<TableWriter> writer_;
  std::string last_ = "the beginning";
};

int Steps() {
  const char* steps = std::getenv("TARN_MODEL_STEPS");
  return steps != nullptr ? std::max(1, std::atoi(steps)) : 250;
}

void RunModel(ModelWorld::Kind kind, uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::cout << "seed " << seed << std::endl;
  Pair pair(kind, seed);
  for (int step = 0; step < Steps() && !::testing::Test::HasFatalFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    pair.NoteDeleted(pair.model().rows);
    pair.Step();
    if (::testing::Test::HasFatalFailure()) return;
    pair.Compare();
    if (step % 25 == 0) pair.Verify();
  }
  if (!::testing::Test::HasFatalFailure()) pair.Verify();
  EXPECT_GT(pair.faults(), 0);
  std::cout << "seed " << seed << ": " << pair.model().rows.size() << " rows at the end, "
            << pair.faults() << " faults" << std::endl;
}

class ATableAndItsModel : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ATableAndItsModel, AgreeInMemory) { RunModel(ModelWorld::Kind::kMemory, GetParam()); }
TEST_P(ATableAndItsModel, AgreeInAFolder) {
  RunModel(ModelWorld::Kind::kFolder, GetParam() + 1000);
}
TEST_P(ATableAndItsModel, AgreeInADatabase) {
  RunModel(ModelWorld::Kind::kDatabase, GetParam() + 2000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ATableAndItsModel, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace tarn
