// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_list.h"

#include <algorithm>
#include <utility>

namespace tarn::iceberg {

SnapshotList::SnapshotList(std::initializer_list<Snapshot> snapshots) {
  for (const Snapshot& snapshot : snapshots) push_back(snapshot);
}

const Snapshot* SnapshotList::Find(SnapshotId id) const {
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(),
                                  [&](const Entry& entry) { return entry.id == id; });
  return found == entries_.rend() ? nullptr : &found->node->snapshot;
}

void SnapshotList::push_back(Snapshot snapshot) {
  entries_.emplace_back();
  Replace(size() - 1, std::move(snapshot));
}

void SnapshotList::Replace(size_t i, Snapshot snapshot) {
  auto node = std::make_shared<Node>();
  node->snapshot = std::move(snapshot);
  entries_[i] = {node->snapshot.snapshot_id, std::move(node)};
}

void SnapshotList::EraseIf(const std::function<bool(const Snapshot&)>& is_gone) {
  std::erase_if(entries_, [&](const Entry& entry) { return is_gone(entry.node->snapshot); });
}

const std::string& SnapshotList::Rendered(
    size_t i, const std::function<std::string(const Snapshot&)>& render) const {
  const Node& node = *entries_[i].node;
  std::call_once(node.rendered, [&] { node.json = render(node.snapshot); });
  return node.json;
}

bool operator==(const SnapshotList& a, const SnapshotList& b) {
  return std::equal(a.entries_.begin(), a.entries_.end(), b.entries_.begin(), b.entries_.end(),
                    [](const auto& x, const auto& y) {
                      return x.node == y.node || x.node->snapshot == y.node->snapshot;
                    });
}

}  // namespace tarn::iceberg
