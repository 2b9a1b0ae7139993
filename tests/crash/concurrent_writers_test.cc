// SPDX-License-Identifier: Apache-2.0
//
// Many writers, one table: threads over one catalog, and processes over one folder or database.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>
#include <thread>

#include "gtest/gtest.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"
#include "tests/support/sample_rows.h"

namespace tarn {
namespace {

const TableIdent kTable{{"db"}, "t"};
constexpr int kWriters = 4;
constexpr int kCommits = 8;
constexpr int64_t kRows = 5;

Status WriteMany(const std::shared_ptr<CatalogProvider>& catalog, int writer_number) {
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        TableWriter::CreateOrOpen(catalog, kTable, testing::SampleProperties()));
  for (int commit = 0; commit < kCommits; ++commit) {
    const int64_t first = (writer_number * kCommits + commit) * kRows;
    const auto vectors = testing::SampleVectors(first, kRows);
    ARROW_ASSIGN_OR_RAISE(auto view, EmbeddingsView::FromSpan(vectors, testing::kSampleDim));
    ARROW_RETURN_NOT_OK(writer->WriteBatch(*testing::SampleBatch(first, kRows), view));
    ARROW_RETURN_NOT_OK(writer->Commit());
  }
  return Status::OK();
}

void ExpectEverythingOnce(const std::shared_ptr<CatalogProvider>& catalog) {
  std::vector<int64_t> expected(kWriters * kCommits * kRows);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(testing::ReadSampleIds(catalog, kTable).ValueOrDie(), expected);
  EXPECT_EQ(DescribeTable(*catalog, kTable).ValueOrDie().snapshots.size(),
            size_t{kWriters * kCommits});
  EXPECT_TRUE(VerifyTable(catalog, kTable).ValueOrDie().findings.empty());
}

void RaceThreads(const std::shared_ptr<CatalogProvider>& catalog) {
  std::vector<Status> results(kWriters);
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i)
    threads.emplace_back([&, i] { results[i] = WriteMany(catalog, i); });
  for (auto& thread : threads) thread.join();
  for (const auto& status : results) ASSERT_TRUE(status.ok()) << status;
  ExpectEverythingOnce(catalog);
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tarn-test.XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(ConcurrentWriters, ThreadsOverMemoryLoseNothing) {
  RaceThreads(HadoopCatalog::Make(MemoryStore::Make(), "warehouse").ValueOrDie());
}

TEST(ConcurrentWriters, ThreadsOverAFolderLoseNothing) {
  TemporaryFolder folder;
  auto store = LocalStore::Make(folder.path(), {.durable = false}).ValueOrDie();
  RaceThreads(HadoopCatalog::Make(store, "warehouse").ValueOrDie());
}

/// `uri` is opened by each process for itself: nothing of the parent's is used.
void RaceProcesses(const std::string& uri) {
  std::vector<pid_t> children;
  for (int i = 0; i < kWriters; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto catalog = OpenCatalog(uri, {.durable = false});
      const Status status = catalog.ok() ? WriteMany(*catalog, i) : catalog.status();
      if (!status.ok()) fprintf(stderr, "writer %d: %s\n", i, status.ToString().c_str());
      _exit(status.ok() ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int result = 0;
    ASSERT_EQ(waitpid(child, &result, 0), child);
    EXPECT_EQ(result, 0);
  }
  ExpectEverythingOnce(OpenCatalog(uri).ValueOrDie());
}

TEST(ConcurrentWriters, ProcessesOverAFolderLoseNothing) {
  TemporaryFolder folder;
  RaceProcesses(folder.path());
}

TEST(ConcurrentWriters, ThreadsOverADatabaseLoseNothing) {
  TemporaryFolder folder;
  RaceThreads(
      OpenCatalog("sqlite:///" + folder.path() + "/c.db?warehouse=" + folder.path() + "/lake",
                  {.durable = false})
          .ValueOrDie());
}

TEST(ConcurrentWriters, ProcessesOverADatabaseLoseNothing) {
  TemporaryFolder folder;
  RaceProcesses("sqlite:///" + folder.path() + "/c.db?warehouse=" + folder.path() + "/lake");
}

TEST(ParentSnapshot, ACommitSucceedsOnlyWhileItsParentIsCurrent) {
  auto catalog = HadoopCatalog::Make(MemoryStore::Make(), "warehouse").ValueOrDie();
  auto first = TableWriter::CreateOrOpen(catalog, kTable, testing::SampleProperties()).ValueOrDie();
  auto second = TableWriter::Make(catalog, kTable).ValueOrDie();
  const auto vectors = testing::SampleVectors(0, 2 * kRows);
  const auto view = EmbeddingsView::FromSpan(vectors, testing::kSampleDim).ValueOrDie();
  first->WithParentSnapshot(SnapshotId(0));
  second->WithParentSnapshot(SnapshotId(0));
  ASSERT_TRUE(first->WriteBatch(*testing::SampleBatch(0, kRows), view.Slice(0, kRows)).ok());
  ASSERT_TRUE(
      second->WriteBatch(*testing::SampleBatch(kRows, kRows), view.Slice(kRows, kRows)).ok());
  const SnapshotId won = first->Commit().ValueOrDie();
  const auto lost = second->Commit();
  EXPECT_TRUE(IsKind(lost.status(), ErrorKind::kValidationFailed)) << lost.status();
  EXPECT_EQ(second->staged_rows(), kRows);
  // Asked for the right parent, the same staged rows go through; the first writer follows itself.
  EXPECT_GT(second->WithParentSnapshot(won).Commit().ValueOrDie(), 0);
  EXPECT_EQ(testing::ReadSampleIds(catalog, kTable).ValueOrDie().size(), size_t{2 * kRows});
}

TEST(Commit, WithoutStagedRowsMakesNoSnapshot) {
  auto catalog = HadoopCatalog::Make(MemoryStore::Make(), "warehouse").ValueOrDie();
  auto writer =
      TableWriter::CreateOrOpen(catalog, kTable, testing::SampleProperties()).ValueOrDie();
  EXPECT_EQ(writer->Commit().ValueOrDie(), 0);
  const auto vectors = testing::SampleVectors(0, kRows);
  const auto view = EmbeddingsView::FromSpan(vectors, testing::kSampleDim).ValueOrDie();
  ASSERT_TRUE(writer->WriteBatch(*testing::SampleBatch(0, kRows), view).ok());
  const SnapshotId id = writer->Commit().ValueOrDie();
  EXPECT_EQ(writer->Commit().ValueOrDie(), id);
  EXPECT_EQ(DescribeTable(*catalog, kTable).ValueOrDie().snapshots.size(), 1u);
}

TEST(Staging, AWriterThatGoesAwayTakesItsStagedFilesAlong) {
  auto store = MemoryStore::Make();
  auto catalog = HadoopCatalog::Make(store, "warehouse").ValueOrDie();
  {
    auto writer =
        TableWriter::CreateOrOpen(catalog, kTable, testing::SampleProperties()).ValueOrDie();
    const auto vectors = testing::SampleVectors(0, kRows);
    ASSERT_TRUE(
        writer
            ->WriteBatch(*testing::SampleBatch(0, kRows),
                         EmbeddingsView::FromSpan(vectors, testing::kSampleDim).ValueOrDie())
            .ok());
    EXPECT_EQ(store->List("warehouse/db/t/data/").ValueOrDie().size(), 1u);
  }
  EXPECT_TRUE(store->List("warehouse/db/t/data/").ValueOrDie().empty());
}

}  // namespace
}  // namespace tarn
