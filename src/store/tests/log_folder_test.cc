// SPDX-License-Identifier: Apache-2.0
//
// What every log folder must do, and what a power loss does to one.
#include "store/log_folder.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/fault_store.h"
#include "store/tests/store_fixture.h"

namespace tarn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct FolderCase {
  const char* name;
  std::shared_ptr<Store> (*make)(const std::string& folder);
};

std::shared_ptr<Store> MakeDurable(const std::string& folder) {
  return LocalStore::Make(folder).ValueOrDie();
}
std::shared_ptr<Store> MakeFast(const std::string& folder) {
  return LocalStore::Make(folder, {.durable = false}).ValueOrDie();
}
std::shared_ptr<Store> MakeMemory(const std::string&) { return MemoryStore::Make(); }
std::shared_ptr<Store> MakeFault(const std::string&) {
  return FaultStore::Make(MemoryStore::Make());
}

std::string TextAt(LogFile& file, uint64_t offset, size_t n) {
  std::string text(n, '?');
  const std::span bytes(reinterpret_cast<std::byte*>(text.data()), n);
  text.resize(file.Read(offset, bytes).ValueOrDie());
  return text;
}

class LogFolders : public ::testing::TestWithParam<FolderCase> {
 protected:
  void SetUp() override {
    store_ = GetParam().make(temp_.path());
    folder_ = store_->OpenLogFolder("w/.tarn/wal/t/l").ValueOrDie();
  }
  TempFolder temp_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<LogFolder> folder_;
};

INSTANTIATE_TEST_SUITE_P(Stores, LogFolders,
                         ::testing::Values(FolderCase{"LocalDurable", MakeDurable},
                                           FolderCase{"LocalFast", MakeFast},
                                           FolderCase{"Memory", MakeMemory},
                                           FolderCase{"Fault", MakeFault}),
                         [](const auto& info) { return info.param.name; });

TEST_P(LogFolders, AFolderThatIsNotThereIsEmpty) {
  EXPECT_THAT(folder_->List().ValueOrDie(), IsEmpty());
  EXPECT_THAT(folder_->ListFolders().ValueOrDie(), IsEmpty());
  EXPECT_TRUE(IsKind(folder_->OpenToRead("x").status(), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(folder_->Delete("x"), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(folder_->Rename("x", "y"), ErrorKind::kNotFound));
}

TEST_P(LogFolders, AFileIsZerosUntilItIsWritten) {
  const auto file = folder_->Create("a", 5000).ValueOrDie();
  EXPECT_EQ(file->size(), 5000u);
  EXPECT_EQ(TextAt(*file, 10, 3), std::string(3, '\0'));
  const std::span<const std::byte> pieces[] = {AsBytes("one"), AsBytes(""), AsBytes("two")};
  ASSERT_TRUE(file->Write(100, pieces).ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(folder_->Sync().ok());
  const auto reader = folder_->OpenToRead("a").ValueOrDie();
  EXPECT_EQ(reader->size(), 5000u);
  EXPECT_EQ(TextAt(*reader, 99, 8), std::string("\0onetwo\0", 8));
  EXPECT_EQ(TextAt(*reader, 4998, 8).size(), 2u);
  EXPECT_EQ(TextAt(*reader, 6000, 8).size(), 0u);
  ASSERT_TRUE(folder_->OpenToWrite("a").ValueOrDie()->Write(100, AsBytes("X")).ok());
  EXPECT_EQ(TextAt(*reader, 100, 3), "Xne");
}

TEST_P(LogFolders, ManyPiecesAreWrittenInOrder) {
  const auto file = folder_->Create("a", 10'000).ValueOrDie();
  std::vector<std::string> texts;
  std::vector<std::span<const std::byte>> pieces;
  std::string all;
  for (int i = 0; i < 1000; ++i) texts.push_back(std::to_string(i));
  for (const auto& text : texts) {
    pieces.push_back(AsBytes(text));
    all += text;
  }
  ASSERT_TRUE(file->Write(7, pieces).ok());
  EXPECT_EQ(TextAt(*file, 7, all.size()), all);
}

TEST_P(LogFolders, NamesAreTakenOnceAndMoved) {
  const auto file = folder_->Create("a", 100).ValueOrDie();
  EXPECT_TRUE(IsKind(folder_->Create("a", 100).status(), ErrorKind::kAlreadyExists));
  ASSERT_TRUE(file->Write(0, AsBytes("first")).ok());
  ASSERT_TRUE(folder_->Create("b", 100).ok());
  EXPECT_THAT(folder_->List().ValueOrDie(), ElementsAre("a", "b"));
  ASSERT_TRUE(folder_->Rename("a", "b").ok());
  EXPECT_THAT(folder_->List().ValueOrDie(), ElementsAre("b"));
  EXPECT_EQ(TextAt(*folder_->OpenToRead("b").ValueOrDie(), 0, 5), "first");
  ASSERT_TRUE(file->Write(0, AsBytes("still")).ok()) << "an open file stays what it is";
  EXPECT_EQ(TextAt(*folder_->OpenToRead("b").ValueOrDie(), 0, 5), "still");
  const auto reader = folder_->OpenToRead("b").ValueOrDie();
  ASSERT_TRUE(folder_->Delete("b").ok());
  EXPECT_EQ(TextAt(*reader, 0, 5), "still");
  EXPECT_THAT(folder_->List().ValueOrDie(), IsEmpty());
}

TEST_P(LogFolders, OneLockExcludesAllOthers) {
  auto lock = folder_->Lock();
  ASSERT_TRUE(lock.ok()) << lock.status();
  const auto again = store_->OpenLogFolder("w/.tarn/wal/t/l").ValueOrDie()->Lock().status();
  EXPECT_TRUE(IsKind(again, ErrorKind::kCommitConflict)) << again;
  EXPECT_THAT(again.message(), HasSubstr("close it"));
  EXPECT_TRUE(store_->OpenLogFolder("w/.tarn/wal/t/other").ValueOrDie()->Lock().ok());
  EXPECT_THAT(folder_->List().ValueOrDie(), IsEmpty()) << "a lock is no file of the log";
  lock.ValueUnsafe().reset();
  EXPECT_TRUE(folder_->Lock().ok());
}

TEST_P(LogFolders, FoldersBelowAreListed) {
  ASSERT_TRUE(folder_->Create("a", 10).ok());
  ASSERT_TRUE(store_->OpenLogFolder("w/.tarn/wal/t/k").ValueOrDie()->Create("a", 10).ok());
  const auto parent = store_->OpenLogFolder("w/.tarn/wal/t").ValueOrDie();
  EXPECT_THAT(parent->ListFolders().ValueOrDie(), ElementsAre("k", "l"));
  EXPECT_THAT(parent->List().ValueOrDie(), IsEmpty());
}

TEST_P(LogFolders, BadNamesAreRefused) {
  for (const std::string name : {"", ".", "..", "a/b", "lock"}) {
    EXPECT_TRUE(IsKind(folder_->Create(name, 1).status(), ErrorKind::kBadInput)) << name;
    EXPECT_TRUE(IsKind(folder_->OpenToRead(name).status(), ErrorKind::kBadInput)) << name;
    EXPECT_TRUE(IsKind(folder_->OpenToWrite(name).status(), ErrorKind::kBadInput)) << name;
    EXPECT_TRUE(IsKind(folder_->Delete(name), ErrorKind::kBadInput)) << name;
    EXPECT_TRUE(IsKind(folder_->Rename("a", name), ErrorKind::kBadInput)) << name;
  }
  EXPECT_TRUE(IsKind(store_->OpenLogFolder("../x").status(), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(OpenLocalLogFolder("relative").status(), ErrorKind::kBadInput));
}

TEST_P(LogFolders, LogsAreNoObjectsOfTheStoresTables) {
  ASSERT_TRUE(folder_->Create("a", 10).ok());
  ASSERT_TRUE(store_->Put("w/db/t/data/x", "1").ok());
  for (const auto& info : store_->List("w/db/").ValueOrDie()) {
    EXPECT_EQ(info.path, "w/db/t/data/x");
  }
}

TEST(LocalLogs, AreOpenedWithoutAStoreToo) {
  const TempFolder temp;
  const auto folder = OpenLocalLogFolder(temp.path() + "/some/log").ValueOrDie();
  ASSERT_TRUE(folder->Create("a", 10).ok());
  EXPECT_THAT(folder->List().ValueOrDie(), ElementsAre("a"));
}

TEST(LocalLogs, AKilledProcessLosesItsLock) {
  const TempFolder temp;
  const auto folder = OpenLocalLogFolder(temp.path()).ValueOrDie();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = folder->Lock();
    const char ok = lock.ok() ? 'y' : 'n';
    (void)!::write(ready[1], &ok, 1);
    for (;;) ::pause();
  }
  char ok = 0;
  ASSERT_EQ(::read(ready[0], &ok, 1), 1);
  EXPECT_EQ(ok, 'y');
  const auto refused = folder->Lock().status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kCommitConflict)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("process " + std::to_string(child)));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(folder->Lock().ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

/// Files of this process may not grow beyond so many bytes: a disk that is full, as the system
/// tells it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  void (*handler_)(int);
};

TEST(LocalLogs, AFileForWhichThereIsNoRoomIsNotThere) {
  const TempFolder temp;
  const auto folder = OpenLocalLogFolder(temp.path()).ValueOrDie();
  {
    const FileSizeLimit limit(8192);
    const auto failed = folder->Create("a", 10'000).status();
    EXPECT_TRUE(IsKind(failed, ErrorKind::kIo)) << failed;
    EXPECT_THAT(failed.message(), HasSubstr("/a"));
    EXPECT_THAT(folder->List().ValueOrDie(), IsEmpty());
    EXPECT_TRUE(folder->Create("a", 8000).ok());
  }
  EXPECT_TRUE(folder->Create("b", 10'000).ok());
}

TEST(StoresWithoutFiles, SayWhatToDoInstead) {
  // The default of Store, as an object store has it.
  const auto base = MemoryStore::Make();
  const auto refused = base->Store::OpenLogFolder("x").status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kNotSupported)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("local disk"));
}

class FaultyLogs : public ::testing::Test {
 protected:
  std::string Disk(const std::string& name, size_t n) {
    const auto file = disk_->OpenLogFolder("l").ValueOrDie()->OpenToRead(name);
    return file.ok() ? TextAt(**file, 0, n) : file.status().ToString();
  }
  std::shared_ptr<MemoryStore> disk_ = MemoryStore::Make();
  std::shared_ptr<FaultStore> store_ = FaultStore::Make(disk_);
  std::shared_ptr<LogFolder> folder_ = store_->OpenLogFolder("l").ValueOrDie();
};

TEST_F(FaultyLogs, WritesAreTornAndSyncsFail) {
  const auto file = folder_->Create("a", 4096).ValueOrDie();
  store_->Add({.kind = FaultKind::kTear, .op = StoreOp::kWrite, .torn_fraction = 0.3});
  EXPECT_TRUE(IsKind(file->Write(0, AsBytes("0123456789")), ErrorKind::kIo));
  EXPECT_EQ(Disk("a", 4), std::string("012\0", 4));
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kSync});
  EXPECT_TRUE(IsKind(file->Sync(), ErrorKind::kIo));
  EXPECT_TRUE(file->Sync().ok());
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kCreate});
  EXPECT_TRUE(IsKind(folder_->Create("b", 10).status(), ErrorKind::kIo));
  EXPECT_THAT(disk_->OpenLogFolder("l").ValueOrDie()->List().ValueOrDie(), ElementsAre("a"));
}

TEST_F(FaultyLogs, APowerLossTakesWhatWasNotSynced) {
  const auto file = folder_->Create("a", 4096).ValueOrDie();
  ASSERT_TRUE(file->Write(0, AsBytes("kept")).ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(folder_->Sync().ok());
  ASSERT_TRUE(file->Write(0, AsBytes("lost")).ok());
  ASSERT_TRUE(folder_->Create("b", 10).ok());
  ASSERT_TRUE(folder_->Rename("a", "c").ok());
  EXPECT_EQ(Disk("c", 4), "lost");
  store_->Add({.kind = FaultKind::kPowerLoss});
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_FALSE(file->Write(0, AsBytes("more")).ok());
  EXPECT_THAT(disk_->OpenLogFolder("l").ValueOrDie()->List().ValueOrDie(), ElementsAre("a"));
  EXPECT_EQ(Disk("a", 4), "kept");
}

TEST_F(FaultyLogs, ASyncThatFailedIsNotMadeUpForByTheNext) {
  const auto file = folder_->Create("a", 4096).ValueOrDie();
  ASSERT_TRUE(folder_->Sync().ok());
  ASSERT_TRUE(file->Write(0, AsBytes("gone")).ok());
  ASSERT_TRUE(file->Write(512, AsBytes("gone too")).ok());
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kSync});
  EXPECT_FALSE(file->Sync().ok());
  ASSERT_TRUE(file->Write(512, AsBytes("written")).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(Disk("a", 4), "gone") << "as the system shows it";
  store_->Add({.kind = FaultKind::kPowerLoss, .unsynced_kept = 1});
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_EQ(Disk("a", 519), std::string(512, '\0') + "written");
}

TEST_F(FaultyLogs, APowerLossBringsBackWhatWasDeleted) {
  ASSERT_TRUE(folder_->Create("a", 4096).ValueOrDie()->Write(0, AsBytes("old")).ok());
  ASSERT_TRUE(folder_->OpenToWrite("a").ValueOrDie()->Sync().ok());
  ASSERT_TRUE(folder_->Sync().ok());
  ASSERT_TRUE(folder_->Delete("a").ok());
  store_->Add({.kind = FaultKind::kPowerLoss});
  EXPECT_FALSE(folder_->Sync().ok());
  EXPECT_EQ(Disk("a", 3), "old");
}

TEST_F(FaultyLogs, APowerLossMayKeepAnySectors) {
  bool mixed = false;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const std::string name = "f" + std::to_string(seed);
    const auto file = folder_->Create(name, 16 * 512).ValueOrDie();
    ASSERT_TRUE(folder_->Sync().ok());
    ASSERT_TRUE(file->Write(0, AsBytes(std::string(16 * 512, 'x'))).ok());
    store_->Add({.kind = FaultKind::kPowerLoss, .unsynced_kept = 0.5, .seed = seed});
    EXPECT_FALSE(file->Sync().ok());
    store_->Heal();
    int kept = 0;
    for (int sector = 0; sector < 16; ++sector) {
      const auto text = Disk(name, 16 * 512).substr(static_cast<size_t>(sector) * 512, 512);
      EXPECT_TRUE(text == std::string(512, 'x') || text == std::string(512, '\0')) << sector;
      kept += text[0] == 'x';
    }
    mixed = mixed || (kept > 0 && kept < 16);
  }
  EXPECT_TRUE(mixed);
}

}  // namespace
}  // namespace tarn
