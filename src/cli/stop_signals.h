// SPDX-License-Identifier: Apache-2.0
//
// Being asked to stop: SIGINT and SIGTERM, as something that can be waited for beside input.
#pragma once

#include <csignal>

namespace tarn::cli {

/// While it lives, the first SIGINT or SIGTERM is noted instead of ending the process (a second one
/// ends it), and writing to a closed pipe is an error instead of a signal. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;

  bool requested() const;
  /// Readable once a stop is requested.
  int descriptor() const { return pipe_[0]; }

 private:
  int pipe_[2] = {-1, -1};
  struct sigaction old_int_;
  struct sigaction old_term_;
  struct sigaction old_pipe_;
};

}  // namespace tarn::cli
