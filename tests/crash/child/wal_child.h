// SPDX-License-Identifier: Apache-2.0
//
// The log's part of crash_child.
#pragma once

#include <cstdint>
#include <string>

#include "tarn/status.h"

namespace tarn {

/// Opens the log in `folder` twice, writes records under the given policy ("every", "interval",
/// "none"), releases some, and says so:
///   try FIRST COUNT, ack FIRST COUNT   these records are being written; were acknowledged
///   cover LAST                         the table holds everything up to this one, says the caller
///   done
/// `rounds` of each opening.
Status WriteLog(const std::string& folder, const std::string& policy, int64_t rounds);

/// Opens the log behind `covered` and prints "id SEQUENCE" for every record, each of which must be
/// the one that was written under that sequence.
Status CheckLog(const std::string& folder, uint64_t covered);

}  // namespace tarn
