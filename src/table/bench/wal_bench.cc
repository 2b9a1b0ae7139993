// SPDX-License-Identifier: Apache-2.0
//
// The log beside the disk it lies on. A record is 150 KB, 100 rows with an embedding of 384 floats.
// The disk's part is the same bytes in files that are reserved and replaced as the log's are: for
// one writer one record and an fdatasync, for eight writers eight records and one fdatasync, which
// is the best that a group can do. TARN_BENCH_FOLDER says where (the current folder by default).
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random_id.h"
#include "table/wal/write_ahead_log.h"

namespace tarn {
namespace {

constexpr size_t kRecordBytes = 150'000;
constexpr uint64_t kFileBytes = 64 << 20;
using SteadyClock = std::chrono::steady_clock;

std::string NewFolder() {
  const char* folder = std::getenv("TARN_BENCH_FOLDER");
  const std::string base = folder != nullptr ? folder : std::filesystem::current_path().string();
  return base + "/wal-bench-" + NewUuid4();
}

void Rates(benchmark::State& state, int64_t records) {
  state.SetItemsProcessed(records);
  state.counters["MB/s"] = benchmark::Counter(static_cast<double>(records) * kRecordBytes / 1e6,
                                              benchmark::Counter::kIsRate);
}

void Fail(benchmark::State& state, const Status& status) {
  if (!status.ok()) state.SkipWithError(status.ToString().c_str());
}

/// Writes and syncs as the log does, and nothing else.
class Disk {
 public:
  explicit Disk(std::string path) : path_(std::move(path)) { Next(); }
  ~Disk() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  bool Write(const std::vector<char>& bytes, bool sync) {
    if (at_ + bytes.size() > kFileBytes) {
      ::close(fd_);
      ::unlink(path_.c_str());
      Next();
    }
    const bool written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at_)) ==
                         static_cast<ssize_t>(bytes.size());
    at_ += bytes.size();
    return written && (!sync || ::fdatasync(fd_) == 0);
  }

 private:
  void Next() {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0 || ::fallocate(fd_, 0, 0, kFileBytes) != 0) std::abort();
    at_ = 0;
  }
  const std::string path_;
  int fd_ = -1;
  uint64_t at_ = 0;
};

void RunDisk(benchmark::State& state, int64_t records, bool sync) {
  Disk disk(NewFolder() + ".bin");
  const std::vector<char> bytes(kRecordBytes * static_cast<size_t>(records), 'x');
  for (auto _ : state) {
    if (!disk.Write(bytes, sync)) state.SkipWithError("the disk failed");
  }
  Rates(state, static_cast<int64_t>(state.iterations()) * records);
}

void BM_DiskWriteAndSync(benchmark::State& state) { RunDisk(state, 1, true); }
void BM_DiskWriteOfEightAndSync(benchmark::State& state) { RunDisk(state, 8, true); }
void BM_DiskWrite(benchmark::State& state) { RunDisk(state, 1, false); }

struct SharedLog {
  explicit SharedLog(SyncPolicy policy) {
    folder = OpenLocalLogFolder(path).ValueOrDie();
    LogOptions options;
    options.sync = policy;
    options.segment_bytes = kFileBytes;
    options.grace = std::chrono::milliseconds(0);
    log = WriteAheadLog::Open(folder, {NewUuid4(), NewUuid4()}, 0, options).ValueOrDie();
    record.batch_id = "producer:1";
    record.payload = arrow::Buffer::FromString(std::string(kRecordBytes, 'x'));
  }
  ~SharedLog() {
    // What is left of it is what was written.
    const uint64_t last = log->acknowledged();
    uint64_t seen = last > 300 ? last - 300 : 0;
    const auto replayed = log->Replay(seen, [&](const LogRecord& read) {
      return read.sequence == ++seen && read.payload->Equals(*record.payload)
                 ? Status::OK()
                 : Error(ErrorKind::kCorrupt, "another record");
    });
    if (!replayed.ok() || seen != last || !log->Close().ok()) std::abort();
    log.reset();
    for (const auto& name : folder->List().ValueOrDie()) (void)folder->Delete(name);
    ::unlink((path + "/lock").c_str());
    ::rmdir(path.c_str());
  }
  const std::string path = NewFolder();
  std::shared_ptr<LogFolder> folder;
  std::unique_ptr<WriteAheadLog> log;
  LogRecord record;
};

std::unique_ptr<SharedLog> shared;

void BM_Log(benchmark::State& state) {
  if (state.thread_index() == 0) {
    shared = std::make_unique<SharedLog>(static_cast<SyncPolicy>(state.range(0)));
  }
  std::vector<double> micros;
  for (auto _ : state) {
    const auto start = SteadyClock::now();
    const auto sequence = shared->log->Enqueue(shared->record);
    Fail(state, sequence.status());
    if (!sequence.ok()) break;
    Fail(state, shared->log->WaitAcknowledged(*sequence));
    micros.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count());
    // The table keeps up: 60 MB are not yet in it.
    if (*sequence % 100 == 0 && *sequence > 400) {
      Fail(state, shared->log->Release(*sequence - 400));
    }
  }
  Rates(state, static_cast<int64_t>(state.iterations()));
  if (!micros.empty()) {
    std::sort(micros.begin(), micros.end());
    const auto at = [&](double part) {
      return benchmark::Counter(micros[static_cast<size_t>(part * double(micros.size() - 1))],
                                benchmark::Counter::kAvgThreads);
    };
    state.counters["p50_us"] = at(0.5);
    state.counters["p99_us"] = at(0.99);
  }
  if (state.thread_index() == 0) shared.reset();
}

BENCHMARK(BM_DiskWriteAndSync)->UseRealTime();
BENCHMARK(BM_Log)->Name("BM_LogEveryInsert")->Arg(0)->UseRealTime();
BENCHMARK(BM_DiskWriteOfEightAndSync)->UseRealTime();
BENCHMARK(BM_Log)->Name("BM_LogEveryInsertOfEight")->Arg(0)->Threads(8)->UseRealTime();
BENCHMARK(BM_DiskWrite)->UseRealTime();
BENCHMARK(BM_Log)->Name("BM_LogInterval")->Arg(1)->UseRealTime();
BENCHMARK(BM_Log)->Name("BM_LogNone")->Arg(2)->UseRealTime();

}  // namespace
}  // namespace tarn
