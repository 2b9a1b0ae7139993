// SPDX-License-Identifier: Apache-2.0
//
// Metadata written by PyIceberg, Spark and ailake is read to the last entry, and survives
// rewriting.
#include <algorithm>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/avro_file.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_io.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/tests/golden_store.h"
#include "nlohmann/json.hpp"

namespace tarn::iceberg {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

/// File name without its unique part, rows, data sequence number.
using Seen = std::tuple<std::string, int64_t, int64_t>;

class Golden : public ::testing::Test {
 protected:
  TableMetadata Load(const std::string& path) {
    const auto bytes = store_.Read(path).ValueOrDie();
    return TableMetadataFromJson(bytes->text(), path).ValueOrDie();
  }
  LiveFiles Live(const TableMetadata& metadata) {
    return ReadLiveFiles(store_, *metadata.CurrentSnapshot()).ValueOrDie();
  }
  static std::vector<Seen> See(const std::vector<ManifestEntry>& entries) {
    std::vector<Seen> seen;
    for (const auto& entry : entries) {
      const auto& path = entry.data_file.file_path;
      seen.emplace_back(path.substr(path.rfind('/') + 1, 8), entry.data_file.record_count,
                        entry.sequence_number.value());
    }
    return seen;
  }
  static std::string UuidPart(const ManifestEntry& entry) {
    const auto& path = entry.data_file.file_path;
    return path.substr(path.rfind('/') + 1);
  }

  GoldenStore store_;
};

TEST_F(Golden, PyIcebergV2) {
  const auto table = Load("pyiceberg_v2/00003-bcdad6e3-e8dd-416d-b49b-46282b3dd60a.metadata.json");
  EXPECT_EQ(table.format_version, 2);
  EXPECT_EQ(table.location, "file:///tmp/tarn-golden/pyiceberg_v2/warehouse/db/vectors");
  EXPECT_EQ(table.last_sequence_number, 3);
  ASSERT_EQ(table.snapshots.size(), 3u);
  EXPECT_EQ(table.current_snapshot_id, SnapshotId(6109099145882164408));
  EXPECT_EQ(table.refs.at("main").snapshot_id, table.current_snapshot_id);
  EXPECT_EQ(table.snapshots[2].parent_id, SnapshotId(2973755348522746406));
  EXPECT_EQ(table.snapshots[2].summary.at("operation"), "overwrite");
  EXPECT_EQ(table.snapshots[2].SummaryNumber("total-records"), 149);
  const Schema& schema = table.CurrentSchema();
  ASSERT_EQ(schema.fields.size(), 3u);
  EXPECT_EQ(schema.FindPath("embedding.element")->id, 4);
  EXPECT_TRUE(schema.FindPath("embedding.element")->required);

  const auto live = Live(table);
  EXPECT_THAT(See(live.data), ElementsAre(Seen{"00000-0-", 99, 3}, Seen{"00000-0-", 50, 2}));
  EXPECT_THAT(live.deletes, testing::IsEmpty());
  EXPECT_EQ(live.data[0].data_file.file_size_in_bytes, 5919);
  const Type id_type = Type::Of(TypeId::kLong);
  EXPECT_EQ(DecodeValue(id_type, live.data[1].data_file.lower_bounds.at(1)).ValueOrDie(),
            Value(int64_t{100}));
  EXPECT_EQ(live.data[0].data_file.lower_bounds.at(2), "doc 0");
}

TEST_F(Golden, SparkV2WithPositionDeletes) {
  const auto table = Load("spark_v2/v5.metadata.json");
  ASSERT_EQ(table.snapshots.size(), 4u);
  const auto live = Live(table);
  EXPECT_THAT(See(live.data), ElementsAre(Seen{"00000-6-", 5, 4}, Seen{"00000-1-", 50, 2},
                                          Seen{"00000-0-", 100, 1}));
  ASSERT_THAT(See(live.deletes),
              UnorderedElementsAre(Seen{"00000-6-", 3, 4}, Seen{"00000-3-", 2, 3}));
  for (const auto& entry : live.deletes) {
    EXPECT_EQ(entry.data_file.content, FileContent::kPositionDeletes);
    EXPECT_EQ(entry.data_file.file_format, "PARQUET");
  }
  // Rows: 155 in data files, 5 deleted.
  EXPECT_EQ(table.CurrentSnapshot()->SummaryNumber("total-position-deletes"), 5);
}

TEST_F(Golden, SparkV2KeepsTheSupersededEntryAsDeleted) {
  const auto table = Load("spark_v2/v5.metadata.json");
  const auto lines = ReadManifestList(store_, *table.CurrentSnapshot()).ValueOrDie();
  int deleted = 0;
  for (const auto& line : lines) {
    const auto manifest = ReadManifest(store_, line).ValueOrDie();
    EXPECT_EQ(manifest.schema.fields.size(), 3u);
    for (const auto& entry : manifest.entries) {
      if (entry.is_live()) continue;
      ++deleted;
      EXPECT_EQ(entry.data_file.record_count, 1);
      EXPECT_EQ(entry.sequence_number, 3);
      EXPECT_EQ(entry.snapshot_id, SnapshotId(2489334696361958434));
    }
  }
  EXPECT_EQ(deleted, 1);
}

TEST_F(Golden, SparkV3WithDeletionVectorsAndRowIds) {
  const auto table = Load("spark_v3/v5.metadata.json");
  EXPECT_EQ(table.format_version, 3);
  EXPECT_EQ(table.next_row_id, 155);
  EXPECT_EQ(table.CurrentSnapshot()->first_row_id, 150);
  EXPECT_EQ(table.CurrentSnapshot()->added_rows, 5);
  const auto live = Live(table);
  EXPECT_THAT(See(live.data), ElementsAre(Seen{"00000-21", 5, 4}, Seen{"00000-16", 50, 2},
                                          Seen{"00000-15", 100, 1}));
  EXPECT_EQ(live.data[0].data_file.first_row_id, 150);
  EXPECT_EQ(live.data[1].data_file.first_row_id, 100);
  EXPECT_EQ(live.data[2].data_file.first_row_id, 0);
  ASSERT_THAT(See(live.deletes),
              UnorderedElementsAre(Seen{"00000-21", 3, 4}, Seen{"00000-18", 2, 3}));
  for (const auto& entry : live.deletes) {
    const DataFile& file = entry.data_file;
    EXPECT_EQ(file.file_format, "PUFFIN");
    ASSERT_TRUE(file.referenced_data_file && file.content_offset && file.content_size_in_bytes);
    EXPECT_LT(*file.content_offset + *file.content_size_in_bytes, file.file_size_in_bytes);
    const bool known = std::any_of(live.data.begin(), live.data.end(), [&](const auto& data) {
      return data.data_file.file_path == *file.referenced_data_file;
    });
    EXPECT_TRUE(known) << *file.referenced_data_file;
  }
}

TEST_F(Golden, AilakeV1AndItsUnorthodoxMetadata) {
  const auto v2 = Load("ailake_v1/hnsw/v2.metadata.json");
  EXPECT_EQ(v2.CurrentSchema().fields.back().type, Type::Fixed(128));
  EXPECT_THAT(See(Live(v2).data), ElementsAre(Seen{"part-179", 600, 1}));
  // No refs, statistics of an unknown type: read, and kept.
  const auto v3 = Load("ailake_v1/hnsw_v3/v2.metadata.json");
  EXPECT_EQ(v3.refs.at("main").snapshot_id, v3.current_snapshot_id);
  ASSERT_EQ(v3.statistics.size(), 1u);
  EXPECT_THAT(TableMetadataToJson(v3), testing::HasSubstr("ailake-vector-stats-v1"));
  EXPECT_THAT(See(Live(v3).data), ElementsAre(Seen{"part-179", 600, 1}));
}

TEST_F(Golden, EveryMetadataFileSurvivesRewriting) {
  int files = 0;
  for (const auto& info : store_.List("").ValueOrDie()) {
    if (info.path.find(".metadata.json") == std::string::npos) continue;
    SCOPED_TRACE(info.path);
    ++files;
    const auto bytes = store_.Read(info.path).ValueOrDie();
    const auto table = TableMetadataFromJson(bytes->text(), info.path).ValueOrDie();
    const std::string written = TableMetadataToJson(table);
    EXPECT_EQ(TableMetadataFromJson(written, "again").ValueOrDie(), table);
    // Nothing that was there is missing or changed (empty members may come, and refs where there
    // were none).
    auto before = nlohmann::json::parse(bytes->text());
    auto after = nlohmann::json::parse(written);
    for (auto& schema : before["schemas"]) {
      if (schema["identifier-field-ids"].empty()) schema.erase("identifier-field-ids");
    }
    for (const auto& [key, value] : before.items()) {
      if (key == "refs" && value.empty()) continue;
      // Members that version 2 does not have, or spells otherwise.
      if (table.format_version == 2 && (value.is_null() || key == "next-row-id")) continue;
      EXPECT_EQ(after[key], value) << key;
    }
  }
  EXPECT_GT(files, 15);
}

/// The Avro schemas that we write are Spark's, name by name and null by null.
TEST_F(Golden, OurAvroSchemasAreThoseOfTheReferenceImplementation) {
  const auto header = [&](const std::string& path) {
    const auto bytes = store_.Read(path).ValueOrDie();
    const auto file = AvroFileReader::Open(bytes->bytes(), path).ValueOrDie();
    return nlohmann::ordered_json::parse(*file.Header("avro.schema"));
  };
  for (const auto& [folder, version] :
       {std::pair<const char*, int>{"spark_v2/", 2}, {"spark_v3/", 3}}) {
    for (const auto& info : store_.List(folder).ValueOrDie()) {
      if (info.path.find(".avro") == std::string::npos) continue;
      const bool list = info.path.find("snap-") != std::string::npos;
      const std::string ours =
          list ? ManifestListSchemaJson(version) : ManifestEntrySchemaJson(version, {});
      EXPECT_EQ(nlohmann::ordered_json::parse(ours), header(info.path)) << info.path;
    }
  }
}

TEST_F(Golden, EveryManifestSurvivesRewriting) {
  for (const char* path :
       {"spark_v2/v5.metadata.json", "spark_v3/v5.metadata.json",
        "pyiceberg_v2/00003-bcdad6e3-e8dd-416d-b49b-46282b3dd60a.metadata.json"}) {
    SCOPED_TRACE(path);
    const auto table = Load(path);
    for (const auto& snapshot : table.snapshots) {
      const auto lines = ReadManifestList(store_, snapshot).ValueOrDie();
      const auto list =
          ManifestListToAvro({table.format_version, snapshot.snapshot_id, snapshot.parent_id,
                              snapshot.sequence_number, snapshot.first_row_id},
                             lines)
              .ValueOrDie();
      EXPECT_EQ(ManifestListFromAvro(std::as_bytes(std::span(list)), "again").ValueOrDie(), lines);
      for (const auto& line : lines) {
        const auto bytes = store_.Read(store_.PathOf(line.manifest_path).ValueOrDie()).ValueOrDie();
        EXPECT_EQ(static_cast<int64_t>(bytes->size()), line.manifest_length);
        const auto manifest = ManifestFromAvro(bytes->bytes(), line.manifest_path).ValueOrDie();
        const auto written = ManifestToAvro(manifest).ValueOrDie();
        const auto again =
            ManifestFromAvro(std::as_bytes(std::span(written)), "again").ValueOrDie();
        EXPECT_EQ(again.entries, manifest.entries);
        EXPECT_EQ(again.schema, manifest.schema);
        EXPECT_EQ(again.content, manifest.content);
        const auto summary = SummarizeManifest(manifest, line.sequence_number).ValueOrDie();
        EXPECT_EQ(summary.added_files_count, line.added_files_count);
        EXPECT_EQ(summary.existing_files_count, line.existing_files_count);
        EXPECT_EQ(summary.deleted_files_count, line.deleted_files_count);
        EXPECT_EQ(summary.added_rows_count, line.added_rows_count);
        EXPECT_EQ(summary.existing_rows_count, line.existing_rows_count);
        EXPECT_EQ(summary.deleted_rows_count, line.deleted_rows_count);
        EXPECT_EQ(summary.min_sequence_number, line.min_sequence_number);
      }
    }
  }
}

}  // namespace
}  // namespace tarn::iceberg
