// SPDX-License-Identifier: Apache-2.0
//
// A StoreWriter that knows the checksum of all that went through it.
#pragma once

#include <span>

#include "base/crc32c.h"
#include "tarn/store.h"

namespace tarn::format {

/// Passes everything on to `out`, which must outlive it and have had nothing written yet.
class ChecksummedWriter : public StoreWriter {
 public:
  explicit ChecksummedWriter(StoreWriter* out) : out_(out) {}

  Status Append(std::span<const std::byte> bytes) override {
    crc_ = Crc32c(bytes, crc_);
    return out_->Append(bytes);
  }
  uint64_t position() const override { return out_->position(); }
  Status Commit() override { return out_->Commit(); }

  /// CRC-32C of the bytes [0, position()).
  uint32_t crc() const { return crc_; }

 private:
  StoreWriter* out_;
  uint32_t crc_ = 0;
};

}  // namespace tarn::format
