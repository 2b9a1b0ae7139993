// SPDX-License-Identifier: Apache-2.0
//
// FreshRows: the rows that a MemTableWriter of this process has accepted and not yet committed, for
// searches that are to see them at once.
#pragma once

namespace tarn {

/// Handed from MemTableWriter::fresh_rows to SearchSession::Options. Thread-safe; it may outlive
/// its writer, and shows then what the writer left.
class FreshRows {
 public:
  virtual ~FreshRows() = default;

 protected:
  FreshRows() = default;
};

}  // namespace tarn
