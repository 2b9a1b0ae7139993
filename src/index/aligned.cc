// SPDX-License-Identifier: Apache-2.0
#include "index/aligned.h"

#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tarn::index {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

void AlignedBytes::Resize(size_t size) {
  if (size == size_ && memory_) return;
  const size_t unit = size >= 2 * kHugePage ? kHugePage : kLine;
  const size_t room = (size / unit + 1) * unit;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(unit, room)));
  if (!memory_) throw std::bad_alloc();
  size_ = size;
#if defined(__linux__)
  // Only advice: where it is not followed the memory is merely slower.
  if (unit == kHugePage) madvise(memory_.get(), room, MADV_HUGEPAGE);
#endif
  std::memset(memory_.get(), 0, size);
}

}  // namespace tarn::index
