// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a segment of a log: described, opened and followed, they are refused or harmless.
// The checksums are made right first, so that what lies behind them is reached.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/crc32c.h"
#include "table/wal/log_reader.h"
#include "table/wal/write_ahead_log.h"

namespace {

const tarn::LogId kLog{"6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                       "0191e8c2-1f1e-7c3a-9d4b-5a6b7c8d9e0f"};
constexpr size_t kCrcAt = 80;

void Seal(std::vector<std::byte>& bytes) {
  if (bytes.size() < tarn::kSegmentHeaderBytes) return;
  const uint32_t crc = tarn::Crc32c(std::span(bytes).first(kCrcAt));
  std::memcpy(&bytes[kCrcAt], &crc, 4);
  for (size_t at = tarn::kSegmentHeaderBytes; at + tarn::kRecordHeaderBytes <= bytes.size();
       at += 8) {
    if (std::memcmp(&bytes[at], "TLRC", 4) != 0) continue;
    const uint32_t record =
        tarn::Crc32c(std::span(bytes).subspan(at + 8, tarn::kRecordHeaderBytes - 8), crc);
    std::memcpy(&bytes[at + 4], &record, 4);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > (1 << 20)) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> bytes(input.begin() + 1, input.end());
  if (data[0] % 2 == 0) Seal(bytes);
  const std::shared_ptr<tarn::LogFolder> folder =
      tarn::MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
  const auto file = folder->Create(tarn::SegmentName{1, 1}.ToString(), bytes.size());
  if (!file.ok() || !(*file)->Write(0, bytes).ok()) return 0;
  const auto summary = tarn::DescribeLog(*folder, kLog);
  uint64_t count = 0;
  const auto visit = [&](const tarn::LogRecord& record) {
    if (record.sequence != ++count) std::abort();
    return tarn::Status::OK();
  };
  auto log = tarn::WriteAheadLog::Open(folder, kLog, 0, {.segment_bytes = 8192});
  if (!log.ok()) return 0;
  if (!(*log)->Replay(0, visit).ok() || !summary.ok() || count != summary->scan.last) std::abort();
  // It goes on, and a follower sees all of it.
  const auto next = (*log)->Enqueue({});
  if (!next.ok() || *next != count + 1 || !(*log)->WaitAcknowledged(*next).ok()) std::abort();
  count = 0;
  const auto reader = tarn::LogReader::Open(folder, kLog, 0);
  if (!reader.ok() || !(*reader)->Poll(visit).ok() || count != *next) std::abort();
  return 0;
}
