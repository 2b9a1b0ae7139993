// SPDX-License-Identifier: Apache-2.0
#include "store/memory_log_folder.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace tarn {
namespace {

struct Contents {
  std::mutex mutex;
  std::vector<std::byte> bytes;  // guarded by mutex; what lies behind them is zeros
  uint64_t size = 0;
};

}  // namespace

struct MemoryLogs::State {
  struct Folder {
    std::map<std::string, std::shared_ptr<Contents>, std::less<>> files;
    bool locked = false;
  };
  std::mutex mutex;
  std::map<std::string, Folder> folders;  // guarded by mutex
};

namespace {

class MemoryLogFile : public LogFile {
 public:
  MemoryLogFile(std::shared_ptr<Contents> contents, std::string path, bool writable)
      : contents_(std::move(contents)), path_(std::move(path)), writable_(writable) {}

  uint64_t size() const override { return contents_->size; }

  Status Write(uint64_t offset, std::span<const std::span<const std::byte>> pieces) override {
    uint64_t end = offset;
    for (const auto& piece : pieces) end += piece.size();
    if (!writable_ || end > contents_->size) {
      return Error(ErrorKind::kIo, "writing ", path_, ": ",
                   writable_ ? "past its end" : "it was opened to be read");
    }
    const std::lock_guard guard(contents_->mutex);
    auto& bytes = contents_->bytes;
    if (bytes.size() < end) bytes.resize(end);
    for (const auto& piece : pieces) {
      std::copy(piece.begin(), piece.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
      offset += piece.size();
    }
    return Status::OK();
  }

  Result<size_t> Read(uint64_t offset, std::span<std::byte> bytes) override {
    if (offset >= contents_->size) return 0;
    const auto n = static_cast<size_t>(std::min<uint64_t>(bytes.size(), contents_->size - offset));
    const std::lock_guard guard(contents_->mutex);
    const auto& from = contents_->bytes;
    const size_t there =
        offset < from.size() ? std::min<size_t>(n, from.size() - static_cast<size_t>(offset)) : 0;
    if (there > 0) std::memcpy(bytes.data(), from.data() + offset, there);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(there),
              bytes.begin() + static_cast<std::ptrdiff_t>(n), std::byte{0});
    return n;
  }

  Status Sync() override { return Status::OK(); }

 private:
  const std::shared_ptr<Contents> contents_;
  const std::string path_;
  const bool writable_;
};

class MemoryLogLock : public StoreLock {
 public:
  MemoryLogLock(std::shared_ptr<MemoryLogs::State> state, std::string folder)
      : state_(std::move(state)), folder_(std::move(folder)) {}
  ~MemoryLogLock() override {
    const std::lock_guard guard(state_->mutex);
    state_->folders[folder_].locked = false;
  }

 private:
  const std::shared_ptr<MemoryLogs::State> state_;
  const std::string folder_;
};

class MemoryLogFolder : public LogFolder {
 public:
  MemoryLogFolder(std::shared_ptr<MemoryLogs::State> state, std::string path)
      : state_(std::move(state)), path_(std::move(path)) {}

  Result<std::unique_ptr<LogFile>> Create(std::string_view name, uint64_t size) override {
    ARROW_RETURN_NOT_OK(CheckLogFileName(name));
    auto contents = std::make_shared<Contents>();
    contents->size = size;
    const std::lock_guard guard(state_->mutex);
    if (!files().try_emplace(std::string(name), contents).second) {
      return Error(ErrorKind::kAlreadyExists, PathOf(name), " already exists");
    }
    return std::make_unique<MemoryLogFile>(std::move(contents), PathOf(name), /*writable=*/true);
  }

  Result<std::unique_ptr<LogFile>> OpenToRead(std::string_view name) override {
    ARROW_ASSIGN_OR_RAISE(auto contents, Find(name, /*take=*/false));
    return std::make_unique<MemoryLogFile>(std::move(contents), PathOf(name), /*writable=*/false);
  }
  Result<std::unique_ptr<LogFile>> OpenToWrite(std::string_view name) override {
    ARROW_ASSIGN_OR_RAISE(auto contents, Find(name, /*take=*/false));
    return std::make_unique<MemoryLogFile>(std::move(contents), PathOf(name), /*writable=*/true);
  }

  Status Rename(std::string_view from, std::string_view to) override {
    ARROW_RETURN_NOT_OK(CheckLogFileName(to));
    ARROW_ASSIGN_OR_RAISE(auto contents, Find(from, /*take=*/true));
    const std::lock_guard guard(state_->mutex);
    files().insert_or_assign(std::string(to), std::move(contents));
    return Status::OK();
  }

  Status Delete(std::string_view name) override { return Find(name, /*take=*/true).status(); }

  Result<std::vector<std::string>> List() override {
    const std::lock_guard guard(state_->mutex);
    std::vector<std::string> names;
    for (const auto& [name, contents] : files()) names.push_back(name);
    return names;
  }

  Result<std::vector<std::string>> ListFolders() override {
    const std::string prefix = path_ + "/";
    const std::lock_guard guard(state_->mutex);
    std::set<std::string> names;
    for (const auto& [path, folder] : state_->folders) {
      if (path.compare(0, prefix.size(), prefix) != 0 || folder.files.empty()) continue;
      names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }

  Status Sync() override { return Status::OK(); }

  Result<std::unique_ptr<StoreLock>> Lock() override {
    const std::lock_guard guard(state_->mutex);
    bool& locked = state_->folders[path_].locked;
    if (locked) {
      return Error(ErrorKind::kCommitConflict, "the log in memory:///", path_,
                   " is open in this process: close it there, or open another log");
    }
    locked = true;
    return std::make_unique<MemoryLogLock>(state_, path_);
  }

  std::string PathOf(std::string_view name) const override {
    return std::string("memory:///").append(path_).append("/").append(name);
  }

 private:
  std::map<std::string, std::shared_ptr<Contents>, std::less<>>& files() {
    return state_->folders[path_].files;
  }

  Result<std::shared_ptr<Contents>> Find(std::string_view name, bool take) {
    ARROW_RETURN_NOT_OK(CheckLogFileName(name));
    const std::lock_guard guard(state_->mutex);
    const auto it = files().find(name);
    if (it == files().end()) return Error(ErrorKind::kNotFound, PathOf(name), " does not exist");
    auto contents = it->second;
    if (take) files().erase(it);
    return contents;
  }

  const std::shared_ptr<MemoryLogs::State> state_;
  const std::string path_;
};

}  // namespace

MemoryLogs::MemoryLogs() : state_(std::make_shared<State>()) {}
MemoryLogs::~MemoryLogs() = default;

std::shared_ptr<LogFolder> MemoryLogs::Open(const std::string& path) {
  return std::make_shared<MemoryLogFolder>(state_, path);
}

}  // namespace tarn
