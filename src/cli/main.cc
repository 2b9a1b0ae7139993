// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "cli/app.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const int code = tarn::cli::Run(argc, argv, std::cout, std::cerr);
  std::cout.flush();
  // A closed pipe or a full disk must not look like success.
  return std::cout.good() ? code : 1;
}
