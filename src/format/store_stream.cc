// SPDX-License-Identifier: Apache-2.0
#include "format/store_stream.h"

namespace tarn::format {
namespace {

constexpr size_t kBufferSize = 256 * 1024;

}  // namespace

Status StoreStream::Write(const void* data, int64_t length) {
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(data),
                                         static_cast<size_t>(length));
  position_ += bytes.size();
  if (holding_) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return Status::OK();
  }
  if (buffer_.size() + bytes.size() > kBufferSize) ARROW_RETURN_NOT_OK(Flush());
  if (bytes.size() >= kBufferSize) return out_->Append(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return Status::OK();
}

Status StoreStream::Flush() {
  if (holding_ || buffer_.empty()) return Status::OK();
  const Status status = out_->Append(buffer_);
  buffer_.clear();
  return status;
}

Status StoreStream::Hold() {
  ARROW_RETURN_NOT_OK(Flush());
  holding_ = true;
  held_offset_ = position_;
  return Status::OK();
}

Status StoreStream::Close() {
  closed_ = true;
  return Flush();
}

}  // namespace tarn::format
