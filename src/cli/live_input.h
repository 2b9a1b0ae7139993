// SPDX-License-Identifier: Apache-2.0
//
// LiveInput: bytes of a producer that may be slow. A read waits for them no longer than it is told,
// and ends when the process is asked to stop or nobody reads its answers any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "arrow/io/interfaces.h"
#include "cli/stop_signals.h"
#include "tarn/status.h"

namespace tarn::cli {

enum class InputEvent {
  kBytes,
  kPause,    ///< nothing came for as long as was to be waited
  kEnd,      ///< nothing comes any more
  kStopped,  ///< a stop was requested, or the output is closed
};

/// One thread at a time.
class LiveInput {
 public:
  /// `output`: whoever reads this descriptor gets the answers; -1: nobody. `idle` is called now and
  /// then while there is nothing to read. Descriptors are not closed.
  LiveInput(int input, int output, const StopSignals& stop, std::function<void()> idle)
      : input_(input), output_(output), stop_(stop), idle_(std::move(idle)) {}

  /// Waits for the first byte, takes what is there. kIo.
  Result<InputEvent> Read(std::span<char> bytes, size_t* got,
                          std::optional<std::chrono::milliseconds> wait);
  /// The first byte, which stays to be read; nullopt where there is none or a stop came first.
  Result<std::optional<char>> Peek();
  /// Whether it was the output that ended the reading.
  bool output_closed() const { return output_closed_; }

 private:
  Result<InputEvent> Wait(std::optional<std::chrono::milliseconds> wait);

  int input_;
  int output_;
  const StopSignals& stop_;
  std::function<void()> idle_;
  std::optional<char> peeked_;
  bool output_closed_ = false;
};

/// For Arrow's readers. Memory is taken as bytes arrive, whatever length the input claims. A stop
/// is kCancelled. `input` must outlive it.
std::shared_ptr<arrow::io::InputStream> AsArrowStream(LiveInput& input);

}  // namespace tarn::cli
