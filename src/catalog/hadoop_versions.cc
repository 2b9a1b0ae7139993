// SPDX-License-Identifier: Apache-2.0
#include "catalog/hadoop_versions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/crash_point.h"
#include "catalog/metadata_file.h"
#include "iceberg/table_metadata_json.h"

namespace tarn {
namespace {

CrashPoint kHadoopPublishBefore("hadoop/publish/before");
CrashPoint kHadoopPublishPut("hadoop/publish/put");
CrashPoint kHadoopPublishConfirmed("hadoop/publish/confirmed");
CrashPoint kHadoopPublishHinted("hadoop/publish/hinted");
CrashPoint kHadoopPublishOldDeleted("hadoop/publish/old-deleted");

using iceberg::TableMetadata;

/// The ends of a version's names, in the order in which they count.
constexpr std::array<std::string_view, 3> kEnds = {".metadata.json", ".gz.metadata.json",
                                                   ".metadata.json.gz"};

/// A positive number made of digits alone.
std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1) return std::nullopt;
  return number;
}

std::optional<int64_t> NumberOfFile(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || name[0] != 'v' ||
      std::count(kEnds.begin(), kEnds.end(), name.substr(dot)) == 0) {
    return std::nullopt;
  }
  return ParseNumber(name.substr(1, dot - 1));
}

std::string FileName(int64_t number, std::string_view end = kEnds[0]) {
  return "v" + std::to_string(number) + std::string(end);
}

/// Whether a later version knows of this one: as a predecessor, or by its snapshot.
bool Knows(const TableMetadata& later, int64_t number, const TableMetadata& metadata) {
  if (later.table_uuid != metadata.table_uuid) return false;
  const std::string name = "/" + FileName(number);
  for (const auto& entry : later.metadata_log) {
    const std::string& file = entry.metadata_file;
    if (file.size() >= name.size() &&
        file.compare(file.size() - name.size(), name.size(), name) == 0) {
      return true;
    }
  }
  return metadata.current_snapshot_id != 0 &&
         later.FindSnapshot(metadata.current_snapshot_id) != nullptr;
}

}  // namespace

HadoopVersions::HadoopVersions(std::shared_ptr<Store> store, std::string folder)
    : store_(std::move(store)), folder_(std::move(folder)) {}

std::string HadoopVersions::PathOf(int64_t number) const {
  return folder_ + "/metadata/" + FileName(number);
}

std::optional<int64_t> HadoopVersions::ReadHint() {
  const auto bytes = store_->Read(folder_ + "/metadata/version-hint.text");
  if (!bytes.ok()) return std::nullopt;
  std::string_view text = (*bytes)->text();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return ParseNumber(text);
}

/// The number of each file, ascending.
Result<std::vector<int64_t>> HadoopVersions::ListFiles() {
  ARROW_ASSIGN_OR_RAISE(const auto names, store_->ListFolder(folder_ + "/metadata"));
  std::vector<int64_t> numbers;
  for (const auto& name : names) {
    if (const auto number = NumberOfFile(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::vector<int64_t>> HadoopVersions::ListNumbers() {
  ARROW_ASSIGN_OR_RAISE(auto numbers, ListFiles());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

/// kNotFound when the number has no file.
Result<ObjectInfo> HadoopVersions::FindFile(int64_t number) {
  Status last;
  for (const auto end : kEnds) {
    auto info = store_->Stat(folder_ + "/metadata/" + FileName(number, end));
    if (info.ok() || !IsKind(info.status(), ErrorKind::kNotFound)) return info;
    if (last.ok()) last = info.status();
  }
  return last;
}

Result<bool> HadoopVersions::Exists(int64_t number) {
  const auto info = FindFile(number);
  if (IsKind(info.status(), ErrorKind::kNotFound)) return false;
  return info.ok() ? Result<bool>(true) : info.status();
}

Status HadoopVersions::Delete(int64_t number) {
  for (const auto end : kEnds) {
    const Status deleted = store_->Delete(folder_ + "/metadata/" + FileName(number, end));
    if (!deleted.ok() && !IsKind(deleted, ErrorKind::kNotFound)) return deleted;
  }
  return Status::OK();
}

Result<int64_t> HadoopVersions::ProbeFrom(int64_t number) {
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(number + 1));
    if (!exists) return number;
    ++number;
  }
}

Result<int64_t> HadoopVersions::FindNewest(std::optional<int64_t> hint) {
  int64_t known;
  {
    std::lock_guard guard(mutex_);
    known = newest_.number;
  }
  // What was seen once can only have been followed by higher numbers, so that probing finds the
  // rest. With nothing but a hint to go by (it may be old, and versions after it deleted), look at
  // all.
  if (known > 0) {
    const int64_t start = std::max(known, hint.value_or(0));
    ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(start));
    if (exists) return ProbeFrom(start);
  }
  ARROW_ASSIGN_OR_RAISE(const auto numbers, ListNumbers());
  if (numbers.empty()) {
    return Error(ErrorKind::kNotFound, store_->UriOf(folder_), " has no table metadata");
  }
  return ProbeFrom(numbers.back());
}

Result<HadoopVersion> HadoopVersions::Parse(int64_t number, bool* cut_short) {
  ARROW_ASSIGN_OR_RAISE(const auto info, FindFile(number));
  {
    std::lock_guard guard(mutex_);
    if (newest_.number == number && newest_.path == info.path && newest_.size == info.size &&
        newest_.modified == info.modified) {
      return HadoopVersion{number, info.path, newest_.metadata, {}};
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto bytes, store_->Read(info.path));
  auto metadata = ParseMetadataFile(bytes->text(), store_->UriOf(info.path));
  if (!metadata.ok()) {
    *cut_short = info.path == PathOf(number) && iceberg::IsCutShortJson(bytes->text());
    return metadata.status();
  }
  std::lock_guard guard(mutex_);
  newest_ = {number, info.path, info.size, info.modified, *metadata};
  return HadoopVersion{number, info.path, *metadata, {}};
}

Result<HadoopVersion> HadoopVersions::LoadNewest() {
  // A version may be deleted between the look and the read, when many newer ones came.
  Status last;
  for (int tries = 0; tries < 5; ++tries) {
    const auto hint = ReadHint();
    ARROW_ASSIGN_OR_RAISE(int64_t number, FindNewest(hint));
    std::vector<std::string> torn;
    for (; number > 0; --number) {
      bool cut_short = false;
      auto version = Parse(number, &cut_short);
      if (version.ok()) {
        version->torn = std::move(torn);
        return version;
      }
      last = version.status();
      // A torn file beyond every hint was never acknowledged; any other unreadable file is damage.
      const bool unfinished = cut_short && (hint ? number > *hint : number == 1);
      if (!unfinished) break;
      torn.push_back(PathOf(number));
    }
    if (number == 0) {
      return Error(ErrorKind::kNotFound, store_->UriOf(folder_),
                   " holds only the beginning of a table whose creation never finished");
    }
    if (!IsKind(last, ErrorKind::kNotFound)) return last;
    Forget();
  }
  return last;
}

Status HadoopVersions::Publish(int64_t number, const TableMetadata& metadata, bool alone) {
  const std::string text = iceberg::TableMetadataToJson(metadata);
  // Whatever the version names must be there to stay before it is.
  ARROW_RETURN_NOT_OK(store_->Sync());
  kHadoopPublishBefore.Reach();
  const Status put = store_->Put(PathOf(number), text, PutMode::kIfAbsent);
  kHadoopPublishPut.Reach();
  if (!put.ok()) ARROW_RETURN_NOT_OK(Settle(number, text, alone, put));
  return Confirm(number, metadata);
}

/// After a failed write: OK when the version is there all the same (a lost reply, or a write that
/// was repeated underneath us and met itself).
Status HadoopVersions::Settle(int64_t number, const std::string& text, bool alone, Status failure) {
  const std::string path = PathOf(number);
  const auto found = store_->Read(path);
  if (!found.ok()) {
    if (IsKind(found.status(), ErrorKind::kNotFound)) {
      // Stores answer when they are done: what failed and is not there will not appear later.
      return IsKind(failure, ErrorKind::kAlreadyExists)
                 ? Error(ErrorKind::kCommitConflict, path, " was published by another writer")
                 : failure;
    }
    return Error(ErrorKind::kCommitStateUnknown, "publishing ", path, ": ", failure.message(),
                 "; looking for it: ", found.status().message());
  }
  const std::string_view there = (*found)->text();
  if (there == text) return Status::OK();
  const bool torn =
      there.size() < text.size() && std::string_view(text).substr(0, there.size()) == there;
  if (torn && !IsKind(failure, ErrorKind::kAlreadyExists)) {
    // Ours, and no version. If it cannot be cleared away now, the next writer does.
    if (alone) (void)store_->Delete(path);
    return failure;
  }
  return Error(ErrorKind::kCommitConflict, path, " was published by another writer");
}

/// See the head of the header: a number that was free is not yet a version.
Status HadoopVersions::Confirm(int64_t number, const TableMetadata& metadata) {
  const auto unknown = [&](const Status& status) {
    return Error(ErrorKind::kCommitStateUnknown, PathOf(number),
                 " is written, but: ", status.message());
  };
  auto numbers = ListFiles();
  if (!numbers.ok()) return unknown(numbers.status());
  if (std::count(numbers->begin(), numbers->end(), number) > 1) {
    (void)store_->Delete(PathOf(number));
    return Error(ErrorKind::kCommitConflict, PathOf(number),
                 " was published by another writer, packed");
  }
  if (numbers->empty() || numbers->back() == number) {
    const bool follows =
        number == 1 || std::count(numbers->begin(), numbers->end(), number - 1) > 0;
    if (follows && !numbers->empty()) return Status::OK();
    (void)store_->Delete(PathOf(number));
    return Error(ErrorKind::kNotFound, store_->UriOf(folder_), " was dropped meanwhile");
  }
  if (numbers->back() < number) {
    return unknown(Error(ErrorKind::kIo, "the folder's listing does not show it"));
  }
  const auto newest = LoadNewest();
  if (!newest.ok()) return unknown(newest.status());
  if (newest->number <= number || Knows(*newest->metadata, number, metadata)) return Status::OK();
  (void)store_->Delete(PathOf(number));
  return Error(ErrorKind::kCommitConflict, PathOf(number),
               " was published by another writer long ago");
}

void HadoopVersions::AfterPublish(int64_t number, int64_t oldest_kept) {
  kHadoopPublishConfirmed.Reach();
  (void)store_->Put(folder_ + "/metadata/version-hint.text", std::to_string(number));
  kHadoopPublishHinted.Reach();
  if (oldest_kept <= 1) return;
  const auto numbers = ListNumbers();
  if (!numbers.ok()) return;
  for (const int64_t old : *numbers) {
    if (old >= oldest_kept) return;
    // In order, and no further after a failure: what remains is a run without holes.
    const Status deleted = Delete(old);
    kHadoopPublishOldDeleted.Reach();
    if (!deleted.ok()) return;
  }
}

void HadoopVersions::Forget() {
  std::lock_guard guard(mutex_);
  newest_ = {};
}

}  // namespace tarn
