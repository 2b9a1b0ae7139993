// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/own_backlog.h"

#include <utility>

namespace tarn {

void OwnBacklog::Add(std::vector<File> files, uint64_t submission) {
  for (File& file : files) {
    const Known known{file.vector_bytes, submission};
    if (files_.emplace(std::move(file.location), known).second) waiting_bytes_ += known.bytes;
  }
}

void OwnBacklog::Update(const std::map<std::string, bool>& uncommitted, uint64_t submission) {
  waiting_bytes_ = 0;
  for (auto it = files_.begin(); it != files_.end();) {
    Known& known = it->second;
    if (known.submission <= submission) {
      const auto found = uncommitted.find(it->first);
      if (found == uncommitted.end()) {
        it = files_.erase(it);
        continue;
      }
      known.waits = found->second;
    }
    if (known.waits) waiting_bytes_ += known.bytes;
    ++it;
  }
}

std::set<std::string> OwnBacklog::locations() const {
  std::set<std::string> locations;
  for (const auto& [location, known] : files_) locations.insert(location);
  return locations;
}

}  // namespace tarn
