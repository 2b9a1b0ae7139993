// SPDX-License-Identifier: Apache-2.0
//
// Damaged and hostile files: every parser answers, in bounded time and memory, or says what is
// wrong.
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/avro_file.h"
#include "iceberg/block_codec.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/tests/golden_store.h"

namespace tarn::iceberg {
namespace {

using testing::HasSubstr;

constexpr char kMetadata[] = "spark_v3/v5.metadata.json";

/// Parses the bytes as whatever the name says.
Status Parse(const std::string& name, std::string_view bytes) {
  if (name.find(".json") != std::string::npos) return TableMetadataFromJson(bytes, name).status();
  if (name.find("snap-") != std::string::npos) {
    return ManifestListFromAvro(AsBytes(bytes), name).status();
  }
  return ManifestFromAvro(AsBytes(bytes), name).status();
}

/// One of each: metadata, manifests (data, deletes) and lists of three writers.
std::vector<std::string> Samples(GoldenStore& store) {
  std::vector<std::string> samples = {kMetadata};
  for (const char* folder : {"spark_v3/", "pyiceberg_v2/", "ailake_v1/hnsw/"}) {
    int manifests = 0, lists = 0;
    for (const auto& info : store.List(folder).ValueOrDie()) {
      if (info.path.find(".avro") == std::string::npos) continue;
      int& seen = info.path.find("snap-") == std::string::npos ? manifests : lists;
      if (seen++ < 2) samples.push_back(info.path);
    }
  }
  return samples;
}

TEST(Hostile, EveryTruncationIsRefusedByName) {
  GoldenStore store;
  for (const auto& name : Samples(store)) {
    const auto bytes = store.Read(name).ValueOrDie();
    const std::string_view whole = bytes->text();
    ASSERT_TRUE(Parse(name, whole).ok());
    const size_t step = whole.size() > 6000 ? 7 : 1;
    for (size_t size = 0; size < whole.size(); size += step) {
      const Status status = Parse(name, std::string(whole.substr(0, size)));
      // An Avro file may be cut just after its header: it is then a file without records.
      if (status.ok() && name.find(".avro") != std::string::npos) continue;
      ASSERT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << name << " at " << size << ": " << status;
      ASSERT_THAT(status.message(), HasSubstr(name));
    }
  }
}

TEST(Hostile, RandomMutationsNeverDoHarm) {
  GoldenStore store;
  constexpr uint64_t kSeed = 20261121;
  std::mt19937_64 random(kSeed);
  for (const auto& name : Samples(store)) {
    const std::string whole(store.Read(name).ValueOrDie()->text());
    for (int round = 0; round < 400; ++round) {
      std::string bytes = whole;
      const int changes = 1 + static_cast<int>(random() % 8);
      for (int i = 0; i < changes; ++i) {
        const size_t at = random() % bytes.size();
        switch (random() % 4) {
          case 0:
            bytes[at] = static_cast<char>(random());
            break;
          case 1:
            bytes[at] ^= static_cast<char>(1 << (random() % 8));
            break;
          case 2:
            bytes.erase(at, 1 + random() % 16);
            break;
          default:
            bytes.insert(at, std::string(1 + random() % 8, static_cast<char>(random())));
        }
        if (bytes.empty()) break;
      }
      const Status status = Parse(name, bytes);
      if (!status.ok()) {
        ASSERT_THAT(status.message(), HasSubstr(name)) << "seed " << kSeed << " round " << round;
      }
    }
  }
}

/// Avro records mutated beneath the compression, where random bytes reach the decoder.
TEST(Hostile, RandomMutationsOfUncompressedRecordsNeverDoHarm) {
  GoldenStore store;
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  for (const auto& name : Samples(store)) {
    if (name.find(".avro") == std::string::npos) continue;
    const auto bytes = store.Read(name).ValueOrDie();
    const auto file = AvroFileReader::Open(bytes->bytes(), name).ValueOrDie();
    std::vector<std::pair<std::string, std::string>> header;
    for (const char* key :
         {"schema", "partition-spec", "partition-spec-id", "format-version", "content"}) {
      if (const auto* text = file.Header(key)) header.emplace_back(key, *text);
    }
    std::string records;
    int64_t count = 0;
    ASSERT_TRUE(file.ForEach([&](AvroDecoder& in) {
                      if (count++ == 0) records = in.Fixed(in.remaining());
                      return in.remaining() == 0 ? Status::Cancelled("all read") : Status::OK();
                    })
                    .IsCancelled());
    for (int round = 0; round < 400; ++round) {
      std::string mutated = records;
      for (int i = 0; i < 3; ++i) mutated[random() % mutated.size()] = static_cast<char>(random());
      AvroFileWriter writer(*file.Header("avro.schema"), header, AvroCodec::kNull);
      writer.encoder().Fixed(mutated);
      writer.EndRecord();
      const std::string made = writer.Finish().ValueOrDie();
      (void)Parse(name, made);
    }
  }
}

TEST(Hostile, ADecompressionBombIsRefused) {
  const std::string zeros(64 << 20, '\0');
  const std::string deflated = DeflateBlock(zeros).ValueOrDie();
  auto status = DecompressBlock("deflate", deflated, "bomb.avro").status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
  EXPECT_THAT(status.message(), HasSubstr("bomb.avro"));
  std::string packed(ZSTD_compressBound(zeros.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), zeros.data(), zeros.size(), 3));
  status = DecompressBlock("zstandard", packed, "bomb.avro").status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
  status =
      DecompressBlock("snappy", std::string("\xff\xff\xff\xff\x0f") + "abcd", "bomb.avro").status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
}

TEST(Hostile, DeeplyNestedJsonIsRefused) {
  for (const std::string& text : {std::string(200'000, '['), std::string(200'000, '{'),
                                  std::string(1000, '[') + std::string(1000, ']')}) {
    EXPECT_TRUE(IsKind(TableMetadataFromJson(text, "deep").status(), ErrorKind::kCorrupt));
  }
}

TEST(Hostile, AnAvroSchemaThatUnfoldsWithoutEndIsRefused) {
  std::string fields;
  for (int i = 0; i < 40; ++i) {
    const std::string type = i == 0 ? "\"null\"" : "\"r" + std::to_string(i - 1) + "\"";
    if (i > 0) fields += ",";
    const std::string n = std::to_string(i);
    fields += R"({"name":"f)" + n + R"(","type":{"type":"record","name":"r)" + n +
              R"(","fields":[{"name":"a","type":)" + type + R"(},{"name":"b","type":)" + type +
              "}]}}";
  }
  const auto status =
      ParseAvroSchema(R"({"type":"record","name":"top","fields":[)" + fields + "]}", "x").status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
  EXPECT_THAT(status.message(), HasSubstr("too large"));
  EXPECT_FALSE(
      ParseAvroSchema(R"({"type":"record","name":"r","fields":[{"name":"a","type":"r"}]})", "x")
          .ok());
}

TEST(Hostile, CountsLargerThanTheFileAllocateNothing) {
  AvroEncoder out;
  out.Long(INT64_MAX / 2);
  AvroDecoder in(AsBytes(out.out()));
  const auto array = ParseAvroSchema(R"({"type":"array","items":"null"})", "x").ValueOrDie();
  int items = 0;
  in.Items(*array, [&](const AvroType&) { ++items; });
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(items, 0);
}

TEST(Hostile, VersionFourIsNotSupported) {
  GoldenStore store;
  std::string text(store.Read(kMetadata).ValueOrDie()->text());
  text.replace(text.find("\"format-version\":3"), 18, "\"format-version\":4");
  EXPECT_TRUE(IsKind(TableMetadataFromJson(text, "v4").status(), ErrorKind::kNotSupported));
}

TEST(Hostile, OnlyABeginningCountsAsCutShort) {
  GoldenStore store;
  const std::string whole(store.Read(kMetadata).ValueOrDie()->text());
  EXPECT_TRUE(IsCutShortJson(""));
  for (size_t size = 1; size < whole.size(); size += 97) {
    EXPECT_TRUE(IsCutShortJson(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_FALSE(IsCutShortJson(whole));
  EXPECT_FALSE(IsCutShortJson("no json"));
  EXPECT_FALSE(IsCutShortJson("{\"a\":1}}"));
  EXPECT_FALSE(IsCutShortJson(std::string("\0\0\0\0", 4)));
}

}  // namespace
}  // namespace tarn::iceberg
