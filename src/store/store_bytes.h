// SPDX-License-Identifier: Apache-2.0
//
// Where the bytes of a read live: on the heap or in a mapping.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "tarn/store.h"

namespace tarn {

class HeapBytes : public StoreBytes {
 public:
  explicit HeapBytes(std::vector<std::byte> bytes) : owned_(std::move(bytes)) { bytes_ = owned_; }

 private:
  std::vector<std::byte> owned_;
};

/// A part of other bytes, which it keeps alive.
class SharedBytes : public StoreBytes {
 public:
  SharedBytes(std::shared_ptr<const std::vector<std::byte>> whole, size_t offset, size_t length)
      : whole_(std::move(whole)) {
    bytes_ = std::span(*whole_).subspan(offset, length);
  }

 private:
  std::shared_ptr<const std::vector<std::byte>> whole_;
};

/// Unmaps on destruction.
class MappedBytes : public StoreBytes {
 public:
  MappedBytes(void* address, size_t length) {
    bytes_ = {static_cast<const std::byte*>(address), length};
  }
  ~MappedBytes() override;
  MappedBytes(const MappedBytes&) = delete;
  MappedBytes& operator=(const MappedBytes&) = delete;
};

}  // namespace tarn
