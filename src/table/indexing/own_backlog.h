// SPDX-License-Identifier: Apache-2.0
//
// OwnBacklog: what this process has committed to a table and what of it waits for an index. The
// table has the last word: each look at it corrects what is kept here.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tarn {

/// A value; the caller locks.
class OwnBacklog {
 public:
  struct File {
    std::string location;
    int64_t vector_bytes = 0;  ///< of the columns that are to be indexed, four a dimension
  };

  /// Files of a commit; `submission` counts up from commit to commit.
  void Add(std::vector<File> files, uint64_t submission);

  /// After a look at the table that began after that submission. `uncommitted`: the files that are
  /// still without an index in the table, and of each whether it has yet to be built. All others
  /// need none, whatever became of them; those that were submitted later stay as they are.
  void Update(const std::map<std::string, bool>& uncommitted, uint64_t submission);

  int64_t waiting_bytes() const { return waiting_bytes_; }
  std::set<std::string> locations() const;

 private:
  struct Known {
    int64_t bytes = 0;
    uint64_t submission = 0;
    bool waits = true;
  };
  std::map<std::string, Known> files_;  ///< by location
  int64_t waiting_bytes_ = 0;
};

}  // namespace tarn
