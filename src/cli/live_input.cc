// SPDX-License-Identifier: Apache-2.0
#include "cli/live_input.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "arrow/buffer.h"

namespace tarn::cli {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds kIdlePause{200};
constexpr int64_t kGrowBytes = 1 << 20;

class ArrowStream : public arrow::io::InputStream {
 public:
  explicit ArrowStream(LiveInput& input) : input_(input) {}

  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return position_; }

  Result<int64_t> Read(int64_t nbytes, void* out) override {
    int64_t done = 0;
    while (done < nbytes) {
      size_t got = 0;
      const std::span rest(static_cast<char*>(out) + done, static_cast<size_t>(nbytes - done));
      ARROW_ASSIGN_OR_RAISE(const auto event, input_.Read(rest, &got, std::nullopt));
      if (event == InputEvent::kStopped) return Error(ErrorKind::kCancelled, "stopped");
      if (event == InputEvent::kEnd) break;
      done += static_cast<int64_t>(got);
    }
    position_ += done;
    return done;
  }

  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(0));
    while (buffer->size() < nbytes) {
      const int64_t have = buffer->size();
      const int64_t want = std::min(nbytes - have, std::max(have, kGrowBytes));
      ARROW_RETURN_NOT_OK(buffer->Resize(have + want, /*shrink_to_fit=*/false));
      ARROW_ASSIGN_OR_RAISE(const int64_t got, Read(want, buffer->mutable_data() + have));
      if (got == want) continue;
      ARROW_RETURN_NOT_OK(buffer->Resize(have + got));
      break;
    }
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

 private:
  LiveInput& input_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

Result<InputEvent> LiveInput::Wait(std::optional<milliseconds> wait) {
  const auto start = Steady::now();
  while (true) {
    if (stop_.requested()) return InputEvent::kStopped;
    auto pause = kIdlePause;
    if (wait) {
      const auto waited = std::chrono::duration_cast<milliseconds>(Steady::now() - start);
      pause = std::clamp(*wait - waited, milliseconds(0), kIdlePause);
    }
    pollfd files[] = {
        {input_, POLLIN, 0}, {stop_.descriptor(), POLLIN, 0}, {output_, /*only errors*/ 0, 0}};
    const int ready = ::poll(files, 3, static_cast<int>(pause.count()));
    if (ready < 0) {
      if (errno == EINTR) continue;
      return Error(ErrorKind::kIo, "cannot wait for input: ", std::strerror(errno));
    }
    output_closed_ = files[2].revents != 0;
    if (output_closed_ || files[1].revents != 0) return InputEvent::kStopped;
    // Also its end: then a read says so.
    if (files[0].revents != 0) return InputEvent::kBytes;
    idle_();
    if (wait && Steady::now() - start >= *wait) return InputEvent::kPause;
  }
}

Result<InputEvent> LiveInput::Read(std::span<char> bytes, size_t* got,
                                   std::optional<milliseconds> wait) {
  *got = 0;
  if (bytes.empty()) return InputEvent::kBytes;
  if (peeked_) {
    bytes[0] = *std::exchange(peeked_, std::nullopt);
    *got = 1;
    return InputEvent::kBytes;
  }
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto event, Wait(wait));
    if (event != InputEvent::kBytes) return event;
    const ssize_t n = ::read(input_, bytes.data(), bytes.size());
    if (n > 0) {
      *got = static_cast<size_t>(n);
      return InputEvent::kBytes;
    }
    if (n == 0) return InputEvent::kEnd;
    if (errno == EINTR || errno == EAGAIN) continue;
    return Error(ErrorKind::kIo, "cannot read the input: ", std::strerror(errno));
  }
}

Result<std::optional<char>> LiveInput::Peek() {
  if (peeked_) return peeked_;
  char byte = 0;
  size_t got = 0;
  ARROW_ASSIGN_OR_RAISE(const auto event, Read(std::span(&byte, 1), &got, std::nullopt));
  if (event == InputEvent::kBytes) peeked_ = byte;
  return peeked_;
}

std::shared_ptr<arrow::io::InputStream> AsArrowStream(LiveInput& input) {
  return std::make_shared<ArrowStream>(input);
}

}  // namespace tarn::cli
