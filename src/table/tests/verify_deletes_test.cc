// SPDX-License-Identifier: Apache-2.0
#include "table/check/verify_deletes.h"

#include "foreign_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using iceberg::TypeId;
using ::testing::HasSubstr;

class VerifyDeletesTest : public ::testing::Test {
 protected:
  VerifyDeletesTest() {
    const auto ids = RowsOf({Column("id", arrow::int64(), 1)}, {"[1, 2, 3]"});
    const std::string a = table_.AddData(*ids, 1).file_path;
    const std::string b = table_.AddData(*ids, 1).file_path;
    positions_ = &table_.AddPositionDeletes({{a, 1}}, 2);
    equality_ = &table_.AddEqualityDeletes(*ids, {1}, 2);
    vector_ = &table_.AddVector(b, {0, 2}, 3);
  }

  /// What is found wrong; "" when nothing is.
  std::string Findings() {
    // Of this state alone: older snapshots name the files by other entries.
    table_.metadata.snapshots.clear();
    table_.metadata.snapshot_log.clear();
    table_.Commit();
    const auto report = VerifyTable(table_.Catalog(), FixedCatalog::Ident(), 1).ValueOrDie();
    std::string text;
    for (const auto& finding : report.findings)
      text += finding.path + ": " + finding.message + "\n";
    delete_files_ = report.delete_files;
    return text;
  }
  std::string PathOf(const iceberg::DataFile& file) {
    return table_.store->PathOf(file.file_path).ValueOrDie();
  }
  void Flip(const iceberg::DataFile& file, size_t at) {
    std::string bytes(table_.store->Read(PathOf(file)).ValueOrDie()->text());
    bytes[at] ^= 0x20;
    ASSERT_TRUE(table_.store->Put(PathOf(file), bytes).ok());
  }

  ForeignTable table_{SchemaOf({Field(1, "id", TypeId::kLong)}), 3};
  iceberg::DataFile* positions_;
  iceberg::DataFile* equality_;
  iceberg::DataFile* vector_;
  int64_t delete_files_ = 0;
};

TEST_F(VerifyDeletesTest, SoundDeleteFilesAreCountedAndNothingIsFound) {
  EXPECT_EQ(Findings(), "");
  EXPECT_EQ(delete_files_, 3);
}

TEST_F(VerifyDeletesTest, SeveralVectorsOfOneFileAreNoContradiction) {
  using Writer = iceberg::DeletionVectorWriter;
  const std::string a = "memory:///t/data/a", b = "memory:///t/data/b";
  const std::string first = Writer::Blob({1}), second = Writer::Blob({1, 2});
  const std::string file = Writer::Puffin({{a, first}, {b, second}});
  ASSERT_TRUE(table_.store->Put("t/data/two.puffin", file).ok());
  auto& one = table_.AddVector(a, {1}, 3);
  auto& two = table_.AddVector(b, {1, 2}, 3);
  one.file_path = two.file_path = table_.Uri("t/data/two.puffin");
  one.file_size_in_bytes = two.file_size_in_bytes = static_cast<int64_t>(file.size());
  one.content_size_in_bytes = static_cast<int64_t>(first.size());
  two.content_offset = 4 + static_cast<int64_t>(first.size());
  two.content_size_in_bytes = static_cast<int64_t>(second.size());
  EXPECT_EQ(Findings(), "");
  two.referenced_data_file = "memory:///t/data/c";
  EXPECT_THAT(Findings(), HasSubstr("is of memory:///t/data/b, the manifest says"));
}

TEST_F(VerifyDeletesTest, DamageIsFoundInEveryKindOfDeleteFile) {
  Flip(*vector_, 20);
  EXPECT_THAT(Findings(), HasSubstr(PathOf(*vector_) + ": delete file: the deletion vector is "));
  Flip(*vector_, 20);
  Flip(*positions_, 1);
  EXPECT_THAT(Findings(), HasSubstr(PathOf(*positions_) + ": delete file: "));
  Flip(*positions_, 1);
  Flip(*equality_, 6);
  EXPECT_THAT(Findings(), HasSubstr(PathOf(*equality_) + ": delete file: "));
  Flip(*equality_, 6);
  EXPECT_EQ(Findings(), "");
  ASSERT_TRUE(table_.store->Delete(PathOf(*equality_)).ok());
  EXPECT_THAT(Findings(), HasSubstr(PathOf(*equality_)));
}

TEST_F(VerifyDeletesTest, EntriesThatDoNotFitTheirFilesAreFound) {
  const iceberg::DataFile sound = *vector_;
  vector_->record_count = 9;
  EXPECT_THAT(Findings(), HasSubstr("holds 2 rows, the manifest says 9"));
  *vector_ = sound;
  vector_->content_offset = 6;
  EXPECT_THAT(Findings(), HasSubstr("the footer knows of no deletion vector"));
}

TEST_F(VerifyDeletesTest, RecordsAndBytesAreCounted) {
  positions_->record_count = 2;
  EXPECT_THAT(Findings(), HasSubstr("the file has 1 records, the manifest says 2"));
  positions_->record_count = 1;
  equality_->file_size_in_bytes += 1;
  EXPECT_THAT(Findings(), HasSubstr("bytes, the manifest says"));
}

}  // namespace
}  // namespace tarn
