// SPDX-License-Identifier: Apache-2.0
#include "store/fault_log_folder.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <utility>

namespace tarn {
namespace {

constexpr uint64_t kSector = 512;

/// A file, with what its sectors held when it was last synced.
struct Tracked {
  std::unique_ptr<LogFile> file;  // of the folder beneath, to write
  std::string path;
  std::map<uint64_t, std::vector<std::byte>> synced;  // of the sectors that were written since
  // Likewise, of sectors whose sync failed: the system takes them for clean, and no later sync
  // brings them to the disk unless they are written again.
  std::map<uint64_t, std::vector<std::byte>> failed;
};

/// A change of names that is not durable.
struct Change {
  enum { kCreated, kRenamed, kDeleted } kind;
  std::string name;              // that is there now, or was
  std::string from;              // kRenamed
  std::shared_ptr<Tracked> was;  // what had the name before, to bring it back
};

class FaultLogFolderImpl : public FaultLogFolder,
                           public std::enable_shared_from_this<FaultLogFolderImpl> {
 public:
  FaultLogFolderImpl(std::shared_ptr<LogFolder> base, Script script)
      : base_(std::move(base)), script_(std::move(script)) {}

  Result<std::unique_ptr<LogFile>> Create(std::string_view name, uint64_t size) override;
  Result<std::unique_ptr<LogFile>> OpenToRead(std::string_view name) override { return Open(name); }
  Result<std::unique_ptr<LogFile>> OpenToWrite(std::string_view name) override {
    return Open(name);
  }
  Status Rename(std::string_view from, std::string_view to) override;
  Status Delete(std::string_view name) override;
  Result<std::vector<std::string>> List() override {
    const auto fault = script_(StoreOp::kList, base_->PathOf(""));
    if (fault) return Injected(*fault, "listing", base_->PathOf(""));
    return base_->List();
  }
  Result<std::vector<std::string>> ListFolders() override {
    const auto fault = script_(StoreOp::kList, base_->PathOf(""));
    if (fault) return Injected(*fault, "listing", base_->PathOf(""));
    return base_->ListFolders();
  }
  Status Sync() override {
    return Do(StoreOp::kSync, "syncing", base_->PathOf(""), [&] {
      ARROW_RETURN_NOT_OK(base_->Sync());
      const std::lock_guard guard(mutex_);
      changes_.clear();
      return Status::OK();
    });
  }
  Result<std::unique_ptr<StoreLock>> Lock() override {
    const auto fault = script_(StoreOp::kLock, base_->PathOf(kLogLockName));
    if (fault) return Injected(*fault, "locking", base_->PathOf(kLogLockName));
    return base_->Lock();
  }
  std::string PathOf(std::string_view name) const override { return base_->PathOf(name); }

  void LosePower(const Fault& fault) override;

  /// Runs an operation, unless the script prevents it.
  template <typename Operation>
  Status Do(StoreOp op, std::string_view doing, const std::string& path, Operation&& operation) {
    const auto fault = script_(op, path);
    if (Prevents(fault)) return Injected(*fault, doing, path);
    const Status done = operation();
    return fault && done.ok() ? Injected(*fault, doing, path) : done;
  }
  Status Write(Tracked& tracked, uint64_t offset,
               std::span<const std::span<const std::byte>> pieces);
  Status SyncFile(Tracked& tracked) {
    const auto fault = script_(StoreOp::kSync, tracked.path);
    const std::lock_guard guard(mutex_);
    if (!fault || fault->kind == FaultKind::kLoseReply) {
      ARROW_RETURN_NOT_OK(tracked.file->Sync());
      tracked.synced.clear();
    } else {
      tracked.failed.merge(tracked.synced);
      tracked.synced.clear();
    }
    return fault ? Injected(*fault, "syncing", tracked.path) : Status::OK();
  }
  std::optional<Fault> NextFault(StoreOp op, const std::string& path) { return script_(op, path); }

 private:
  Result<std::unique_ptr<LogFile>> Open(std::string_view name);
  Result<std::shared_ptr<Tracked>> Track(std::string_view name);  // mutex_ is held
  Status Put(Tracked& tracked, uint64_t offset, std::span<const std::byte> bytes);
  void Undo(const Change& change);

  const std::shared_ptr<LogFolder> base_;
  const Script script_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Tracked>, std::less<>> files_;  // guarded by mutex_
  std::vector<Change> changes_;                                         // guarded by mutex_
};

class FaultLogFile : public LogFile {
 public:
  FaultLogFile(std::shared_ptr<FaultLogFolderImpl> folder, std::shared_ptr<Tracked> tracked)
      : folder_(std::move(folder)), tracked_(std::move(tracked)) {}
  uint64_t size() const override { return tracked_->file->size(); }
  Status Write(uint64_t offset, std::span<const std::span<const std::byte>> pieces) override {
    return folder_->Write(*tracked_, offset, pieces);
  }
  Result<size_t> Read(uint64_t offset, std::span<std::byte> bytes) override {
    const auto fault = folder_->NextFault(StoreOp::kRead, tracked_->path);
    if (fault) return Injected(*fault, "reading", tracked_->path);
    return tracked_->file->Read(offset, bytes);
  }
  Status Sync() override { return folder_->SyncFile(*tracked_); }

 private:
  const std::shared_ptr<FaultLogFolderImpl> folder_;
  const std::shared_ptr<Tracked> tracked_;
};

Result<std::shared_ptr<Tracked>> FaultLogFolderImpl::Track(std::string_view name) {
  const auto it = files_.find(name);
  if (it != files_.end()) return it->second;
  ARROW_ASSIGN_OR_RAISE(auto file, base_->OpenToWrite(name));
  auto tracked = std::make_shared<Tracked>();
  tracked->file = std::move(file);
  tracked->path = base_->PathOf(name);
  return files_.emplace(std::string(name), std::move(tracked)).first->second;
}

Result<std::unique_ptr<LogFile>> FaultLogFolderImpl::Open(std::string_view name) {
  const auto fault = script_(StoreOp::kRead, base_->PathOf(name));
  if (fault) return Injected(*fault, "opening", base_->PathOf(name));
  const std::lock_guard guard(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto tracked, Track(name));
  return std::make_unique<FaultLogFile>(shared_from_this(), std::move(tracked));
}

Result<std::unique_ptr<LogFile>> FaultLogFolderImpl::Create(std::string_view name, uint64_t size) {
  std::shared_ptr<Tracked> tracked;
  ARROW_RETURN_NOT_OK(Do(StoreOp::kCreate, "creating", base_->PathOf(name), [&]() -> Status {
    ARROW_RETURN_NOT_OK(base_->Create(name, size).status());
    const std::lock_guard guard(mutex_);
    ARROW_ASSIGN_OR_RAISE(tracked, Track(name));
    changes_.push_back({Change::kCreated, std::string(name), {}, nullptr});
    return Status::OK();
  }));
  return std::make_unique<FaultLogFile>(shared_from_this(), std::move(tracked));
}

Status FaultLogFolderImpl::Rename(std::string_view from, std::string_view to) {
  ARROW_RETURN_NOT_OK(CheckLogFileName(to));
  return Do(StoreOp::kWrite, "renaming", base_->PathOf(from), [&]() -> Status {
    const std::lock_guard guard(mutex_);
    ARROW_ASSIGN_OR_RAISE(auto moved, Track(from));
    const auto replaced = Track(to);
    ARROW_RETURN_NOT_OK(base_->Rename(from, to));
    files_.erase(std::string(from));
    files_.insert_or_assign(std::string(to), moved);
    moved->path = base_->PathOf(to);
    changes_.push_back({Change::kRenamed, std::string(to), std::string(from),
                        replaced.ok() ? *replaced : nullptr});
    return Status::OK();
  });
}

Status FaultLogFolderImpl::Delete(std::string_view name) {
  return Do(StoreOp::kDelete, "deleting", base_->PathOf(name), [&]() -> Status {
    const std::lock_guard guard(mutex_);
    ARROW_ASSIGN_OR_RAISE(auto tracked, Track(name));
    ARROW_RETURN_NOT_OK(base_->Delete(name));
    files_.erase(std::string(name));
    changes_.push_back({Change::kDeleted, std::string(name), {}, std::move(tracked)});
    return Status::OK();
  });
}

Status FaultLogFolderImpl::Put(Tracked& tracked, uint64_t offset,
                               std::span<const std::byte> bytes) {
  const std::lock_guard guard(mutex_);
  for (uint64_t sector = offset / kSector; sector * kSector < offset + bytes.size(); ++sector) {
    if (auto again = tracked.failed.extract(sector)) tracked.synced.insert(std::move(again));
    auto [it, fresh] = tracked.synced.try_emplace(sector);
    if (!fresh) continue;
    it->second.resize(kSector);
    ARROW_ASSIGN_OR_RAISE(const size_t n, tracked.file->Read(sector * kSector, it->second));
    it->second.resize(n);
  }
  return tracked.file->Write(offset, bytes);
}

Status FaultLogFolderImpl::Write(Tracked& tracked, uint64_t offset,
                                 std::span<const std::span<const std::byte>> pieces) {
  std::vector<std::byte> bytes;
  for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  const auto fault = script_(StoreOp::kWrite, tracked.path);
  if (fault && (fault->kind == FaultKind::kTear || fault->kind == FaultKind::kTearCrash)) {
    const auto part = static_cast<size_t>(std::clamp(fault->torn_fraction, 0.0, 1.0) *
                                          static_cast<double>(bytes.size()));
    ARROW_RETURN_NOT_OK(Put(tracked, offset, std::span(bytes).first(part)));
  } else if (!Prevents(fault)) {
    ARROW_RETURN_NOT_OK(Put(tracked, offset, bytes));
  }
  return fault ? Injected(*fault, "writing", tracked.path) : Status::OK();
}

void FaultLogFolderImpl::Undo(const Change& change) {
  if (change.kind == Change::kCreated) (void)base_->Delete(change.name);
  if (change.kind == Change::kRenamed) (void)base_->Rename(change.name, change.from);
  if (change.was == nullptr) return;
  // What had the name comes back, as it was on the disk.
  std::vector<std::byte> bytes(change.was->file->size());
  (void)change.was->file->Read(0, bytes);
  auto again = base_->Create(change.name, bytes.size());
  if (again.ok()) (void)(*again)->Write(0, bytes);
}

void FaultLogFolderImpl::LosePower(const Fault& fault) {
  std::mt19937_64 random(fault.seed);
  const auto lose = [&](Tracked& tracked) {
    for (const auto& [sector, bytes] : tracked.synced) {
      const double drawn = static_cast<double>(random() % 1'000'000) / 1'000'000;
      if (drawn >= fault.unsynced_kept) (void)tracked.file->Write(sector * kSector, bytes);
    }
    for (const auto& [sector, bytes] : tracked.failed) {
      (void)tracked.file->Write(sector * kSector, bytes);
    }
    tracked.synced.clear();
    tracked.failed.clear();
  };
  const std::lock_guard guard(mutex_);
  for (const auto& [name, tracked] : files_) lose(*tracked);
  for (const Change& change : changes_) {
    if (change.was != nullptr) lose(*change.was);
  }
  const size_t kept = fault.unsynced_kept == 0 ? 0 : random() % (changes_.size() + 1);
  while (changes_.size() > kept) {
    Undo(changes_.back());
    changes_.pop_back();
  }
  changes_.clear();
}

}  // namespace

bool Prevents(const std::optional<Fault>& fault) {
  return fault && fault->kind != FaultKind::kLoseReply;
}

Status Injected(const Fault& fault, std::string_view doing, std::string_view path) {
  return Error(ErrorKind::kIo, doing, " ", path, ": injected fault",
               fault.kind == FaultKind::kLoseReply ? " (reply lost)" : "");
}

std::shared_ptr<FaultLogFolder> FaultLogFolder::Make(std::shared_ptr<LogFolder> base,
                                                     Script script) {
  return std::make_shared<FaultLogFolderImpl>(std::move(base), std::move(script));
}

}  // namespace tarn
