// SPDX-License-Identifier: Apache-2.0
//
// The two small files beside the segments, each one checksummed word that is overwritten in place:
// `watermark`, what the writer has acknowledged, and `owner`, who the writer is. Neither is synced
// while records are written: a power loss may set them back. Bytes: docs/formats/wal.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "store/log_folder.h"

namespace tarn {

inline constexpr std::string_view kWatermarkName = "watermark";
inline constexpr std::string_view kOwnerName = "owner";

/// What is true of the log, at least.
struct Watermark {
  uint64_t epoch = 0;
  uint64_t acknowledged = 0;  ///< readers in other processes go no further
  uint64_t durable = 0;       ///< these are on the disk
  friend bool operator==(const Watermark&, const Watermark&) = default;
};

/// Who may write: the last that opened the log.
struct LogOwner {
  uint64_t epoch = 0;
  uint64_t token = 0;  ///< random
  friend bool operator==(const LogOwner&, const LogOwner&) = default;
};

/// A file of one word. Reads may run in any process beside the one that writes.
class MarkFile {
 public:
  static Result<std::unique_ptr<MarkFile>> OpenOrCreate(LogFolder& folder, std::string_view name);
  static Result<std::unique_ptr<MarkFile>> OpenToRead(LogFolder& folder, std::string_view name);

  Status Write(const Watermark& mark);
  Status Write(const LogOwner& owner);
  /// nullopt where there is none, or a power loss tore it.
  Result<std::optional<Watermark>> ReadWatermark();
  Result<std::optional<LogOwner>> ReadOwner();
  Status Sync() { return file_->Sync(); }

 private:
  explicit MarkFile(std::unique_ptr<LogFile> file) : file_(std::move(file)) {}
  const std::unique_ptr<LogFile> file_;
};

/// As MarkFile's; nullopt where there is no file either.
Result<std::optional<Watermark>> ReadWatermark(LogFolder& folder);
Result<std::optional<LogOwner>> ReadOwner(LogFolder& folder);

}  // namespace tarn
