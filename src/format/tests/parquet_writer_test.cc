// SPDX-License-Identifier: Apache-2.0
#include "format/parquet_writer.h"

#include <cmath>
#include <cstring>
#include <random>
#include <set>

#include "arrow/api.h"
#include "arrow/extension/uuid.h"
#include "arrow/io/memory.h"
#include "arrow/json/from_string.h"
#include "base/float16.h"
#include "format/embedding_list.h"
#include "format/sectioned_file.h"
#include "format/storable_array.h"
#include "format/storable_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/schema.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/schema.h"

namespace tarn::format {
namespace {

using arrow::json::ArrayFromJSONString;

std::shared_ptr<arrow::Table> ReadBack(const StoreBytes& file) {
  auto source = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(
      reinterpret_cast<const uint8_t*>(file.bytes().data()), file.size()));
  auto reader = parquet::arrow::FileReader::Make(arrow::default_memory_pool(),
                                                 parquet::ParquetFileReader::Open(source))
                    .ValueOrDie();
  return reader->ReadTable().ValueOrDie();
}

/// Writes the groups as one file and returns its bytes.
std::shared_ptr<StoreBytes> WriteFile(
    const std::shared_ptr<arrow::Schema>& schema, const ParquetLayout& layout,
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& groups, ParquetTail* tail = nullptr) {
  auto store = MemoryStore::Make();
  auto published = store->OpenWriter("f", PutMode::kIfAbsent).ValueOrDie();
  auto out = std::make_unique<ChecksummedWriter>(published.get());
  auto writer = ParquetWriter::Open(out.get(), schema, layout).ValueOrDie();
  for (const auto& group : groups) EXPECT_TRUE(writer->WriteRowGroup(*group).ok());
  ParquetTail finished = writer->Finish().ValueOrDie();
  EXPECT_TRUE(FinishFile(out.get(), finished, {}, {{"note", "kept"}}).ok());
  EXPECT_TRUE(out->Commit().ok());
  if (tail != nullptr) *tail = std::move(finished);
  return store->Read("f").ValueOrDie();
}

struct TypeCase {
  std::shared_ptr<arrow::DataType> type;
  std::string json;
};

std::vector<TypeCase> AllTypes() {
  using arrow::TimeUnit;
  const auto person = arrow::struct_(
      {arrow::field("age", arrow::uint8()), arrow::field("tags", arrow::list(arrow::utf8()))});
  return {{arrow::boolean(), "[true, null, false]"},
          {arrow::int8(), "[1, null, -3]"},
          {arrow::uint16(), "[1, null, 65535]"},
          {arrow::int32(), "[1, null, -3]"},
          {arrow::uint32(), "[1, null, 4294967295]"},
          {arrow::int64(), "[1, null, -3]"},
          {arrow::uint64(), "[1, null, 18446744073709551615]"},
          {arrow::float16(), "[1.5, null, -2]"},
          {arrow::float32(), "[1.5, null, -2]"},
          {arrow::float64(), "[1.5, null, -2]"},
          {arrow::decimal32(7, 2), R"(["1.50", null, "-2.25"])"},
          {arrow::decimal64(18, 2), R"(["1.50", null, "-2.25"])"},
          {arrow::decimal128(38, 10), R"(["1.5000000000", null, "-2.2500000000"])"},
          {arrow::decimal256(20, 2), R"(["1.50", null, "-2.25"])"},
          {arrow::date32(), "[1, null, -3]"},
          {arrow::date64(), "[86400000, null, 0]"},
          {arrow::time32(TimeUnit::MILLI), "[1, null, 3]"},
          {arrow::time64(TimeUnit::NANO), "[1000, null, 3000]"},
          {arrow::timestamp(TimeUnit::SECOND), "[1, null, -3]"},
          {arrow::timestamp(TimeUnit::MICRO, "Asia/Tokyo"), "[1, null, -3]"},
          {arrow::timestamp(TimeUnit::NANO), "[1000, null, -3000]"},
          {arrow::utf8(), R"(["a", null, "c"])"},
          {arrow::large_utf8(), R"(["a", null, "c"])"},
          {arrow::utf8_view(), R"(["a", null, "c"])"},
          {arrow::binary(), R"(["a", null, "c"])"},
          {arrow::large_binary(), R"(["a", null, "c"])"},
          {arrow::binary_view(), R"(["a", null, "c"])"},
          {arrow::fixed_size_binary(3), R"(["abc", null, "def"])"},
          {arrow::null(), "[null, null, null]"},
          {arrow::dictionary(arrow::int8(), arrow::utf8()), R"(["a", null, "a"])"},
          {arrow::list(arrow::int32()), "[[1, null], null, []]"},
          {arrow::large_list(arrow::utf8()), R"([["x"], null, []])"},
          {arrow::fixed_size_list(arrow::int32(), 2), "[[1, null], null, [3, 4]]"},
          {arrow::list_view(arrow::int32()), "[[1, null], null, []]"},
          {arrow::list(arrow::list(arrow::int16())), "[[[1], null, []], null, []]"},
          {person, R"([[1, ["x", null]], null, [null, null]])"},
          {arrow::list(person), R"([[[1, ["x"]], null], null, []])"},
          {arrow::map(arrow::utf8(), arrow::int8()), R"([[["k", 1], ["l", null]], null, []])"},
          {arrow::map(arrow::utf8(), person), R"([[["k", [1, ["x"]]]], null, []])"}};
}

void ExpectIdsEverywhere(const parquet::schema::Node& node, std::set<int>* seen) {
  // Only the groups that Parquet itself puts into lists and maps have no id.
  if (!node.is_repeated() && node.parent() != nullptr) {
    EXPECT_GT(node.field_id(), 0) << node.path()->ToDotString();
    EXPECT_TRUE(seen->insert(node.field_id()).second) << node.path()->ToDotString();
  }
  if (!node.is_group()) return;
  const auto& group = static_cast<const parquet::schema::GroupNode&>(node);
  for (int i = 0; i < group.field_count(); ++i) ExpectIdsEverywhere(*group.field(i), seen);
}

TEST(ParquetWriter, EveryTypeRoundTripsWithFieldIdsOnEveryNode) {
  for (const TypeCase& type_case : AllTypes()) {
    SCOPED_TRACE(type_case.type->ToString());
    const auto array = ArrayFromJSONString(type_case.type, type_case.json).ValueOrDie();
    const auto schema = arrow::schema({arrow::field("c", type_case.type)});
    const auto stored = AssignFieldIds(*StorableSchema(*schema).ValueOrDie()).ValueOrDie();
    const auto batch =
        ToStorableBatch(*arrow::RecordBatch::Make(schema, 3, {array}), stored).ValueOrDie();
    const auto table = ReadBack(*WriteFile(stored, {}, {batch, batch}));
    const auto group = arrow::RecordBatch::Make(stored, 3, {batch->column(0)});
    const auto expected = arrow::Table::FromRecordBatches({group, group}).ValueOrDie();
    EXPECT_TRUE(table->column(0)->Equals(*expected->column(0)))
        << table->ToString() << "\ninstead of\n"
        << expected->ToString();
    // Arrow's reader renames the entries of maps, so their metadata cannot be compared here.
    const bool with_ids = type_case.type->id() != arrow::Type::MAP;
    EXPECT_TRUE(table->schema()->field(0)->Equals(*stored->field(0), with_ids))
        << table->schema()->ToString(true) << "\ninstead of\n"
        << stored->ToString(true);
  }
}

TEST(ParquetWriter, ParquetTypesAreThoseThatIcebergAsksFor) {
  arrow::FieldVector fields;
  for (const TypeCase& type_case : AllTypes()) {
    fields.push_back(arrow::field("c" + std::to_string(fields.size()), type_case.type));
  }
  fields.push_back(arrow::field("uuid", arrow::extension::uuid()));
  const auto stored =
      AssignFieldIds(*StorableSchema(*arrow::schema(fields)).ValueOrDie()).ValueOrDie();
  ParquetTail tail;
  WriteFile(stored, {}, {}, &tail);
  const auto& schema = *tail.metadata->schema();
  std::set<int> seen;
  ExpectIdsEverywhere(*schema.group_node(), &seen);
  for (int i = 0; i < schema.num_columns(); ++i) {
    const parquet::ColumnDescriptor& leaf = *schema.Column(i);
    EXPECT_NE(leaf.physical_type(), parquet::Type::INT96);
    if (leaf.logical_type()->is_decimal()) {
      const auto expected = leaf.type_precision() <= 9    ? parquet::Type::INT32
                            : leaf.type_precision() <= 18 ? parquet::Type::INT64
                                                          : parquet::Type::FIXED_LEN_BYTE_ARRAY;
      EXPECT_EQ(leaf.physical_type(), expected) << leaf.ToString();
    }
    if (leaf.logical_type()->is_timestamp()) {
      EXPECT_EQ(static_cast<const parquet::TimestampLogicalType&>(*leaf.logical_type()).time_unit(),
                parquet::LogicalType::TimeUnit::MICROS);
    }
  }
  const parquet::ColumnDescriptor& uuid = *schema.Column(schema.num_columns() - 1);
  EXPECT_TRUE(uuid.logical_type()->is_UUID()) << uuid.ToString();
}

TEST(ParquetWriter, FooterKeysAreAddedAndTheFileHasNoArrowSchema) {
  const auto schema =
      AssignFieldIds(*arrow::schema({arrow::field("c", arrow::int32())})).ValueOrDie();
  const auto file = WriteFile(schema, {}, {});
  const auto place = FindFooter(file->bytes(), file->size()).ValueOrDie();
  const auto keys = ReadFooterKeys(file->bytes().subspan(place.offset, place.length)).ValueOrDie();
  ASSERT_EQ(keys.size(), 4u);
  EXPECT_EQ(keys[0].first, "note");
  EXPECT_EQ(keys[1].first, kSectionsEndKey);
  EXPECT_EQ(keys[2].first, kDataChecksumKey);
  EXPECT_EQ(keys[3].first, kFooterChecksumKey);
}

/// Random vectors, each row null with the given chance. Rows carry their number in the first float.
EmbeddingsView RandomEmbeddings(int64_t rows, int32_t dim, double null_chance, uint32_t seed) {
  std::mt19937 random(seed);
  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder builder(arrow::default_memory_pool(), values);
  for (int64_t row = 0; row < rows; ++row) {
    if (std::uniform_real_distribution<>(0, 1)(random) < null_chance) {
      EXPECT_TRUE(builder.AppendNull().ok());
      continue;
    }
    EXPECT_TRUE(builder.Append().ok());
    EXPECT_TRUE(values->Append(static_cast<float>(row)).ok());
    for (int32_t i = 1; i < dim; ++i)
      EXPECT_TRUE(values->Append(std::uniform_real_distribution<float>(-1, 1)(random)).ok());
  }
  return EmbeddingsView::FromArrow(builder.Finish().ValueOrDie(), dim).ValueOrDie();
}

struct MapCase {
  int64_t rows;
  int32_t dim;
  int64_t group_rows;
  double null_chance;
  int64_t page_rows;
};

class PageMapOfFile : public testing::TestWithParam<MapCase> {};

TEST_P(PageMapOfFile, FindsTheFloatsOfEveryRow) {
  const MapCase& c = GetParam();
  constexpr uint32_t kSeed = 17;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const EmbeddingsView all = RandomEmbeddings(c.rows, c.dim, c.null_chance, kSeed);
  const auto schema = AssignFieldIds(*arrow::schema({EmbeddingField("v", -1, -1)})).ValueOrDie();
  std::vector<std::shared_ptr<arrow::RecordBatch>> groups;
  for (int64_t row = 0; row < c.rows; row += c.group_rows) {
    const int64_t count = std::min(c.group_rows, c.rows - row);
    groups.push_back(arrow::RecordBatch::Make(schema, count,
                                              {EmbeddingList(all.Slice(row, count)).ValueOrDie()}));
  }
  ParquetLayout layout;
  layout.raw_embeddings = {"v"};
  layout.max_rows_per_page = c.page_rows;
  ParquetTail tail;
  const auto file = WriteFile(schema, layout, groups, &tail);

  const auto valid = ValidWords(all);
  const auto pages = FindVectorPages(tail, "v", c.dim, valid).ValueOrDie();
  NewSection section;
  section.info.kind = SectionKind::kPageMap;
  section.info.dim = c.dim;
  section.info.record_count = all.rows() - all.null_count();
  const PageMapBytes encoded =
      EncodePageMap(all.rows(), section.info.record_count, pages, valid.empty() ? nullptr : &valid);
  section.chunks = {{kPageTable, encoded.table}};
  if (!valid.empty()) section.chunks.push_back({kRowBitmap, encoded.bitmap});
  std::vector<std::byte> bytes;
  ASSERT_TRUE(WriteSection(section, 0, [&](auto piece) {
                bytes.insert(bytes.end(), piece.begin(), piece.end());
                return Status::OK();
              }).ok());
  const Section opened = Section::Open(bytes, 0, bytes.size(), SectionKind::kPageMap).ValueOrDie();
  const PageMap map = PageMap::Open(opened, file->bytes(), file->size()).ValueOrDie();
  ASSERT_TRUE(map.Verify().ok());
  EXPECT_EQ(map.rows(), static_cast<uint64_t>(c.rows));
  for (int64_t row = 0; row < c.rows; ++row) {
    const std::byte* found = map.Find(static_cast<uint32_t>(row));
    if (all.IsNull(row)) {
      ASSERT_EQ(found, nullptr) << row;
      continue;
    }
    ASSERT_NE(found, nullptr) << row;
    ASSERT_EQ(std::memcmp(found, all.Row(row), c.dim * sizeof(float)), 0) << row;
  }
  EXPECT_EQ(map.Find(static_cast<uint32_t>(c.rows)), nullptr);
  const auto table = ReadBack(*file);
  const auto read =
      EmbeddingsView::FromArrow(arrow::Concatenate(table->column(0)->chunks()).ValueOrDie(), c.dim);
  for (int64_t row = 0; row < c.rows; ++row) ASSERT_EQ(read->IsNull(row), all.IsNull(row)) << row;
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PageMapOfFile,
    testing::Values(MapCase{1, 1, 10, 0, 4096}, MapCase{5000, 1, 5000, 0, 100},
                    MapCase{5000, 3, 700, 0.3, 64}, MapCase{3000, 384, 1100, 0, 4096},
                    MapCase{3000, 384, 1100, 0.1, 4096}, MapCase{200, 1536, 64, 0.5, 4096},
                    MapCase{700, 8, 100, 0.99, 7}, MapCase{300, 16, 300, 1.0, 50},
                    MapCase{9, 65536, 4, 0, 4096}));

TEST(ParquetWriter, PagesOfVectorsAreAboutOneMebibyte) {
  const auto schema = AssignFieldIds(*arrow::schema({EmbeddingField("v", -1, -1)})).ValueOrDie();
  const EmbeddingsView all = RandomEmbeddings(10000, 384, 0, 3);
  ParquetLayout layout;
  layout.raw_embeddings = {"v"};
  ParquetTail tail;
  WriteFile(schema, layout,
            {arrow::RecordBatch::Make(schema, 10000, {EmbeddingList(all).ValueOrDie()})}, &tail);
  const auto pages = FindVectorPages(tail, "v", 384, {}).ValueOrDie();
  for (size_t i = 0; i + 1 < pages.size(); ++i) {
    EXPECT_GT(pages[i].row_count * 384 * 4, 1000 * 1000u);
    EXPECT_LT(pages[i].row_count * 384 * 4, 1200 * 1000u);
  }
}

TEST(ParquetWriter, HalfPrecisionColumnsNeverLeaveTheirDictionary) {
  std::vector<float> values;
  for (int round = 0; round < 3; ++round) {
    for (uint32_t half = 0; half < 65536; ++half) {
      const float value = HalfToFloat(static_cast<uint16_t>(half));
      if (std::isfinite(value)) values.push_back(value);
    }
  }
  const auto view = EmbeddingsView::FromSpan(values, 16).ValueOrDie();
  const HalfEmbeddings half = RoundToHalf(view).ValueOrDie();
  const auto schema = AssignFieldIds(*arrow::schema({EmbeddingField("v", -1, -1)})).ValueOrDie();
  ParquetLayout layout;
  layout.coded_embeddings = {"v"};
  ParquetTail tail;
  const auto list = EmbeddingList(half.rounded).ValueOrDie();
  const auto file =
      WriteFile(schema, layout, {arrow::RecordBatch::Make(schema, view.rows(), {list})}, &tail);
  const auto encodings = tail.metadata->RowGroup(0)->ColumnChunk(0)->encoding_stats();
  for (const auto& pages : encodings) {
    if (pages.page_type == parquet::PageType::DATA_PAGE) {
      EXPECT_TRUE(pages.encoding == parquet::Encoding::RLE_DICTIONARY ||
                  pages.encoding == parquet::Encoding::PLAIN_DICTIONARY);
    }
  }
  EXPECT_TRUE(ReadBack(*file)->column(0)->chunk(0)->Equals(*list));
}

}  // namespace
}  // namespace tarn::format
