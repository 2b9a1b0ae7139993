// SPDX-License-Identifier: Apache-2.0
//
// The memtable's part of crash_child.
#pragma once

#include <cstdint>
#include <string>

#include "tarn/status.h"

namespace tarn {

/// Streams small batches into the table db.t, ids from `series` * 1,000,000 on, some flushed, some
/// sent twice, and says so as the others do (try, ack; done). `lossy`: replies of the store are
/// lost now and then while it commits.
Status Stream(const std::string& catalog, int64_t series, int64_t batches, bool lossy);
/// Sends a batch of Stream again, under its id, as a client does that had no answer.
Status Resend(const std::string& catalog, int64_t first, int64_t rows);
/// Takes up what writers left behind, and flushes it.
Status Recover(const std::string& catalog);

}  // namespace tarn
