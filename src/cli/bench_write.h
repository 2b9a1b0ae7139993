// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench write`: how fast one data file is written.
#pragma once

#include <ostream>
#include <string>

#include "tarn/status.h"

namespace tarn::cli {

struct BenchWriteOptions {
  std::string input;
  std::string column;
  std::string folder;
  std::string index = "none";
  int rounds = 3;
};

/// Reads the input into memory, then writes it `rounds` times, each to a durable file that is
/// deleted afterwards. Prints a line of JSON: rows, bytes, and the seconds of each round.
Status RunBenchWrite(const BenchWriteOptions& options, std::ostream& out);

}  // namespace tarn::cli
