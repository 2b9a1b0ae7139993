// SPDX-License-Identifier: Apache-2.0
//
// A query as an inverted-file search takes it: rotated, its lists in order, its look-up tables. It
// depends on the query and the codebook alone, so that one serves all files with that codebook.
#pragma once

#include <cstdint>
#include <vector>

#include "index/aligned.h"
#include "index/ivf/ivf_frame.h"

namespace tarn::index {

/// One thread's.
class IvfQuery {
 public:
  /// Does nothing when it holds this query for this codebook already. False when a value is not
  /// finite.
  bool Prepare(const float* query, const CodebookView& codebook, const IvfFrame& frame);

  const FramedQuery& framed() const { return framed_; }
  /// Sorts at least the `count` best lists to the front of the order.
  void Rank(uint32_t count);
  uint32_t list(uint32_t place) const { return order_[place]; }
  /// What <q', centroid> adds to the keys of a list's rows.
  float Base(uint32_t list, const CodebookView& codebook, const IvfFrame& frame);

  /// Standard deviation of what rounding the tables does to a sum, in units of <q', decoded>.
  float rounding() const { return rounding_; }
  /// All but the base.
  const kernels::PqQuery& scan() const { return scan_; }

 private:
  void EncodeForLists(const CodebookView& codebook);
  void ScoreLists(const CodebookView& codebook);
  void MakeTables(const CodebookView& codebook, const IvfFrame& frame);

  // What it is for.
  std::vector<float> given_;
  uint8_t fingerprint_[16] = {};
  bool ready_ = false;

  FramedQuery framed_;
  std::vector<float> values_;  // q'
  // q' in two steps of 8 bits: the first ranks the lists, both make the keys' bases.
  AlignedBytes codes_, fine_codes_;
  float step_ = 0, fine_step_ = 0;
  int32_t code_sum_ = 0, fine_code_sum_ = 0;

  std::vector<int32_t> sums_;  // of each list with the first codes
  std::vector<float> ranks_;   // smaller is better
  std::vector<uint32_t> order_;
  uint32_t ranked_ = 0;
  AlignedBytes pool_keys_, pool_ids_;

  std::vector<uint32_t> starts_;
  std::vector<float> floats_;
  AlignedBytes tables_;
  kernels::PqQuery scan_{};
  float rounding_ = 0;
};

}  // namespace tarn::index
