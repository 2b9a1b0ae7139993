// SPDX-License-Identifier: Apache-2.0
#include "store/unsynced_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "gtest/gtest.h"
#include "store/fault_store.h"
#include "store/tests/store_fixture.h"

namespace tarn {
namespace {

class Unsynced : public ::testing::Test {
 protected:
  Unsynced() { std::filesystem::create_directories(folder_); }
  ~Unsynced() override { std::filesystem::remove_all(folder_); }
  std::string PathOf(const std::string& name) const { return folder_ + "/" + name; }
  FileDescriptor NewFile(const std::string& name) const {
    return FileDescriptor(
        ::open(PathOf(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / ("tarn-unsynced-" + std::to_string(::getpid())))
          .string();
  UnsyncedFiles files_;
};

TEST_F(Unsynced, AreSyncedTogetherAndOnce) {
  EXPECT_TRUE(files_.Sync().ok()) << "nothing waits";
  for (const auto* name : {"a", "b", "c"}) {
    ASSERT_TRUE(files_.Add(NewFile(name), PathOf(name)).ok());
  }
  EXPECT_TRUE(files_.Sync().ok());
  EXPECT_TRUE(files_.Sync().ok());
}

TEST_F(Unsynced, AFailureIsNeverForgotten) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const FileDescriptor other(ends[0]);
  // A pipe cannot be synced.
  ASSERT_TRUE(files_.Add(FileDescriptor(ends[1]), "the/manifest").ok());
  const Status first = files_.Sync();
  EXPECT_TRUE(IsKind(first, ErrorKind::kIo)) << first;
  EXPECT_NE(first.message().find("the/manifest"), std::string::npos) << first;
  ASSERT_TRUE(files_.Add(NewFile("a"), PathOf("a")).ok());
  EXPECT_TRUE(IsKind(files_.Sync(), ErrorKind::kIo));
}

TEST_F(Unsynced, ThatAreTooManyAreSyncedUnasked) {
  for (int i = 0; i < 600; ++i) {
    const std::string name = "f" + std::to_string(i);
    FileDescriptor fd = NewFile(name);
    ASSERT_TRUE(fd.valid()) << "descriptors ran out at " << i;
    ASSERT_TRUE(files_.Add(std::move(fd), PathOf(name)).ok());
  }
  const auto open = std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                  std::filesystem::directory_iterator());
  EXPECT_LT(open, 400);
}

TEST_F(Unsynced, MayBeAddedAndSyncedByManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(files_.Add(NewFile(name), PathOf(name)).ok());
        EXPECT_TRUE(files_.Sync().ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(UnsyncedObjects, AreThereAtOnceAndStayAfterASync) {
  const auto base = MemoryStore::Make();
  const auto store = FaultStore::Make(base);
  ASSERT_TRUE(store->PutUnsynced("old", "1").ok());
  EXPECT_EQ((*store->Read("old"))->text(), "1");
  ASSERT_TRUE(store->Sync().ok());
  ASSERT_TRUE(store->PutUnsynced("new", "2").ok());
  ASSERT_TRUE(store->PutUnsynced("again", "3").ok());
  ASSERT_TRUE(store->Put("again", "4").ok());
  store->Add({.kind = FaultKind::kPowerLoss});
  EXPECT_FALSE(store->Sync().ok());
  EXPECT_TRUE(*base->Exists("old"));
  EXPECT_FALSE(*base->Exists("new")) << "as after a power loss";
  EXPECT_TRUE(*base->Exists("again"));
}

}  // namespace
}  // namespace tarn
