// SPDX-License-Identifier: Apache-2.0
//
// A segment is one file of a log: a header, then records with consecutive sequences, then zeros.
// Its name is `<first sequence, 20 digits>-<epoch, 10 digits>.wal`. Bytes: docs/formats/wal.md.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/log_folder.h"
#include "table/wal/log_record.h"

namespace tarn {

/// Whose log it is. UUIDs in text form.
struct LogId {
  std::string table_uuid;
  std::string wal_uuid;
};

/// The 32 bytes of both. kBadInput where one is no UUID.
Result<std::vector<std::byte>> LogIdBytes(const LogId& id);

struct SegmentName {
  uint64_t first = 0;  ///< the sequence of its first record
  uint64_t epoch = 0;  ///< of the writer that made it
  friend auto operator<=>(const SegmentName&, const SegmentName&) = default;
  std::string ToString() const;
  /// nullopt for the name of anything else.
  static std::optional<SegmentName> Parse(std::string_view text);
};

inline constexpr size_t kSegmentHeaderBytes = 4096;  ///< the records begin behind them
inline constexpr uint64_t kMostEpoch = 9'999'999'999;

struct SegmentHeader {
  SegmentName name;
  uint64_t durable = 0;  ///< every record up to this one was on the disk when the segment was made
  uint64_t covered = 0;  ///< every record up to this one was in the table by then; below first
  uint32_t crc = 0;      ///< of the header; seeds the checksums of the records
};

/// A segment that has no name yet.
inline constexpr std::string_view kDraftName = "next.tmp";

/// A draft without records, of `size` bytes in all, in place of any that is there; sets the
/// header's crc. Nothing is synced. What a failure leaves behind is no segment.
Result<std::unique_ptr<LogFile>> CreateDraft(LogFolder& folder, uint64_t size,
                                             SegmentHeader& header, const LogId& id);

/// Reads a segment from its beginning to its end. One thread at a time.
class SegmentReader {
 public:
  enum class Found {
    kRecord,   ///< the next one
    kNothing,  ///< where it should begin lies something else: zeros, torn or damaged bytes
  };

  /// kCorrupt when the header is damaged; kBadInput when it is another log's, kNotSupported when a
  /// newer version wrote it, kNotFound and kIo from the folder.
  static Result<std::unique_ptr<SegmentReader>> Open(LogFolder& folder, const SegmentName& name,
                                                     const LogId& id);

  /// Reads the record at the position and steps behind it. Records before `from` are stepped over
  /// without a look at their bodies: `record` has then only a sequence. kNotSupported for one that
  /// this version does not know.
  Result<Found> Next(LogRecord* record, uint64_t from = 0);

  /// Looks for headers of records anywhere behind the position.
  struct Rest {
    uint64_t durable = 0;  ///< the highest that one of them states
    uint64_t stated_at = 0;
    uint64_t end = 0;  ///< where the last byte ends that is not zero; the position if none
  };
  Result<Rest> SearchRest();

  const SegmentHeader& header() const { return header_; }
  uint64_t next_sequence() const { return next_; }
  uint64_t position() const { return position_; }
  /// What the records that were read state about others.
  uint64_t durable() const { return durable_; }
  uint64_t size() const { return file_->size(); }

 private:
  SegmentReader(std::unique_ptr<LogFile> file, SegmentHeader header, std::string path);
  Result<bool> ReadBody(const RecordHeader& header, LogRecord* record);

  const std::unique_ptr<LogFile> file_;
  const SegmentHeader header_;
  const std::string path_;
  uint64_t position_ = kSegmentHeaderBytes;
  uint64_t next_;
  uint64_t durable_;
};

/// Visits the records `after` < sequence <= `last` of these segments, which are those that count,
/// in order. kNotFound when the first of them are gone, kCorrupt when one cannot be read.
Status VisitRecords(LogFolder& folder, const LogId& id, const std::vector<SegmentName>& segments,
                    uint64_t after, uint64_t last, const LogVisitor& visitor);

}  // namespace tarn
