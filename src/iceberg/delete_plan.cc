// SPDX-License-Identifier: Apache-2.0
#include "iceberg/delete_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace tarn::iceberg {
namespace {

// Field id of `file_path` in position delete files.
constexpr int32_t kFilePathId = 2147483546;

void AppendNumber(char kind, uint64_t number, std::string* key) {
  key->push_back(kind);
  for (int shift = 0; shift < 64; shift += 8) key->push_back(static_cast<char>(number >> shift));
}

/// Equal for equal partitions of one spec. Numbers of a column that was widened in between are
/// equal whatever their width; NaN is equal to NaN.
std::string PartitionKey(const DataFile& file) {
  std::string key;
  AppendNumber('p', static_cast<uint64_t>(file.spec_id), &key);
  for (const Value& value : file.partition) {
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_floating_point_v<T>) {
            const double wide = std::isnan(v) ? std::nan("") : double{v};
            AppendNumber('d', std::bit_cast<uint64_t>(wide), &key);
          } else if constexpr (std::is_integral_v<T>) {
            AppendNumber('i', static_cast<uint64_t>(int64_t{v}), &key);
          } else if constexpr (std::is_same_v<T, std::string>) {
            AppendNumber('s', v.size(), &key);
            key += v;
          } else {
            key.push_back('n');
          }
        },
        value);
  }
  return key;
}

/// A spec that was emptied leaves `void` fields behind in version 1 tables.
bool IsUnpartitioned(const PartitionSpec& spec) {
  return std::all_of(spec.fields.begin(), spec.fields.end(),
                     [](const PartitionField& field) { return field.transform == "void"; });
}

using Numbers = std::vector<size_t>;

/// The delete files by what they are about.
class DeleteIndex {
 public:
  DeleteIndex(std::span<const ManifestEntry> deletes, const LocationKey& key)
      : deletes_(deletes), key_(key) {}

  Status Fill(const std::vector<PartitionSpec>& specs) {
    for (size_t i = 0; i < deletes_.size(); ++i) ARROW_RETURN_NOT_OK(Add(specs, i));
    return Status::OK();
  }

  Result<FileDeletes> For(const ManifestEntry& data) const {
    FileDeletes found;
    const int64_t sequence = data.sequence_number.value_or(0);
    const auto add = [&](const Numbers* from, bool also_same, Numbers* to) {
      for (size_t i = 0; from != nullptr && i < from->size(); ++i) {
        const int64_t deleted = SequenceOf((*from)[i]);
        if (sequence < deleted || (also_same && sequence == deleted)) to->push_back((*from)[i]);
      }
    };
    const std::string partition = PartitionKey(data.data_file);
    const std::string path = key_(data.data_file.file_path);
    add(&global_equalities_, false, &found.equalities);
    add(Find(equalities_, partition), false, &found.equalities);
    std::sort(found.equalities.begin(), found.equalities.end());
    if (const auto vector = vectors_.find(path); vector != vectors_.end()) {
      if (SequenceOf(vector->second) < sequence) {
        return Error(ErrorKind::kCorrupt, deletes_[vector->second].data_file.file_path,
                     ": a deletion vector is older than its data file ", data.data_file.file_path);
      }
      found.vector = vector->second;
      return found;
    }
    add(Find(positions_by_path_, path), true, &found.positions);
    add(Find(positions_, partition), true, &found.positions);
    std::sort(found.positions.begin(), found.positions.end());
    return found;
  }

 private:
  using Index = std::unordered_map<std::string, Numbers>;

  static const Numbers* Find(const Index& index, const std::string& key) {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : &found->second;
  }

  int64_t SequenceOf(size_t i) const { return deletes_[i].sequence_number.value_or(0); }

  Status Add(const std::vector<PartitionSpec>& specs, size_t i) {
    const DataFile& file = deletes_[i].data_file;
    if (file.content == FileContent::kEqualityDeletes) return AddEquality(specs, i);
    if (file.content != FileContent::kPositionDeletes) {
      return Error(ErrorKind::kCorrupt, file.file_path,
                   ": a data file stands in a manifest of delete files");
    }
    const auto referenced = ReferencedDataFile(file);
    if (IsDeletionVector(file)) return AddVector(i, referenced);
    if (referenced) {
      positions_by_path_[key_(*referenced)].push_back(i);
    } else {
      positions_[PartitionKey(file)].push_back(i);
    }
    return Status::OK();
  }

  Status AddVector(size_t i, const std::optional<std::string>& referenced) {
    const DataFile& file = deletes_[i].data_file;
    if (!referenced || !file.content_offset || !file.content_size_in_bytes ||
        *file.content_offset < 0 || *file.content_size_in_bytes < 0) {
      return Error(ErrorKind::kCorrupt, file.file_path,
                   ": the manifest does not say where the deletion vector lies, or of which file "
                   "it is");
    }
    const auto [other, added] = vectors_.emplace(key_(*referenced), i);
    if (added) return Status::OK();
    return Error(ErrorKind::kCorrupt, *referenced, " has two deletion vectors, in ",
                 deletes_[other->second].data_file.file_path, " and ", file.file_path);
  }

  Status AddEquality(const std::vector<PartitionSpec>& specs, size_t i) {
    const DataFile& file = deletes_[i].data_file;
    if (file.equality_ids.empty()) {
      return Error(ErrorKind::kCorrupt, file.file_path,
                   ": the manifest names no columns for this equality delete file");
    }
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const auto& s) { return s.spec_id == file.spec_id; });
    if (spec == specs.end()) {
      return Error(ErrorKind::kCorrupt, file.file_path, ": the table has no partition spec ",
                   file.spec_id);
    }
    if (IsUnpartitioned(*spec)) {
      global_equalities_.push_back(i);
    } else {
      equalities_[PartitionKey(file)].push_back(i);
    }
    return Status::OK();
  }

  std::span<const ManifestEntry> deletes_;
  const LocationKey& key_;
  std::unordered_map<std::string, size_t> vectors_;
  Index positions_by_path_;
  Index positions_;   // by partition
  Index equalities_;  // by partition
  Numbers global_equalities_;
};

}  // namespace

bool IsDeletionVector(const DataFile& file) {
  return file.content == FileContent::kPositionDeletes && file.file_format == kPuffinFormat;
}

std::optional<std::string> ReferencedDataFile(const DataFile& file) {
  if (file.referenced_data_file) return file.referenced_data_file;
  const auto lower = file.lower_bounds.find(kFilePathId);
  const auto upper = file.upper_bounds.find(kFilePathId);
  if (lower == file.lower_bounds.end() || upper == file.upper_bounds.end()) return std::nullopt;
  return lower->second == upper->second ? std::optional(lower->second) : std::nullopt;
}

Result<std::vector<FileDeletes>> PlanDeletes(const std::vector<PartitionSpec>& specs,
                                             std::span<const ManifestEntry> data,
                                             std::span<const ManifestEntry> deletes,
                                             const LocationKey& key) {
  std::vector<FileDeletes> plan;
  if (deletes.empty()) {
    plan.resize(data.size());
    return plan;
  }
  DeleteIndex index(deletes, key);
  ARROW_RETURN_NOT_OK(index.Fill(specs));
  for (const ManifestEntry& entry : data) {
    ARROW_ASSIGN_OR_RAISE(auto found, index.For(entry));
    plan.push_back(std::move(found));
  }
  return plan;
}

}  // namespace tarn::iceberg
