// SPDX-License-Identifier: Apache-2.0
//
// Writers of one table, in whatever order they come, code their files with one codebook.
#include <set>
#include <thread>

#include "arrow/api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"
#include "store/fault_store.h"
#include "table/codebook/codebook_record.h"
#include "table/tests/file_fixture.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

constexpr int32_t kDim = 16;
const TableIdent kTable{{"db"}, "t"};

class CodebookSharingTest : public ::testing::Test {
 protected:
  CodebookSharingTest() {
    EXPECT_TRUE(catalog_->CreateTable(kTable, TableProperties(PolicyOf(kDim))).ok());
  }

  std::unique_ptr<TableWriter> NewWriter() {
    return TableWriter::Make(catalog_, kTable, {.threads = 1}).ValueOrDie();
  }

  static void Stage(TableWriter& writer, int64_t rows, uint32_t seed) {
    const auto batch = MakeRows(rows);
    const Status status = writer.WriteBatchIvfPq(*batch, RandomVectors(rows, kDim, 0, seed));
    ASSERT_TRUE(status.ok()) << status;
  }

  static void Commit(TableWriter& writer) {
    const auto committed = writer.Commit();
    ASSERT_TRUE(committed.ok()) << committed.status();
  }

  void Append(int64_t rows, uint32_t seed) {
    auto writer = NewWriter();
    Stage(*writer, rows, seed);
    Commit(*writer);
  }

  /// The fingerprint of each file's codebook; "" for files without one.
  std::vector<std::string> Fingerprints() {
    std::vector<std::string> found;
    const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
    for (size_t file = 0; file < view->files().size(); ++file) {
      const auto reader = view->OpenFile(file).ValueOrDie();
      EXPECT_TRUE(reader->Verify().ok()) << reader->Verify();
      found.push_back(reader->vector_columns().at(0).codebook);
    }
    return found;
  }

  CodebookInfo Shared() {
    const auto info = DescribeTable(*catalog_, kTable).ValueOrDie();
    EXPECT_EQ(info.codebooks.size(), 1);
    return info.codebooks.empty() ? CodebookInfo() : info.codebooks[0];
  }

  int64_t Rows() { return ReadView::Open(catalog_, kTable).ValueOrDie()->rows(); }

  std::vector<std::string> Objects() {
    std::vector<std::string> paths;
    for (const auto& object : store_->List("warehouse/db/t/data").ValueOrDie()) {
      paths.push_back(object.path);
    }
    return paths;
  }

  std::shared_ptr<Store> store_ = MemoryStore::Make();
  std::shared_ptr<HadoopCatalog> catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

TEST_F(CodebookSharingTest, TheFirstFileTrainsItAndLaterWritersReuseIt) {
  Append(600, 1);
  const CodebookInfo first = Shared();
  EXPECT_EQ(first.id, 1);
  EXPECT_EQ(first.column, "embedding");
  Append(500, 2);
  Append(400, 3);
  EXPECT_THAT(Fingerprints(), ::testing::Each(first.fingerprint));
  EXPECT_EQ(Shared().id, 1);
}

TEST_F(CodebookSharingTest, FilesStagedTogetherShareItBeforeTheCommit) {
  auto writer = NewWriter();
  Stage(*writer, 300, 1);
  Stage(*writer, 200, 2);
  Commit(*writer);
  const auto fingerprints = Fingerprints();
  ASSERT_EQ(fingerprints.size(), 2);
  EXPECT_EQ(fingerprints[0], fingerprints[1]);
  EXPECT_EQ(Shared().fingerprint, fingerprints[0]);
}

TEST_F(CodebookSharingTest, ABatchThatIsCodedAgainKeepsItsId) {
  const TableWriterOptions options{.index = IndexType::kIvfPq, .threads = 1};
  auto slow = TableWriter::Make(catalog_, kTable, options).ValueOrDie();
  ASSERT_TRUE(*slow->WriteBatchIdempotent(*MakeRows(300), RandomVectors(300, kDim, 0, 1), "a"));
  Append(200, 2);
  Commit(*slow);
  EXPECT_THAT(Fingerprints(), ::testing::Each(Shared().fingerprint));
  auto again = TableWriter::Make(catalog_, kTable, options).ValueOrDie();
  EXPECT_FALSE(*again->WriteBatchIdempotent(*MakeRows(300), RandomVectors(300, kDim, 0, 1), "a"));
  EXPECT_EQ(Rows(), 500);
}

TEST_F(CodebookSharingTest, OfTwoFirstFilesTheLaterCommitGivesWay) {
  auto winner = NewWriter();
  auto loser = NewWriter();
  Stage(*winner, 300, 1);
  Stage(*loser, 310, 2);
  Stage(*loser, 320, 3);
  Commit(*winner);
  Commit(*loser);
  const auto fingerprints = Fingerprints();
  ASSERT_EQ(fingerprints.size(), 3);
  EXPECT_THAT(fingerprints, ::testing::Each(Shared().fingerprint));
  EXPECT_EQ(Shared().id, 1);
  EXPECT_EQ(Rows(), 930);
  EXPECT_EQ(Objects().size(), 3) << "the files that were coded with the losing codebook remain";
  // And goes on with the winner's.
  Stage(*loser, 100, 4);
  Commit(*loser);
  EXPECT_THAT(Fingerprints(), ::testing::Each(Shared().fingerprint));
}

TEST_F(CodebookSharingTest, ManyRacingWritersAgreeOnOne) {
  constexpr int kWriters = 6;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] { Append(120 + i, static_cast<uint32_t>(i)); });
  }
  for (auto& thread : threads) thread.join();
  const auto fingerprints = Fingerprints();
  EXPECT_EQ(fingerprints.size(), kWriters);
  EXPECT_THAT(fingerprints, ::testing::Each(Shared().fingerprint));
  EXPECT_EQ(Rows(), 6 * 120 + 15);
}

TEST_F(CodebookSharingTest, ItIsFoundThroughOtherFilesWhenTheOneThatTrainedItIsGone) {
  Append(300, 1);
  Append(200, 2);
  const CodebookInfo before = Shared();
  // As after an expiry: the file is gone, another carries a copy.
  ASSERT_TRUE(store_->Delete(store_->PathOf(before.file).ValueOrDie()).ok());
  auto writer = NewWriter();
  Stage(*writer, 100, 3);
  Commit(*writer);
  EXPECT_EQ(Shared().fingerprint, before.fingerprint);
  EXPECT_EQ(Shared().id, 1);
}

TEST_F(CodebookSharingTest, WhenNoFileCarriesItAnyMoreAnotherIsTrained) {
  Append(300, 1);
  const CodebookInfo before = Shared();
  ASSERT_TRUE(store_->Delete(store_->PathOf(before.file).ValueOrDie()).ok());
  Append(310, 2);
  EXPECT_EQ(Shared().id, 2);
  EXPECT_NE(Shared().fingerprint, before.fingerprint);
}

TEST_F(CodebookSharingTest, AnUnreadableRecordIsReplaced) {
  Append(300, 1);
  const auto state = catalog_->LoadTable(kTable).ValueOrDie();
  std::string found;
  for (const auto& [name, value] : state.metadata->properties) {
    if (name.starts_with("tarn.codebook.")) found = name;
  }
  ASSERT_FALSE(found.empty());
  const iceberg::TableUpdate broken{iceberg::update::SetProperties{{{found, "{broken"}}}};
  ASSERT_TRUE(catalog_->CommitTable(state, {}, {broken}).ok());
  Append(310, 2);
  EXPECT_EQ(Shared().id, 1);
  EXPECT_EQ(Rows(), 610);
}

TEST_F(CodebookSharingTest, ACodebookOfFewRowsIsReplacedOnceThereAreManyMore) {
  Append(50, 1);
  EXPECT_EQ(Shared().id, 1);
  Append(700, 2);
  EXPECT_EQ(Shared().id, 1) << "14 times as many are not enough";
  Append(800, 3);
  EXPECT_EQ(Shared().id, 2);
  Append(200, 4);
  const auto fingerprints = Fingerprints();
  EXPECT_EQ(std::set<std::string>(fingerprints.begin(), fingerprints.end()).size(), 2);
  EXPECT_EQ(std::count(fingerprints.begin(), fingerprints.end(), Shared().fingerprint), 2);
}

TEST_F(CodebookSharingTest, AFailedCommitKeepsTheFilesAndTheProposal) {
  const auto faults = FaultStore::Make(store_);
  const auto catalog = HadoopCatalog::Make(faults, "warehouse").ValueOrDie();
  auto writer = TableWriter::Make(catalog, kTable, {.threads = 1}).ValueOrDie();
  Stage(*writer, 300, 1);
  faults->Add({.kind = FaultKind::kFail, .op = StoreOp::kWrite});
  EXPECT_FALSE(writer->Commit().ok());
  Commit(*writer);
  EXPECT_THAT(Fingerprints(), ::testing::ElementsAre(Shared().fingerprint));
}

TEST_F(CodebookSharingTest, ItsSettingsComeFromTheTable) {
  const TableIdent table{{"db"}, "set"};
  TableProperties properties(PolicyOf(kDim));
  properties.ivf_pq.nlist = 5;
  properties.ivf_pq.bits = 8;
  properties.ivf_pq.m = 4;
  auto writer = TableWriter::CreateOrOpen(catalog_, table, properties).ValueOrDie();
  const auto batch = MakeRows(400);
  ASSERT_TRUE(writer->WriteBatchIvfPq(*batch, RandomVectors(400, kDim, 0, 1)).ok());
  Commit(*writer);
  const auto view = ReadView::Open(catalog_, table).ValueOrDie();
  const auto column = view->OpenFile(0).ValueOrDie()->vector_columns().at(0);
  EXPECT_EQ(column.index_type, IndexType::kIvfPq);
  EXPECT_EQ(column.indexed_rows, 400);
  EXPECT_NEAR(column.codebook_drift, 1.0, 0.05);
}

TEST_F(CodebookSharingTest, DriftShowsInFilesOfOtherData) {
  Append(2000, 1);
  auto writer = NewWriter();
  // Vectors along one direction, far from where the codebook's rows lie.
  std::vector<float> values(500 * kDim);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = i % kDim == 0 ? 40.0f : static_cast<float>(i % 7) * 3;
  }
  const auto batch = MakeRows(500);
  ASSERT_TRUE(
      writer->WriteBatchIvfPq(*batch, EmbeddingsView::FromSpan(values, kDim).ValueOrDie()).ok());
  Commit(*writer);
  const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
  double most = 0;
  for (size_t file = 0; file < 2; ++file) {
    const auto column = view->OpenFile(file).ValueOrDie()->vector_columns().at(0);
    most = std::max(most, column.codebook_drift);
  }
  EXPECT_GT(most, 1.5);
}

TEST_F(CodebookSharingTest, AutoTakesInvertedListsOnlyOnLargeMachines) {
  for (const int cores : {2, 16}) {
    auto writer = TableWriter::Make(catalog_, kTable,
                                    {.threads = 1, .hardware = Hardware{.cores = cores, .gpus = 0}})
                      .ValueOrDie();
    const auto batch = MakeRows(5000);
    ASSERT_TRUE(writer->WriteBatchAuto(*batch, RandomVectors(5000, kDim, 0, 7)).ok());
    Commit(*writer);
  }
  const auto fingerprints = Fingerprints();
  EXPECT_EQ(fingerprints.size(), 2);
  EXPECT_EQ(std::count(fingerprints.begin(), fingerprints.end(), ""), 1);
}

}  // namespace
}  // namespace tarn
