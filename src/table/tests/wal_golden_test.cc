// SPDX-License-Identifier: Apache-2.0
//
// A log that docs/formats/wal.md was turned into by another program: it is read, and written to the
// byte.
#include <fstream>
#include <iterator>

#include "table/tests/wal_fixture.h"

namespace tarn {
namespace {

LogFiles GoldenLog() {
  LogFiles files;
  for (const std::string name : {"00000000000000000001-0000000001.wal", "watermark"}) {
    std::string path = TARN_GOLDEN_DIR "/wal_v1/";
    path += name;
    std::ifstream file(path, std::ios::binary);
    files[name] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

std::vector<LogRecord> GoldenRecords() {
  std::string bytes;
  for (char c = 0; c < 40; ++c) bytes += c;
  return {{1, LogRecordKind::kInsert, 0, "", arrow::Buffer::FromString("first")},
          {2, LogRecordKind::kInsert, 3, "batch 2", arrow::Buffer::FromString(bytes)},
          {3, LogRecordKind::kUpsert, 3, "b3", arrow::Buffer::FromString("")}};
}

TEST(GoldenLogs, AreRead) {
  const auto folder = FolderOf(GoldenLog());
  const auto expected = GoldenRecords();
  const auto log = WriteAheadLog::Open(folder, kLog, 0).ValueOrDie();
  EXPECT_EQ(log->epoch(), 2u);
  size_t n = 0;
  ASSERT_TRUE(log->Replay(0,
                          [&](const LogRecord& record) {
                            EXPECT_EQ(record.sequence, expected[n].sequence);
                            EXPECT_EQ(record.kind, expected[n].kind);
                            EXPECT_EQ(record.schema_id, expected[n].schema_id);
                            EXPECT_EQ(record.batch_id, expected[n].batch_id);
                            EXPECT_TRUE(record.payload->Equals(*expected[n].payload));
                            ++n;
                            return Status::OK();
                          })
                  .ok());
  EXPECT_EQ(n, 3u);
}

TEST(GoldenLogs, AreWritten) {
  const auto golden = GoldenLog();
  const std::shared_ptr<LogFolder> folder = FolderOf({});
  {
    const auto log =
        WriteAheadLog::Open(folder, kLog, 0, {.segment_bytes = golden.begin()->second.size()})
            .ValueOrDie();
    for (auto& record : GoldenRecords()) {
      ASSERT_TRUE(log->WaitAcknowledged(log->Enqueue(record).ValueOrDie()).ok());
    }
  }
  auto written = FilesOf(*folder);
  const std::string owner = written.extract("owner").mapped();
  EXPECT_EQ(owner.substr(0, 9), "TRNWAWN1\1");
  EXPECT_EQ(written, golden);
}

}  // namespace
}  // namespace tarn
