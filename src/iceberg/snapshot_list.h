// SPDX-License-Identifier: Apache-2.0
//
// SnapshotList: the snapshots of a table, oldest first. Copies of a list share their snapshots, and
// the JSON that was once made of them, so that a commit to a table of thousands of snapshots costs
// one snapshot.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "iceberg/snapshot.h"

namespace tarn::iceberg {

/// Reads as a vector of const snapshots. Immutable snapshots may be read by many threads at once;
/// the list itself is a plain value.
class SnapshotList {
  struct Node {
    Snapshot snapshot;
    mutable std::once_flag rendered;
    mutable std::string json;
  };
  /// The id stands here too, so that a search for it touches no other memory.
  struct Entry {
    SnapshotId id;
    std::shared_ptr<const Node> node;
  };

 public:
  class const_iterator {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = Snapshot;
    using difference_type = std::ptrdiff_t;
    using pointer = const Snapshot*;
    using reference = const Snapshot&;

    const_iterator() = default;
    reference operator*() const { return at_->node->snapshot; }
    pointer operator->() const { return &at_->node->snapshot; }
    reference operator[](difference_type n) const { return at_[n].node->snapshot; }
    const_iterator& operator+=(difference_type n) { return at_ += n, *this; }
    const_iterator& operator-=(difference_type n) { return at_ -= n, *this; }
    const_iterator& operator++() { return *this += 1; }
    const_iterator& operator--() { return *this -= 1; }
    const_iterator operator++(int) { return const_iterator(at_++); }
    const_iterator operator--(int) { return const_iterator(at_--); }
    friend const_iterator operator+(const_iterator it, difference_type n) { return it += n; }
    friend const_iterator operator+(difference_type n, const_iterator it) { return it += n; }
    friend const_iterator operator-(const_iterator it, difference_type n) { return it -= n; }
    friend difference_type operator-(const_iterator a, const_iterator b) { return a.at_ - b.at_; }
    friend auto operator<=>(const_iterator a, const_iterator b) = default;

   private:
    friend class SnapshotList;
    explicit const_iterator(const Entry* at) : at_(at) {}
    const Entry* at_ = nullptr;
  };
  using value_type = Snapshot;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  SnapshotList() = default;
  SnapshotList(std::initializer_list<Snapshot> snapshots);

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const_iterator begin() const { return const_iterator(entries_.data()); }
  const_iterator end() const { return const_iterator(entries_.data() + entries_.size()); }
  const_reverse_iterator rbegin() const { return const_reverse_iterator(end()); }
  const_reverse_iterator rend() const { return const_reverse_iterator(begin()); }
  const Snapshot& operator[](size_t i) const { return entries_[i].node->snapshot; }
  const Snapshot& front() const { return (*this)[0]; }
  const Snapshot& back() const { return (*this)[size() - 1]; }
  /// The newest with that id; nullptr when there is none.
  const Snapshot* Find(SnapshotId id) const;

  void push_back(Snapshot snapshot);
  void clear() { entries_.clear(); }
  /// Puts another snapshot in the place of the i-th. Copies of the list keep theirs.
  void Replace(size_t i, Snapshot snapshot);
  void EraseIf(const std::function<bool(const Snapshot&)>& is_gone);

  /// What `render` makes of the i-th snapshot, which is asked once for all copies of the list and
  /// must always answer the same. Thread-safe.
  const std::string& Rendered(size_t i,
                              const std::function<std::string(const Snapshot&)>& render) const;

  friend bool operator==(const SnapshotList& a, const SnapshotList& b);

 private:
  std::vector<Entry> entries_;
};

}  // namespace tarn::iceberg
