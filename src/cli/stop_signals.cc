// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_signals.h"

#include <fcntl.h>
#include <unistd.h>

namespace tarn::cli {
namespace {

volatile std::sig_atomic_t stop_requested = 0;
int stop_pipe = -1;

void OnStop(int) {
  stop_requested = 1;
  const char byte = 0;
  // Nothing can be done about a failure here, and none is possible: it is the first byte.
  (void)!::write(stop_pipe, &byte, 1);
}

void Handle(int signal, void (*handler)(int), int flags, struct sigaction* old) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, old);
}

}  // namespace

StopSignals::StopSignals() {
  stop_requested = 0;
  if (::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) == 0) stop_pipe = pipe_[1];
  const int once = static_cast<int>(SA_RESETHAND);
  Handle(SIGINT, OnStop, once, &old_int_);
  Handle(SIGTERM, OnStop, once, &old_term_);
  Handle(SIGPIPE, SIG_IGN, 0, &old_pipe_);
}

StopSignals::~StopSignals() {
  ::sigaction(SIGINT, &old_int_, nullptr);
  ::sigaction(SIGTERM, &old_term_, nullptr);
  // SIGPIPE stays ignored: what was written last to a closed pipe may still be flushed, and the
  // exit code tells.
  stop_pipe = -1;
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

bool StopSignals::requested() const { return stop_requested != 0; }

}  // namespace tarn::cli
