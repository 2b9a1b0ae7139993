// SPDX-License-Identifier: Apache-2.0
#include "store/fault_store.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "store/fault_log_folder.h"

namespace tarn {
namespace {

class FaultStoreImpl : public FaultStore, public std::enable_shared_from_this<FaultStoreImpl> {
 public:
  FaultStoreImpl(std::shared_ptr<Store> base, const Clock& clock)
      : base_(std::move(base)), clock_(clock) {}

  Result<std::shared_ptr<StoreBytes>> Read(std::string_view path) override {
    return Around<std::shared_ptr<StoreBytes>>(StoreOp::kRead, path,
                                               [&] { return base_->Read(path); });
  }
  Result<std::shared_ptr<StoreBytes>> ReadRange(std::string_view path, uint64_t offset,
                                                uint64_t length) override {
    return Around<std::shared_ptr<StoreBytes>>(
        StoreOp::kRead, path, [&] { return base_->ReadRange(path, offset, length); });
  }
  Result<std::shared_ptr<StoreBytes>> Map(std::string_view path) override {
    return Around<std::shared_ptr<StoreBytes>>(StoreOp::kRead, path,
                                               [&] { return base_->Map(path); });
  }
  Result<ObjectInfo> Stat(std::string_view path) override {
    return Around<ObjectInfo>(StoreOp::kStat, path, [&] { return base_->Stat(path); });
  }
  Result<std::unique_ptr<StoreWriter>> OpenWriter(std::string_view path, PutMode mode) override;
  Result<std::unique_ptr<StoreWriter>> OpenUnsyncedWriter(std::string_view path,
                                                          PutMode mode) override;
  Status Sync() override {
    const auto fault = Next(StoreOp::kSync, "");
    if (Prevents(fault)) return Injected(*fault, "syncing", "what was written");
    {
      std::lock_guard guard(mutex_);
      unsynced_.clear();
    }
    const Status status = base_->Sync();
    return fault ? Injected(*fault, "syncing", "what was written") : status;
  }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    return Around<std::vector<ObjectInfo>>(StoreOp::kList, prefix,
                                           [&] { return base_->List(prefix); });
  }
  Result<std::vector<std::string>> ListFolder(std::string_view folder) override {
    return Around<std::vector<std::string>>(StoreOp::kList, folder,
                                            [&] { return base_->ListFolder(folder); });
  }
  Status Delete(std::string_view path) override {
    const auto fault = Next(StoreOp::kDelete, path);
    if (Prevents(fault)) return Injected(*fault, "deleting", path);
    const Status status = base_->Delete(path);
    return fault ? Injected(*fault, "deleting", path) : status;
  }
  Result<std::unique_ptr<StoreLock>> Lock(std::string_view path,
                                          std::chrono::milliseconds timeout) override {
    return Around<std::unique_ptr<StoreLock>>(StoreOp::kLock, path,
                                              [&] { return base_->Lock(path, timeout); });
  }
  Result<std::shared_ptr<LogFolder>> OpenLogFolder(std::string_view path) override {
    ARROW_ASSIGN_OR_RAISE(auto base, base_->OpenLogFolder(path));
    const std::lock_guard guard(mutex_);
    auto& log = logs_[std::string(path)];
    if (log == nullptr) {
      log = FaultLogFolder::Make(
          std::move(base), [this](StoreOp op, std::string_view file) { return Next(op, file); });
    }
    // It calls back into this store.
    return std::shared_ptr<LogFolder>(shared_from_this(), log.get());
  }
  std::string UriOf(std::string_view path) const override { return base_->UriOf(path); }
  Result<std::string> PathOf(std::string_view uri) const override { return base_->PathOf(uri); }

  void Add(Fault fault) override {
    std::lock_guard guard(mutex_);
    pending_.push_back({std::move(fault), 0});
  }
  void Heal() override {
    std::lock_guard guard(mutex_);
    pending_.clear();
    crashed_ = false;
  }
  int64_t operations() const override {
    std::lock_guard guard(mutex_);
    return operations_;
  }
  int64_t faults_fired() const override {
    std::lock_guard guard(mutex_);
    return fired_;
  }

  /// Publishes the bytes of a writer, with what the script has in store for it.
  Status Publish(const std::string& path, PutMode mode, std::span<const std::byte> bytes,
                 bool unsynced) {
    const auto fault = Next(StoreOp::kWrite, path);
    if (!fault) {
      const Status status = base_->Put(path, bytes, mode);
      std::lock_guard guard(mutex_);
      if (status.ok() && unsynced) unsynced_.insert(path);
      if (status.ok() && !unsynced) unsynced_.erase(path);
      return status;
    }
    if (fault->kind == FaultKind::kTear || fault->kind == FaultKind::kTearCrash) {
      const auto part = static_cast<size_t>(std::clamp(fault->torn_fraction, 0.0, 1.0) *
                                            static_cast<double>(bytes.size()));
      const Status torn = base_->Put(path, bytes.first(part), mode);
      if (IsKind(torn, ErrorKind::kAlreadyExists)) return torn;
    } else if (fault->kind == FaultKind::kLoseReply) {
      const Status written = base_->Put(path, bytes, mode);
      if (IsKind(written, ErrorKind::kAlreadyExists)) return written;
    }
    return Injected(*fault, "writing", path);
  }

 private:
  struct Pending {
    Fault fault;
    int64_t matches = 0;
  };

  /// Counts the operation and returns the fault that befalls it. Delays have passed by then.
  std::optional<Fault> Next(StoreOp op, std::string_view path) {
    std::chrono::milliseconds delay{0};
    std::optional<Fault> hit;
    std::set<std::string> lost;
    std::vector<std::shared_ptr<FaultLogFolder>> logs;
    {
      std::lock_guard guard(mutex_);
      ++operations_;
      for (auto it = pending_.begin(); it != pending_.end();) {
        const Fault& fault = it->fault;
        const bool matches = (fault.op == StoreOp::kAny || fault.op == op) &&
                             path.find(fault.path_contains) != std::string_view::npos;
        if (!matches || ++it->matches < fault.nth) {
          ++it;
          continue;
        }
        ++fired_;
        if (fault.kind == FaultKind::kDelay) {
          delay += fault.delay;
        } else if (!hit) {
          hit = fault;
        }
        it = fault.repeat ? it + 1 : pending_.erase(it);
      }
      if (crashed_) hit = Fault{FaultKind::kFail};
      if (hit && (hit->kind == FaultKind::kCrash || hit->kind == FaultKind::kTearCrash ||
                  hit->kind == FaultKind::kPowerLoss)) {
        crashed_ = true;
        if (hit->kind == FaultKind::kPowerLoss) {
          lost.swap(unsynced_);
          for (const auto& [name, log] : logs_) logs.push_back(log);
        }
      }
    }
    for (const auto& object : lost) (void)base_->Delete(object);
    for (const auto& log : logs) log->LosePower(*hit);
    if (delay.count() > 0) clock_.SleepFor(delay);
    return hit;
  }

  template <typename T, typename Operation>
  Result<T> Around(StoreOp op, std::string_view path, Operation&& operation) {
    const auto fault = Next(op, path);
    if (Prevents(fault)) return Injected(*fault, "reaching", path);
    Result<T> result = operation();
    if (fault) return Injected(*fault, "reaching", path);
    return result;
  }

  const std::shared_ptr<Store> base_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Pending> pending_;
  bool crashed_ = false;
  std::set<std::string> unsynced_;  // objects that a power loss would take
  std::map<std::string, std::shared_ptr<FaultLogFolder>> logs_;
  int64_t operations_ = 0;
  int64_t fired_ = 0;
};

class FaultWriter : public StoreWriter {
 public:
  FaultWriter(std::shared_ptr<FaultStoreImpl> store, std::string path, PutMode mode, bool unsynced)
      : store_(std::move(store)), path_(std::move(path)), mode_(mode), unsynced_(unsynced) {}
  Status Append(std::span<const std::byte> bytes) override {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return Status::OK();
  }
  uint64_t position() const override { return bytes_.size(); }
  Status Commit() override {
    if (committed_) return Error(ErrorKind::kBadInput, path_, " was committed before");
    committed_ = true;
    return store_->Publish(path_, mode_, bytes_, unsynced_);
  }

 private:
  std::shared_ptr<FaultStoreImpl> store_;
  std::string path_;
  PutMode mode_;
  bool unsynced_;
  std::vector<std::byte> bytes_;
  bool committed_ = false;
};

Result<std::unique_ptr<StoreWriter>> FaultStoreImpl::OpenWriter(std::string_view path,
                                                                PutMode mode) {
  // Asks the store beneath whether it takes such a path; what is written goes there on Commit.
  ARROW_RETURN_NOT_OK(base_->OpenWriter(path, mode).status());
  return std::make_unique<FaultWriter>(shared_from_this(), std::string(path), mode,
                                       /*unsynced=*/false);
}

Result<std::unique_ptr<StoreWriter>> FaultStoreImpl::OpenUnsyncedWriter(std::string_view path,
                                                                        PutMode mode) {
  ARROW_RETURN_NOT_OK(base_->OpenWriter(path, mode).status());
  return std::make_unique<FaultWriter>(shared_from_this(), std::string(path), mode,
                                       /*unsynced=*/true);
}

}  // namespace

std::shared_ptr<FaultStore> FaultStore::Make(std::shared_ptr<Store> base, const Clock& clock) {
  return std::make_shared<FaultStoreImpl>(std::move(base), clock);
}

}  // namespace tarn
