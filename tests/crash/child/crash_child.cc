// SPDX-License-Identifier: Apache-2.0
//
// The process that test_kill.py kills, and of which test_race.py runs several. It writes to a table
// in every way there is and says on standard output what it is about to commit, and what was
// acknowledged:
//
//   try FIRST ROWS     the ids FIRST .. FIRST + ROWS - 1 are about to be committed, all or none
//   ack FIRST ROWS     they are
//   try-delete FIRST [ROWS]   they are about to be deleted, those that are there, all or none
//   ack-delete FIRST [ROWS]   they are
//   done               nothing is left to do
//
//   crash_child --points              the names of all crash points
//   crash_child CATALOG write SERIES   ids from SERIES * 1,000,000 on
//   crash_child CATALOG append SERIES COMMITS   so many commits of 2 rows each, by one writer
//   crash_child CATALOG stream SERIES BATCHES [lossy], CATALOG resend FIRST ROWS, CATALOG recover:
//   stream_child.h
//   crash_child FOLDER write-log POLICY ROUNDS, FOLDER check-log COVERED   a log: wal_child.h
//   crash_child CATALOG check          prints "id ID" for every live row, "finding ..." for every
//   fault
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>

#include "arrow/api.h"
#include "arrow/compute/expression.h"
#include "base/crash_point.h"
#include "base/random_id.h"
#include "catalog/commit_attempt.h"
#include "iceberg/location.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "stream_child.h"
#include "table/indexing/position_delete_file.h"
#include "tarn/delete_rows.h"
#include "tarn/indexing.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"
#include "wal_child.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
const TableIdent kTable{{"db"}, "t"};

void Say(const std::string& line) {
  const std::string text = line + "\n";
  // One write: a kill leaves whole lines.
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::abort();
}

void Check(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << std::endl;
  std::exit(1);
}
template <class T>
T Check(Result<T> result) {
  Check(result.status());
  return std::move(result).ValueUnsafe();
}

/// Rows with consecutive ids.
struct Rows {
  int64_t first;
  std::shared_ptr<arrow::RecordBatch> batch;
  std::shared_ptr<arrow::Array> lists;
  EmbeddingsView vectors;

  Rows(int64_t first_id, int64_t count, size_t text_bytes = 20) : first(first_id) {
    std::mt19937 random(static_cast<uint32_t>(first_id));
    arrow::Int64Builder ids;
    arrow::StringBuilder texts;
    auto values = std::make_shared<arrow::FloatBuilder>();
    arrow::ListBuilder rows(arrow::default_memory_pool(), values);
    for (int64_t i = 0; i < count; ++i) {
      Check(ids.Append(first + i));
      std::string text;
      for (size_t c = 0; c < text_bytes; ++c) text += static_cast<char>('!' + random() % 90);
      Check(texts.Append(text));
      Check(rows.Append());
      for (int d = 0; d < 4; ++d) Check(values->Append(static_cast<float>(random() % 1000) + 1));
    }
    batch = arrow::RecordBatch::Make(
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())}),
        count, {Check(ids.Finish()), Check(texts.Finish())});
    lists = Check(rows.Finish());
    vectors = Check(EmbeddingsView::FromArrow(lists, 4));
  }
  std::string Range() const {
    return std::to_string(first) + " " + std::to_string(batch->num_rows());
  }
};

class Workload {
 public:
  Workload(std::shared_ptr<CatalogProvider> catalog, int64_t series)
      : catalog_(std::move(catalog)), next_(series * 1'000'000) {
    VectorStoragePolicy policy;
    policy.column_name = "embedding";
    policy.dim = 4;
    properties_ = TableProperties(policy, {{"commit.manifest.min-count-to-merge", "3"},
                                           {"write.metadata.previous-versions-max", "2"},
                                           {"tarn.index.min-rows", "10"}});
  }

  /// The table has the settings that tables have by default.
  void AppendMany(int64_t commits) {
    auto writer = Check(TableWriter::CreateOrOpen(
        catalog_, kTable, TableProperties(properties_.vectors[0]), {.index = std::nullopt}));
    for (int64_t i = 0; i < commits; ++i) {
      const Rows rows = Take(2);
      Check(writer->WriteBatch(*rows.batch, rows.vectors));
      Commit(*writer, {&rows});
    }
    Say("done");
  }

  void Run() {
    Append(200, 2000);
    RaceForTheFirstCodebook();
    Defer();
    RaceForAnId();
    DeleteSome();
    DeleteByPredicate();
    for (int i = 0; i < 4; ++i) Append(5, 20);
    BuildAll();
    Overwrite();
    Defer();
    DeleteSome();
    BuildAll();
    Say("done");
  }

 private:
  std::unique_ptr<TableWriter> Writer() {
    return Check(TableWriter::CreateOrOpen(
        catalog_, kTable, properties_,
        {.index = IndexType::kFlat, .threads = 1, .index_in_background = false}));
  }
  Rows Take(int64_t count, size_t text_bytes = 20) {
    Rows rows(next_, count, text_bytes);
    next_ += count;
    return rows;
  }
  static void Commit(TableWriter& writer, const std::vector<const Rows*>& batches) {
    for (const Rows* rows : batches) Say("try " + rows->Range());
    Check(writer.Commit());
    for (const Rows* rows : batches) Say("ack " + rows->Range());
  }

  void Append(int64_t count, size_t text_bytes) {
    const Rows rows = Take(count, text_bytes);
    auto writer = Writer();
    Check(writer->WriteBatch(*rows.batch, rows.vectors));
    Commit(*writer, {&rows});
  }
  void RaceForTheFirstCodebook() {
    const Rows a = Take(60), b = Take(60);
    auto slow = Writer();
    auto fast = Writer();
    Check(slow->WriteBatchIvfPq(*a.batch, a.vectors));
    Check(fast->WriteBatchIvfPq(*b.batch, b.vectors));
    Commit(*fast, {&b});
    Commit(*slow, {&a});
  }
  void RaceForAnId() {
    const Rows same = Take(7), other = Take(8);
    const std::string id = "batch of " + std::to_string(same.first);
    auto slow = Writer();
    auto fast = Writer();
    Check(slow->WriteBatchIdempotent(*same.batch, same.vectors, id));
    Check(slow->WriteBatch(*other.batch, other.vectors));
    Check(fast->WriteBatchIdempotent(*same.batch, same.vectors, id));
    Commit(*fast, {&same});
    Commit(*slow, {&other});
  }
  void Defer() {
    const Rows a = Take(50), b = Take(30);
    auto writer = Writer();
    Check(writer->WriteBatchDeferred(*a.batch, a.vectors));
    Check(writer->WriteBatchIvfPqDeferred(*b.batch, b.vectors));
    Commit(*writer, {&a, &b});
    deletable_ = a.first;
  }
  /// Deletes the third row of the last deferred batch by position.
  void DeleteSome() {
    const auto state = Check(catalog_->LoadTable(kTable));
    const auto live =
        Check(iceberg::ReadLiveFiles(catalog_->store(), *state.metadata->CurrentSnapshot()));
    for (const auto& entry : live.data) {
      if (entry.data_file.record_count != 50) continue;
      const auto lower = entry.data_file.lower_bounds.find(1);
      int64_t first = -1;
      if (lower != entry.data_file.lower_bounds.end() && lower->second.size() == 8) {
        std::memcpy(&first, lower->second.data(), 8);
      }
      if (first != deletable_) continue;
      const std::string location =
          iceberg::DataFileLocation(*state.metadata, NewUuid4() + "-deletes.parquet");
      const auto file = Check(WritePositionDeletes(catalog_->shared_store(),
                                                   Check(catalog_->store().PathOf(location)),
                                                   location, entry.data_file.file_path, {2}));
      Say("try-delete " + std::to_string(first + 2));
      CommitAttempt attempt(*catalog_, kTable, [&](const TableState&) -> Result<CommitPlan> {
        CommitPlan plan;
        plan.snapshot.emplace();
        plan.snapshot->operation = iceberg::operation::kDelete;
        plan.snapshot->added.push_back({file, std::nullopt});
        return plan;
      });
      Check(attempt.Commit());
      Say("ack-delete " + std::to_string(first + 2));
      return;
    }
    Check(Error(ErrorKind::kNotFound, "no file to delete from"));
  }
  static cp::Expression Between(int64_t first, int64_t rows) {
    return cp::and_(cp::greater_equal(cp::field_ref("id"), cp::literal(first)),
                    cp::less(cp::field_ref("id"), cp::literal(first + rows)));
  }
  /// The last 5 rows of a file and the whole of the next.
  void DeleteByPredicate() {
    const Rows a = Take(12), b = Take(9);
    auto writer = Writer();
    Check(writer->WriteBatch(*a.batch, a.vectors));
    Check(writer->WriteBatch(*b.batch, b.vectors));
    Commit(*writer, {&a, &b});
    const std::string range = std::to_string(b.first - 5) + " 14";
    Say("try-delete " + range);
    const auto done = Check(DeleteRows(catalog_, kTable, Between(b.first - 5, 14)));
    if (done.rows != 14 || done.removed_files != 1) Check(Error(ErrorKind::kCorrupt, "miscounted"));
    Say("ack-delete " + range);
  }
  /// A stream in place of some rows that were committed before it.
  void Overwrite() {
    const Rows old = Take(20), fresh = Take(15);
    auto writer = Writer();
    Check(writer->WriteBatch(*old.batch, old.vectors));
    Commit(*writer, {&old});
    const auto with_vectors = Check(fresh.batch->AddColumn(2, "embedding", fresh.lists));
    const auto stream = Check(arrow::RecordBatchReader::Make({with_vectors}));
    Check(writer->WriteStream(*stream));
    const std::string gone = std::to_string(old.first + 10) + " 10";
    Say("try-delete " + gone);
    Say("try " + fresh.Range());
    Check(writer->CommitOverwrite(Between(old.first + 10, 25)));
    Say("ack " + fresh.Range());
    Say("ack-delete " + gone);
  }
  void BuildAll() {
    const auto built = Check(BuildIndexes(catalog_, kTable, {.threads = 1}));
    for (const auto& failure : built.failures) Check(failure.status);
  }

  std::shared_ptr<CatalogProvider> catalog_;
  int64_t next_;
  int64_t deletable_ = 0;
  TableProperties properties_;
};

/// Every live row, and everything that is wrong with the table.
void PrintTable(const std::shared_ptr<CatalogProvider>& catalog) {
  if (!Check(catalog->TableExists(kTable))) return;
  const auto view = ReadView::Open(catalog, kTable);
  // Killed while the table was being made: there is none yet.
  if (!view.ok() && IsKind(view.status(), ErrorKind::kNotFound)) return;
  const auto opened = Check(view);
  // Without a first commit there are no columns yet.
  const auto scan = opened->snapshot() == 0 ? nullptr : Check(opened->Scan({"id"}));
  while (scan != nullptr) {
    std::shared_ptr<arrow::RecordBatch> batch;
    Check(scan->ReadNext(&batch));
    if (batch == nullptr) break;
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (int64_t i = 0; i < ids.length(); ++i) Say("id " + std::to_string(ids.Value(i)));
  }
  const auto report = Check(VerifyTable(catalog, kTable));
  for (const auto& finding : report.findings)
    Say("finding " + finding.path + ": " + finding.message);
  Say("checked");
}

int Main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() == 1 && args[0] == "--points") {
    for (const auto& name : CrashPoint::Names()) Say(name);
    return 0;
  }
  if (args.size() < 2) {
    std::cerr
        << "usage: crash_child --points | CATALOG write SERIES | CATALOG append SERIES COMMITS | "
           "CATALOG check\n";
    return 2;
  }
  if (args[1] == "write-log" && args.size() == 4) {
    Check(WriteLog(args[0], args[2], std::atoll(args[3].c_str())));
    return 0;
  }
  if (args[1] == "check-log" && args.size() == 3) {
    Check(CheckLog(args[0], std::strtoull(args[2].c_str(), nullptr, 10)));
    return 0;
  }
  if (args[1] == "stream" && args.size() >= 4) {
    Check(
        Stream(args[0], std::atoll(args[2].c_str()), std::atoll(args[3].c_str()), args.size() > 4));
    return 0;
  }
  if (args[1] == "resend" && args.size() == 4) {
    Check(Resend(args[0], std::atoll(args[2].c_str()), std::atoll(args[3].c_str())));
    return 0;
  }
  if (args[1] == "recover") {
    Check(Recover(args[0]));
    return 0;
  }
  const auto catalog = Check(OpenCatalog(args[0], {.durable = false}));
  if (args[1] == "check") {
    PrintTable(catalog);
  } else if (args[1] == "append" && args.size() == 4) {
    Workload(catalog, std::atoll(args[2].c_str())).AppendMany(std::atoll(args[3].c_str()));
  } else {
    Workload(catalog, args.size() > 2 ? std::atoll(args[2].c_str()) : 1).Run();
  }
  return 0;
}

}  // namespace
}  // namespace tarn

int main(int argc, char** argv) { return tarn::Main(argc, argv); }
