// SPDX-License-Identifier: Apache-2.0
#include "format/parquet_footer.h"

#include <random>

#include "arrow/api.h"
#include "base/bytes.h"
#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "format/storable_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parquet/metadata.h"

namespace tarn::format {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::vector<std::byte> SomeMetadata() {
  const auto schema = AssignFieldIds(*arrow::schema({arrow::field("a", arrow::int32()),
                                                     arrow::field("b", arrow::utf8())}))
                          .ValueOrDie();
  auto store = MemoryStore::Make();
  auto published = store->OpenWriter("f", PutMode::kIfAbsent).ValueOrDie();
  auto out = std::make_unique<ChecksummedWriter>(published.get());
  auto writer = ParquetWriter::Open(out.get(), schema, {}).ValueOrDie();
  const auto batch =
      arrow::RecordBatch::Make(schema, 2,
                               {arrow::MakeArrayOfNull(arrow::int32(), 2).ValueOrDie(),
                                arrow::MakeArrayOfNull(arrow::utf8(), 2).ValueOrDie()});
  EXPECT_TRUE(writer->WriteRowGroup(*batch).ok());
  const ParquetTail tail = writer->Finish().ValueOrDie();
  return {tail.metadata_bytes().begin(), tail.metadata_bytes().end()};
}

TEST(ParquetFooter, KeysCanBeAddedWhereThereAreNone) {
  const auto metadata = SomeMetadata();
  EXPECT_TRUE(ReadFooterKeys(metadata).ValueOrDie().empty());
  const auto edited = SetFooterKeys(metadata, {{"k", "v"}, {"empty", ""}}).ValueOrDie();
  EXPECT_THAT(ReadFooterKeys(edited).ValueOrDie(), ElementsAre(Pair("k", "v"), Pair("empty", "")));
}

TEST(ParquetFooter, KeysAreReplacedInPlaceAndOthersKept) {
  const auto first = SetFooterKeys(SomeMetadata(), {{"a", "1"}, {"b", "2"}}).ValueOrDie();
  const auto second =
      SetFooterKeys(first, {{"a", "a longer value"}, {"c", std::nullopt}}).ValueOrDie();
  EXPECT_THAT(ReadFooterKeys(second).ValueOrDie(),
              ElementsAre(Pair("a", "a longer value"), Pair("b", "2"), Pair("c", std::nullopt)));
}

TEST(ParquetFooter, ManyAndLongKeysSurvive) {
  FooterKeys keys;
  for (int i = 0; i < 300; ++i)
    keys.emplace_back("key" + std::to_string(i), std::string(i * 7, 'x'));
  EXPECT_EQ(ReadFooterKeys(SetFooterKeys(SomeMetadata(), keys).ValueOrDie()).ValueOrDie(), keys);
}

TEST(ParquetFooter, EditedMetadataIsTheSameToParquetButForItsKeys) {
  const auto metadata = SomeMetadata();
  const auto edited = SetFooterKeys(metadata, {{"k", "v"}}).ValueOrDie();
  const auto before =
      parquet::FileMetaData::Make(metadata.data(), static_cast<int64_t>(metadata.size()));
  const auto after =
      parquet::FileMetaData::Make(edited.data(), static_cast<int64_t>(edited.size()));
  EXPECT_TRUE(after->schema()->Equals(*before->schema()));
  EXPECT_EQ(after->num_rows(), before->num_rows());
  EXPECT_EQ(after->created_by(), before->created_by());
  EXPECT_TRUE(after->RowGroup(0)->Equals(*before->RowGroup(0)));
  EXPECT_EQ(after->key_value_metadata()->Get("k").ValueOrDie(), "v");
}

TEST(ParquetFooter, EditingTwiceWithTheSameKeysChangesNothing) {
  const auto once = SetFooterKeys(SomeMetadata(), {{"k", "v"}}).ValueOrDie();
  EXPECT_EQ(SetFooterKeys(once, {{"k", "v"}}).ValueOrDie(), once);
}

TEST(ParquetFooter, SealedFootersShowEveryFlippedByte) {
  const auto sealed = SealFooter(SomeMetadata(), {{"k", "v"}}).ValueOrDie();
  EXPECT_TRUE(CheckFooterSeal(sealed).ok());
  const auto again = SealFooter(sealed, {{"k", "w"}}).ValueOrDie();
  EXPECT_TRUE(CheckFooterSeal(again).ok());
  size_t unseen = 0;
  for (size_t at = 0; at < sealed.size(); ++at) {
    auto damaged = sealed;
    damaged[at] ^= std::byte{0x04};
    unseen += CheckFooterSeal(damaged).ok();
    EXPECT_FALSE(CheckFooterSeal(damaged).ok() && HasFooterSeal(damaged)) << at;
  }
  // Only damage to the checksum's own key makes the footer look like one without a checksum.
  EXPECT_EQ(unseen, kFooterChecksumKey.size() + 2);
}

TEST(ParquetFooter, KeysCanBeRemoved) {
  const auto metadata = SetFooterKeys(SomeMetadata(), {{"a", "1"}, {"b", "2"}}).ValueOrDie();
  EXPECT_THAT(ReadFooterKeys(RemoveFooterKey(metadata, "a").ValueOrDie()).ValueOrDie(),
              ElementsAre(Pair("b", "2")));
}

TEST(ParquetFooter, EveryTruncationIsReported) {
  const auto metadata = SetFooterKeys(SomeMetadata(), {{"k", "v"}}).ValueOrDie();
  for (size_t length = 0; length < metadata.size(); ++length) {
    const std::vector<std::byte> cut(metadata.begin(),
                                     metadata.begin() + static_cast<long>(length));
    EXPECT_TRUE(IsKind(ReadFooterKeys(cut).status(), ErrorKind::kCorrupt)) << length;
  }
}

TEST(ParquetFooter, RandomDamageNeverReadsPastTheEnd) {
  constexpr uint32_t kSeed = 23;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  const auto metadata = SetFooterKeys(SomeMetadata(), {{"k", "v"}}).ValueOrDie();
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> damaged = metadata;
    for (int flips = 0; flips < 1 + round % 4; ++flips) {
      damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    }
    const auto edited = SetFooterKeys(damaged, {{"x", "y"}});
    if (!edited.ok()) {
      EXPECT_TRUE(IsKind(edited.status(), ErrorKind::kCorrupt));
      continue;
    }
    ++accepted;
    const auto keys = ReadFooterKeys(*edited);
    ASSERT_TRUE(keys.ok());
    EXPECT_THAT(*keys, testing::Contains(Pair("x", "y")));
  }
  EXPECT_GT(accepted, 0);
}

TEST(ParquetFooter, DeepNestingIsRefusedNotRecursed) {
  const std::vector<std::byte> deep(100000, std::byte{0x1c});
  EXPECT_TRUE(IsKind(ReadFooterKeys(deep).status(), ErrorKind::kCorrupt));
  const std::vector<std::byte> lists(100000, std::byte{0x19});
  EXPECT_TRUE(IsKind(ReadFooterKeys(lists).status(), ErrorKind::kCorrupt));
}

TEST(ParquetFooter, FilesThatAreNotParquetAreNamedSo) {
  EXPECT_TRUE(IsKind(FindFooter(AsBytes("short"), 5).status(), ErrorKind::kCorrupt));
  EXPECT_TRUE(
      IsKind(FindFooter(AsBytes("PAR1 no magic at the end"), 24).status(), ErrorKind::kCorrupt));
  EXPECT_TRUE(IsKind(FindFooter(AsBytes(std::string("PAR1\xff\xff\xff\x7fPAR1")), 12).status(),
                     ErrorKind::kCorrupt));
  EXPECT_TRUE(IsKind(FindFooter(AsBytes("PAR1....PARE"), 12).status(), ErrorKind::kNotSupported));
}

TEST(SectionedFile, AppendedSectionsLeaveEveryEarlierByteInPlace) {
  auto store = MemoryStore::Make();
  const auto schema =
      AssignFieldIds(*arrow::schema({arrow::field("a", arrow::int32())})).ValueOrDie();
  {
    auto published = store->OpenWriter("f", PutMode::kIfAbsent).ValueOrDie();
    auto out = std::make_unique<ChecksummedWriter>(published.get());
    auto writer = ParquetWriter::Open(out.get(), schema, {}).ValueOrDie();
    const auto tail = writer->Finish().ValueOrDie();
    ASSERT_TRUE(FinishFile(out.get(), tail, {}, {{"first", "1"}}).ok());
    ASSERT_TRUE(out->Commit().ok());
  }
  const auto before = store->Read("f").ValueOrDie();
  const std::vector<std::byte> payload(100, std::byte{7});
  NewSection section;
  section.info.dim = 4;
  section.chunks = {{0x123, payload}};
  auto out = store->OpenWriter("g", PutMode::kIfAbsent).ValueOrDie();
  const auto written =
      AppendSections(before->bytes(), out.get(), {{"where", section}}, {{"second", "2"}})
          .ValueOrDie();
  ASSERT_TRUE(out->Commit().ok());
  const auto after = store->Read("g").ValueOrDie();
  EXPECT_EQ(written.size, after->size());
  const auto footer = FindFooter(before->bytes(), before->size()).ValueOrDie();
  EXPECT_EQ(after->text().substr(0, footer.offset), before->text().substr(0, footer.offset));
  const auto end = FindFooter(after->bytes(), after->size()).ValueOrDie();
  const auto keys = ReadFooterKeys(after->bytes().subspan(end.offset, end.length)).ValueOrDie();
  ASSERT_THAT(keys,
              ElementsAre(Pair("first", "1"), Pair(kSectionsEndKey, std::to_string(end.offset)),
                          Pair(kDataChecksumKey, testing::_), Pair(kFooterChecksumKey, testing::_),
                          Pair("second", "2"), Pair("where", testing::_)));
  const auto opened = Section::Open(after->bytes(), std::stoull(*keys[5].second), end.offset,
                                    SectionKind::kVectorIndex);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->Verify().ok());
  EXPECT_EQ(opened->Find(0x123)->bytes.size(), 100u);
}

TEST(SectionedFile, PageMapKeysNameTheirColumn) {
  EXPECT_EQ(ColumnOfPageMapKey(PageMapKey("a.b")), "a.b");
  EXPECT_EQ(ColumnOfPageMapKey("tarn..page_map_offset"), "");
  EXPECT_EQ(ColumnOfPageMapKey("ailake.footer_offset"), "");
}

}  // namespace
}  // namespace tarn::format
