// SPDX-License-Identifier: Apache-2.0
#include "iceberg/manifest.h"

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/avro_file.h"
#include "iceberg/block_codec.h"
#include "iceberg/manifest_avro.h"

namespace tarn::iceberg {
namespace {

using testing::HasSubstr;

Schema TestSchema() {
  Schema schema;
  schema.schema_id = 2;
  int32_t id = 1;
  const auto add = [&](const char* name, Type type) {
    schema.fields.push_back({id++, name, false, std::move(type), {}, {}});
  };
  add("long", Type::Of(TypeId::kLong));
  add("date", Type::Of(TypeId::kDate));
  add("text", Type::Of(TypeId::kString));
  add("uuid", Type::Of(TypeId::kUuid));
  add("decimal", Type::Decimal(20, 2));
  add("stamp", Type::Of(TypeId::kTimestampTz));
  add("double", Type::Of(TypeId::kDouble));
  add("flag", Type::Of(TypeId::kBoolean));
  add("fixed", Type::Fixed(3));
  add("binary", Type::Of(TypeId::kBinary));
  return schema;
}

DataFile FullFile() {
  DataFile file;
  file.file_path = "file:///t/data/a.parquet";
  file.record_count = 10;
  file.file_size_in_bytes = 12345678901;
  file.column_sizes = {{1, 100}, {2, 200}};
  file.value_counts = {{1, 10}};
  file.null_value_counts = {{1, 0}};
  file.nan_value_counts = {{7, 3}};
  file.lower_bounds = {{1, std::string(8, '\0')}};
  file.upper_bounds = {{1, std::string(8, '\x7f')}};
  file.key_metadata = std::string("\0key", 4);
  file.split_offsets = {4, 1000};
  file.sort_order_id = 1;
  return file;
}

Manifest OneFile(int32_t version = 2) {
  Manifest manifest;
  manifest.format_version = version;
  manifest.schema = TestSchema();
  manifest.entries.push_back({EntryStatus::kAdded, SnapshotId(5), {}, {}, FullFile()});
  return manifest;
}

Manifest Back(const Manifest& manifest) {
  const auto bytes = ManifestToAvro(manifest).ValueOrDie();
  return ManifestFromAvro(AsBytes(bytes), "m.avro").ValueOrDie();
}

TEST(Manifest, EveryFieldComesBack) {
  for (const int32_t version : {2, 3}) {
    Manifest manifest = OneFile(version);
    manifest.entries.push_back({EntryStatus::kExisting, SnapshotId(4), 3, 2, FullFile()});
    manifest.entries.push_back({EntryStatus::kDeleted, SnapshotId(5), 1, 1, FullFile()});
    manifest.entries[0].data_file.referenced_data_file = "file:///x";
    if (version == 3) {
      manifest.entries[0].data_file.first_row_id = 77;
      manifest.entries[1].data_file.content_offset = 4;
      manifest.entries[1].data_file.content_size_in_bytes = 40;
    }
    const Manifest back = Back(manifest);
    EXPECT_EQ(back.entries, manifest.entries);
    EXPECT_EQ(back.schema, manifest.schema);
    EXPECT_EQ(back.spec, manifest.spec);
    EXPECT_EQ(back.format_version, version);
  }
}

TEST(Manifest, ManyEntriesSpanBlocks) {
  Manifest manifest = OneFile();
  const ManifestEntry entry = manifest.entries[0];
  for (int i = 1; i < 3000; ++i) {
    manifest.entries.push_back(entry);
    manifest.entries.back().data_file.file_path += std::to_string(i);
  }
  EXPECT_EQ(Back(manifest).entries, manifest.entries);
}

TEST(Manifest, DeletesLieInManifestsOfTheirOwn) {
  Manifest manifest = OneFile();
  manifest.content = ManifestContent::kDeletes;
  EXPECT_TRUE(IsKind(ManifestToAvro(manifest).status(), ErrorKind::kBadInput));
  manifest.entries[0].data_file.content = FileContent::kEqualityDeletes;
  manifest.entries[0].data_file.equality_ids = {1, 3};
  const Manifest back = Back(manifest);
  EXPECT_EQ(back.content, ManifestContent::kDeletes);
  EXPECT_EQ(back.entries, manifest.entries);
}

TEST(Manifest, PartitionValuesOfEveryTypeComeBack) {
  Manifest manifest = OneFile();
  int32_t id = 1000;
  for (const auto& field : manifest.schema.fields) {
    manifest.spec.fields.push_back({field.id, id++, field.name + " 1", "identity", {}});
  }
  manifest.spec.fields.push_back({4, id++, "uuid again", "identity", {}});
  manifest.spec.fields.push_back({1, id++, "bucket", "bucket[8]", {}});
  manifest.spec.spec_id = 3;
  manifest.entries.reserve(2);
  DataFile& file = manifest.entries[0].data_file;
  file.spec_id = 3;
  file.partition = {int64_t{-5},
                    int32_t{18000},
                    std::string("x"),
                    std::string(16, 'u'),
                    DecimalBytes(-123456789),
                    int64_t{1},
                    2.5,
                    true,
                    std::string("abc"),
                    std::string("\0\1", 2),
                    std::string(16, 'v'),
                    int32_t{7}};
  manifest.entries.push_back(manifest.entries[0]);
  for (Value& value : manifest.entries[1].data_file.partition) value = {};
  const Manifest back = Back(manifest);
  EXPECT_EQ(back.entries, manifest.entries);
  EXPECT_EQ(back.spec, manifest.spec);

  file.partition[0] = int32_t{1};
  EXPECT_TRUE(IsKind(ManifestToAvro(manifest).status(), ErrorKind::kBadInput));
  file.partition.pop_back();
  EXPECT_TRUE(IsKind(ManifestToAvro(manifest).status(), ErrorKind::kBadInput));
}

TEST(Manifest, PartitionSummariesHaveBoundsAndNulls) {
  Manifest manifest = OneFile();
  manifest.spec.fields = {{1, 1000, "long", "identity", {}}, {7, 1001, "double", "identity", {}}};
  const auto add = [&](Value a, Value b) {
    manifest.entries.push_back(manifest.entries[0]);
    manifest.entries.back().data_file.partition = {a, b};
  };
  manifest.entries[0].data_file.partition = {int64_t{3}, 1.0};
  add(int64_t{-300}, {});
  add(int64_t{20}, std::nan(""));
  const auto line = SummarizeManifest(manifest, 9).ValueOrDie();
  ASSERT_EQ(line.partitions->size(), 2u);
  const auto& first = line.partitions->at(0);
  const Type type = Type::Of(TypeId::kLong);
  EXPECT_EQ(DecodeValue(type, *first.lower_bound).ValueOrDie(), Value(int64_t{-300}));
  EXPECT_EQ(DecodeValue(type, *first.upper_bound).ValueOrDie(), Value(int64_t{20}));
  EXPECT_FALSE(first.contains_null);
  EXPECT_EQ(first.contains_nan, std::nullopt);
  EXPECT_TRUE(line.partitions->at(1).contains_null);
  EXPECT_EQ(line.partitions->at(1).contains_nan, true);
}

TEST(Manifest, TheLeastLiveSequenceNumberCounts) {
  Manifest manifest = OneFile();
  EXPECT_EQ(SummarizeManifest(manifest, 9)->min_sequence_number, 9);
  manifest.entries.push_back({EntryStatus::kAdded, SnapshotId(5), 4, {}, FullFile()});
  manifest.entries.push_back({EntryStatus::kDeleted, SnapshotId(5), 1, 1, FullFile()});
  const auto line = SummarizeManifest(manifest, 9).ValueOrDie();
  EXPECT_EQ(line.min_sequence_number, 4);
  EXPECT_EQ(line.sequence_number, 9);
  EXPECT_EQ(line.added_files_count, 2);
  EXPECT_EQ(line.deleted_files_count, 1);
  EXPECT_EQ(line.added_rows_count, 20);
  EXPECT_EQ(line.deleted_rows_count, 10);
}

TEST(Manifest, OldEntriesMustKnowTheirSequenceNumbers) {
  Manifest manifest = OneFile();
  manifest.entries[0].status = EntryStatus::kExisting;
  EXPECT_TRUE(IsKind(ManifestToAvro(manifest).status(), ErrorKind::kBadInput));
  manifest.entries[0].sequence_number = 1;
  EXPECT_TRUE(IsKind(ManifestToAvro(manifest).status(), ErrorKind::kBadInput));
  manifest.entries[0].file_sequence_number = 1;
  EXPECT_TRUE(ManifestToAvro(manifest).ok());
}

TEST(Inheritance, AddedEntriesTakeTheCommitsNumbersUnlessTheyHaveTheirOwn) {
  Manifest manifest = OneFile();
  manifest.entries[0].snapshot_id.reset();
  manifest.entries.push_back({EntryStatus::kAdded, SnapshotId(8), 2, {}, FullFile()});
  manifest.entries.push_back({EntryStatus::kExisting, SnapshotId(3), 1, 1, FullFile()});
  ManifestFile line;
  line.sequence_number = 7;
  line.added_snapshot_id = SnapshotId(8);
  line.partition_spec_id = 4;
  ASSERT_TRUE(InheritFrom(line, "m", &manifest).ok());
  EXPECT_EQ(manifest.entries[0].snapshot_id, SnapshotId(8));
  EXPECT_EQ(manifest.entries[0].sequence_number, 7);
  EXPECT_EQ(manifest.entries[0].file_sequence_number, 7);
  EXPECT_EQ(manifest.entries[0].data_file.spec_id, 4);
  EXPECT_EQ(manifest.entries[1].sequence_number, 2);
  EXPECT_EQ(manifest.entries[1].file_sequence_number, 7);
  EXPECT_EQ(manifest.entries[2].sequence_number, 1);
}

TEST(Inheritance, AnOldEntryWithoutANumberIsCorruptExceptFromVersionOne) {
  Manifest manifest = OneFile();
  manifest.entries[0].status = EntryStatus::kExisting;
  ManifestFile line;
  line.sequence_number = 7;
  const Status status = InheritFrom(line, "m.avro", &manifest);
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
  EXPECT_THAT(status.message(), HasSubstr("m.avro"));
  line.sequence_number = 0;
  EXPECT_TRUE(InheritFrom(line, "m.avro", &manifest).ok());
  EXPECT_EQ(manifest.entries[0].sequence_number, 0);
  manifest.format_version = 1;
  line.sequence_number = 7;
  ASSERT_TRUE(InheritFrom(line, "m.avro", &manifest).ok());
  EXPECT_EQ(manifest.entries[0].sequence_number, 0);
}

TEST(Inheritance, RowIdsCountUpOverFilesThatHaveNone) {
  Manifest manifest = OneFile(3);
  manifest.entries.push_back(manifest.entries[0]);
  manifest.entries[1].data_file.first_row_id = 3;
  manifest.entries.push_back(manifest.entries[0]);
  ManifestFile line;
  line.first_row_id = 100;
  ASSERT_TRUE(InheritFrom(line, "m", &manifest).ok());
  EXPECT_EQ(manifest.entries[0].data_file.first_row_id, 100);
  EXPECT_EQ(manifest.entries[1].data_file.first_row_id, 3);
  EXPECT_EQ(manifest.entries[2].data_file.first_row_id, 110);
}

TEST(ManifestList, EveryFieldComesBack) {
  ManifestFile line;
  line.manifest_path = "file:///t/metadata/m.avro";
  line.manifest_length = 1 << 20;
  line.partition_spec_id = 1;
  line.content = ManifestContent::kDeletes;
  line.sequence_number = 9;
  line.min_sequence_number = 2;
  line.added_snapshot_id = SnapshotId(INT64_MAX);
  line.added_files_count = 1;
  line.existing_files_count = 2;
  line.deleted_files_count = 3;
  line.added_rows_count = 4;
  line.existing_rows_count = 5;
  line.deleted_rows_count = 6;
  line.partitions =
      std::vector<PartitionFieldSummary>{{true, false, "lo", "hi"}, {false, {}, {}, {}}};
  line.key_metadata = "k";
  ManifestFile plain = line;
  plain.partitions.reset();
  plain.key_metadata.reset();
  plain.content = ManifestContent::kData;
  for (const int32_t version : {2, 3}) {
    if (version == 3) plain.first_row_id = 44;
    const auto bytes =
        ManifestListToAvro({version, SnapshotId(3), SnapshotId(2), 9, 40}, {line, plain})
            .ValueOrDie();
    const auto back = ManifestListFromAvro(AsBytes(bytes), "l.avro").ValueOrDie();
    ASSERT_EQ(back.size(), 2u);
    EXPECT_EQ(back[0], line);
    EXPECT_EQ(back[1].manifest_path, plain.manifest_path);
    EXPECT_EQ(back[1].partitions, plain.partitions);
    EXPECT_EQ(back[1].key_metadata, plain.key_metadata);
    EXPECT_EQ(back[1].first_row_id, plain.first_row_id);
    EXPECT_EQ(back[1], plain);
    const auto file = AvroFileReader::Open(AsBytes(bytes), "l.avro").ValueOrDie();
    EXPECT_EQ(*file.Header("snapshot-id"), "3");
    EXPECT_EQ(*file.Header("parent-snapshot-id"), "2");
    EXPECT_EQ(*file.Header("sequence-number"), "9");
    EXPECT_EQ(*file.Header("format-version"), std::to_string(version));
    EXPECT_EQ(file.Header("first-row-id") != nullptr, version == 3);
  }
  const auto first = ManifestListToAvro({2, SnapshotId(3), {}, 1, {}}, {}).ValueOrDie();
  EXPECT_EQ(*AvroFileReader::Open(AsBytes(first), "l")->Header("parent-snapshot-id"), "null");
  EXPECT_TRUE(IsKind(ManifestListToAvro({1, SnapshotId(3), {}, 1, {}}, {}).status(),
                     ErrorKind::kNotSupported));
}

TEST(Manifest, TheHeaderHoldsTheFieldsArrayAlone) {
  Manifest manifest = OneFile();
  const auto bytes = ManifestToAvro(manifest).ValueOrDie();
  const auto file = AvroFileReader::Open(AsBytes(bytes), "m").ValueOrDie();
  EXPECT_EQ(*file.Header("partition-spec"), "[]");
  EXPECT_EQ(*file.Header("partition-spec-id"), "0");
  EXPECT_EQ(*file.Header("schema-id"), "2");
  EXPECT_EQ(*file.Header("format-version"), "2");
  EXPECT_EQ(*file.Header("content"), "data");
  EXPECT_EQ(*file.Header("avro.codec"), "deflate");
}

/// A writer with its own field order, without ids or unions, and with fields that we do not know.
TEST(Manifest, OtherWritersOrderAndNullabilityAreTolerated) {
  const char* schema = R"({"type":"record","name":"e","fields":[
    {"name":"extra","type":{"type":"map","values":{"type":"array","items":["null","double"]}}},
    {"name":"data_file","type":{"type":"record","name":"d","fields":[
      {"name":"record_count","type":"int"},
      {"name":"file_path","type":["string","null"]},
      {"name":"split_offsets","type":{"type":"array","items":"int"}},
      {"name":"odd","type":{"type":"enum","name":"en","symbols":["A","B"]}},
      {"name":"file_format","type":"string"},
      {"name":"file_size_in_bytes","type":"long"}]}},
    {"name":"snapshot_id","type":"long"},
    {"name":"status","type":["null","int"]}]})";
  AvroFileWriter writer(schema, {{"format-version", "2"}}, AvroCodec::kNull);
  AvroEncoder& out = writer.encoder();
  out.Long(1);  // one block of the map
  out.Bytes("key");
  out.Long(1);
  out.NotNull();
  out.Float(1.5);
  out.Long(0);
  out.Long(0);
  out.Long(12);
  out.Long(0);  // the first branch
  out.Bytes("file:/x");
  out.Long(-2);  // a block of two items with its size in bytes
  out.Long(2);
  out.Long(4);
  out.Long(8);
  out.Long(0);
  out.Long(1);
  out.Bytes("parquet");
  out.Long(99);
  out.Long(6);
  out.NotNull();
  out.Long(2);
  writer.EndRecord();
  const auto bytes = writer.Finish().ValueOrDie();
  const auto manifest = ManifestFromAvro(AsBytes(bytes), "m.avro");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const ManifestEntry& entry = manifest->entries.at(0);
  EXPECT_EQ(entry.status, EntryStatus::kDeleted);
  EXPECT_EQ(entry.snapshot_id, SnapshotId(6));
  EXPECT_EQ(entry.data_file.file_path, "file:/x");
  EXPECT_EQ(entry.data_file.file_format, "PARQUET");
  EXPECT_EQ(entry.data_file.record_count, 12);
  EXPECT_EQ(entry.data_file.split_offsets, (std::vector<int64_t>{4, 8}));
}

TEST(BlockCodec, EveryCodecIsRead) {
  std::string plain;
  for (int i = 0; i < 5000; ++i) plain += std::to_string(i);
  EXPECT_EQ(DecompressBlock("null", plain, "x").ValueOrDie(), plain);
  EXPECT_EQ(DecompressBlock("deflate", DeflateBlock(plain).ValueOrDie(), "x").ValueOrDie(), plain);
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  EXPECT_EQ(DecompressBlock("zstandard", packed, "x").ValueOrDie(), plain);
  std::string snap;
  snappy::Compress(plain.data(), plain.size(), &snap);
  const uint32_t crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(plain.data()), static_cast<uInt>(plain.size())));
  for (const int shift : {24, 16, 8, 0}) snap += static_cast<char>(crc >> shift);
  EXPECT_EQ(DecompressBlock("snappy", snap, "x").ValueOrDie(), plain);
  snap.back() = static_cast<char>(snap.back() + 1);
  EXPECT_TRUE(IsKind(DecompressBlock("snappy", snap, "x").status(), ErrorKind::kCorrupt));
  EXPECT_TRUE(IsKind(DecompressBlock("bzip2", plain, "x").status(), ErrorKind::kNotSupported));
}

}  // namespace
}  // namespace tarn::iceberg
