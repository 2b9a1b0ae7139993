// SPDX-License-Identifier: Apache-2.0
//
// Damaged files: every kind of damage is reported, none crashes.
#include <random>

#include "base/bytes.h"
#include "file_fixture.h"
#include "format/parquet_footer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/exact_distance.h"
#include "table/file/file_reader.h"

namespace tarn {
namespace {

class DamagedFile : public testing::TestWithParam<VectorPrecision> {
 protected:
  void SetUp() override {
    policy_ = PolicyOf(8, GetParam());
    const std::vector<VectorColumn> columns{{policy_, RandomVectors(400, 8, 9, 1)}};
    AilakeFileWriter writer(store_);
    ASSERT_TRUE(writer.WithRowGroupRows(150).WriteMulti("f", *MakeRows(400), columns).ok());
    bytes_ = store_->Read("f").ValueOrDie()->text();
    ASSERT_TRUE(Use(bytes_).ok()) << Use(bytes_);
  }

  /// Does with the bytes whatever can be done with a file; the first error.
  Status Use(const std::string& bytes) {
    ARROW_RETURN_NOT_OK(store_->Put("damaged", bytes));
    ARROW_ASSIGN_OR_RAISE(const auto reader, AilakeFileReader::Open(store_, "damaged"));
    Status status = reader->Verify();
    const std::vector<uint32_t> rows{3, 399, 160, 8};
    Keep(reader->ReadRows(rows, {}).status(), &status);
    Keep(reader->ReadAll({}).status(), &status);
    const auto column = FileReader::Of(*reader).OpenVectorColumn(policy_);
    Keep(column.status(), &status);
    if (!column.ok()) return status;
    Keep((*column)->index().status(), &status);
    Keep((*column)->ForEachBlock([this](const index::ExactBlock& block) {
      Touch(block.values[block.count * row_bytes() - 1]);
      return Status::OK();
    }),
         &status);
    const auto source = (*column)->NewRowSource();
    Keep(source.status(), &status);
    if (!source.ok()) return status;
    for (uint32_t row = 0; row < 400; ++row) {
      const std::byte* at = nullptr;
      if ((*source)->Fetch({&row, 1}, &at).ok()) Touch(at[row_bytes() - 1]);
    }
    return status;
  }

  size_t row_bytes() const { return 8 * index::ElementBytes(policy_.precision); }

  /// Reads a byte, so that the sanitizers see the access.
  void Touch(std::byte byte) { touched_ = touched_ ^ static_cast<int>(byte); }

  static void Keep(const Status& next, Status* status) {
    if (status->ok()) *status = next;
  }

  std::shared_ptr<MemoryStore> store_ = MemoryStore::Make();
  VectorStoragePolicy policy_;
  std::string bytes_;
  volatile int touched_ = 0;
};

TEST(DamagedPlainFile, EveryFlippedByteOfTheFooterIsReported) {
  const auto store = MemoryStore::Make();
  ASSERT_TRUE(AilakeFileWriter(store).WriteMulti("f", *MakeRows(20), {}).ok());
  const std::string bytes(store->Read("f").ValueOrDie()->text());
  const auto place = format::FindFooter(std::as_bytes(std::span(bytes)), bytes.size()).ValueOrDie();
  for (size_t at = place.offset; at < bytes.size(); ++at) {
    for (const char flip : {1, 2, 4, 8, 32}) {
      std::string damaged = bytes;
      damaged[at] ^= flip;
      ASSERT_TRUE(store->Put("damaged", damaged).ok());
      const auto reader = AilakeFileReader::Open(store, "damaged");
      const Status status = reader.ok() ? (*reader)->Verify() : reader.status();
      EXPECT_FALSE(status.ok()) << "byte " << at << " of " << bytes.size() << " flipped by "
                                << int{flip};
    }
  }
}

TEST_P(DamagedFile, EveryTruncationIsReported) {
  for (int part = 0; part < 200; ++part) {
    const Status status = Use(bytes_.substr(0, bytes_.size() * part / 200));
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << part << ": " << status;
  }
}

TEST_P(DamagedFile, EveryFlippedBitNeverCrashesAndIsReported) {
  constexpr uint32_t kSeed = 77;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  for (int round = 0; round < 600; ++round) {
    std::string damaged = bytes_;
    const size_t at = random() % damaged.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    EXPECT_FALSE(Use(damaged).ok()) << "byte " << at;
  }
}

TEST_P(DamagedFile, EveryFlippedByteOfSectionsAndFooterIsReported) {
  const auto footer = format::FindFooter(AsBytes(bytes_), bytes_.size()).ValueOrDie();
  ASSERT_TRUE(store_->Put("damaged", bytes_).ok());
  const auto reader = AilakeFileReader::Open(store_, "damaged").ValueOrDie();
  const ColumnSections& sections = FileReader::Of(*reader).file().columns[0];
  const auto expect_reported = [&](uint64_t begin, uint64_t end, uint64_t step) {
    for (uint64_t at = begin; at < end; at += step) {
      std::string damaged = bytes_;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
      ASSERT_TRUE(store_->Put("damaged", damaged).ok());
      const auto opened = AilakeFileReader::Open(store_, "damaged");
      const Status status = opened.ok() ? (*opened)->Verify() : opened.status();
      EXPECT_FALSE(status.ok()) << "byte " << at;
    }
  };
  expect_reported(sections.map_section.offset(),
                  sections.map_section.offset() + sections.map_section.size(), 7);
  expect_reported(sections.index->offset(), sections.index->offset() + sections.index->size(), 13);
  expect_reported(footer.offset, bytes_.size(), 3);
}

INSTANTIATE_TEST_SUITE_P(Precisions, DamagedFile,
                         testing::Values(VectorPrecision::kF32, VectorPrecision::kF16,
                                         VectorPrecision::kI8),
                         [](const auto& info) { return std::string(PrecisionName(info.param)); });

}  // namespace
}  // namespace tarn
