// SPDX-License-Identifier: Apache-2.0
//
// StoreStream: a StoreWriter as Arrow's OutputStream, which can hold back the end of a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arrow/io/interfaces.h"
#include "tarn/store.h"

namespace tarn::format {

/// Coalesces small writes. Closing it publishes nothing: that is the StoreWriter's Commit.
/// `out` must outlive the stream. One thread at a time.
class StoreStream : public arrow::io::OutputStream {
 public:
  explicit StoreStream(StoreWriter* out) : out_(out), position_(out->position()) {}

  /// From now on bytes are kept instead of written. Flushes what came before.
  Status Hold();
  /// What was kept since Hold; it begins at `held_offset()` of the object.
  std::vector<std::byte> TakeHeld() { return std::move(buffer_); }
  uint64_t held_offset() const { return held_offset_; }

  using arrow::io::OutputStream::Write;
  Status Write(const void* data, int64_t length) override;
  Status Flush() override;
  Status Close() override;
  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return static_cast<int64_t>(position_); }

 private:
  StoreWriter* out_;
  uint64_t position_;
  uint64_t held_offset_ = 0;
  std::vector<std::byte> buffer_;
  bool holding_ = false;
  bool closed_ = false;
};

}  // namespace tarn::format
