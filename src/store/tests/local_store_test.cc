// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/tests/store_fixture.h"
#include "tarn/store.h"

namespace tarn {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;

class Local : public ::testing::Test {
 protected:
  std::shared_ptr<LocalStore> Open() {
    return LocalStore::Make(folder_.path(), {.durable = false}).ValueOrDie();
  }
  /// What lies in the folder, hidden names too.
  std::vector<std::string> Everything() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  TempFolder folder_;
};

TEST_F(Local, MakesItsFolderAndNamesOneItCannotMake) {
  ASSERT_TRUE(LocalStore::Make(folder_.path() + "/deep/er").ok());
  EXPECT_TRUE(std::filesystem::is_directory(folder_.path() + "/deep/er"));
  std::ofstream(folder_.path() + "/file") << "x";
  const auto status = LocalStore::Make(folder_.path() + "/file/below").status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kIo)) << status;
  EXPECT_THAT(status.message(), HasSubstr("/file"));
  EXPECT_FALSE(LocalStore::Make(folder_.path() + "/file").ok());
  EXPECT_FALSE(LocalStore::Make("").ok());
}

TEST_F(Local, LocationsAreKnownInEverySpelling) {
  const auto store = Open();
  const std::string path = folder_.path() + "/t/x";
  EXPECT_EQ(store->UriOf("t/x"), "file://" + path);
  for (const std::string& uri :
       {"file://" + path, "file:" + path, path, "file://localhost" + path}) {
    EXPECT_EQ(store->PathOf(uri).ValueOrDie(), "t/x") << uri;
  }
  EXPECT_EQ(store->PathOf(folder_.path()).ValueOrDie(), "");
  const auto outside = store->PathOf("file:///somewhere/else").status();
  EXPECT_TRUE(IsKind(outside, ErrorKind::kBadInput)) << outside;
  EXPECT_TRUE(IsKind(store->PathOf(folder_.path() + "x/y").status(), ErrorKind::kBadInput));
}

TEST_F(Local, AStoreReachedThroughALinkKnowsBothNames) {
  const auto real = Open();
  const std::string link = folder_.path() + "-link";
  std::filesystem::create_directory_symlink(folder_.path(), link);
  const auto store = LocalStore::Make(link).ValueOrDie();
  EXPECT_EQ(store->UriOf("x"), "file://" + link + "/x");
  EXPECT_EQ(store->PathOf(real->UriOf("x")).ValueOrDie(), "x");
  std::filesystem::remove(link);
}

TEST_F(Local, NothingButTheObjectRemains) {
  const auto store = Open();
  ASSERT_TRUE(store->Put("x", "1").ok());
  ASSERT_FALSE(store->Put("x", "2", PutMode::kIfAbsent).ok());
  { auto discarded = store->OpenWriter("y", PutMode::kReplace); }
  EXPECT_THAT(Everything(), testing::ElementsAre("x"));
}

TEST_F(Local, FoldersThatAreEmptiedGoWhereTheyMay) {
  LocalStore::Options options{.durable = false};
  options.prune_below = folder_.path() + "/a";
  auto store = LocalStore::Make(folder_.path(), options).ValueOrDie();
  ASSERT_TRUE(store->Put("a/b/c/x", std::string_view("x")).ok());
  ASSERT_TRUE(store->Put("ab/c/x", std::string_view("x")).ok());
  ASSERT_TRUE(store->Delete("a/b/c/x").ok());
  ASSERT_TRUE(store->Delete("ab/c/x").ok());
  EXPECT_THAT(Everything(), testing::UnorderedElementsAre("a", "ab", "c"));
  options.prune_below = "";
  store = LocalStore::Make(folder_.path(), options).ValueOrDie();
  ASSERT_TRUE(store->Put("a/b/x", std::string_view("x")).ok());
  ASSERT_TRUE(store->Delete("a/b/x").ok());
  EXPECT_THAT(Everything(), testing::UnorderedElementsAre("a", "b", "ab", "c"));
}

TEST_F(Local, LocksMayLieElsewhere) {
  (void)Open();
  const TempFolder locks;
  LocalStore::Options options{.durable = false};
  options.lock_folder = locks.path() + "/here";
  auto store = LocalStore::Make("/", options).ValueOrDie();
  const std::string name = folder_.path().substr(1) + "/x";
  const auto held = store->Lock(name, milliseconds(1000));
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(Everything().empty());
  EXPECT_FALSE(std::filesystem::is_empty(locks.path() + "/here"));
  EXPECT_FALSE(LocalStore::Make("/", options).ValueOrDie()->Lock(name, milliseconds(10)).ok());
}

TEST_F(Local, TheWholeFileSystemIsAStoreToo) {
  auto store = LocalStore::Make("/", {.durable = false}).ValueOrDie();
  const std::string uri = "file://" + folder_.path() + "/x";
  const std::string path = store->PathOf(uri).ValueOrDie();
  EXPECT_EQ(path, folder_.path().substr(1) + "/x");
  EXPECT_EQ(store->UriOf(path), uri);
  ASSERT_TRUE(store->Put(path, std::string_view("text")).ok());
  EXPECT_EQ(store->Read(path).ValueOrDie()->text(), "text");
  EXPECT_EQ(store->List(folder_.path().substr(1) + "/")->size(), 1u);
  for (const char* bad : {"s3://bucket/x", "relative/x", "file:///a/../b", "file:///a//b"}) {
    EXPECT_TRUE(IsKind(store->PathOf(bad).status(), ErrorKind::kBadInput)) << bad;
  }
}

TEST_F(Local, WhatADeadWriterLeftIsNeitherListedNorInTheWay) {
  const auto store = Open();
  std::ofstream(folder_.path() + "/.tarn-tmp-0000") << "half";
  ASSERT_TRUE(store->Put("x", "1").ok());
  EXPECT_EQ(store->List("")->size(), 1u);
  EXPECT_THAT(store->ListFolder("").ValueOrDie(), testing::ElementsAre("x"));
}

TEST_F(Local, AnObjectCannotLieBelowAnotherOrReplaceAFolder) {
  const auto store = Open();
  ASSERT_TRUE(store->Put("a", "1").ok());
  ASSERT_TRUE(store->Put("b/c", "1").ok());
  const auto below = store->Put("a/b", "2");
  EXPECT_TRUE(IsKind(below, ErrorKind::kIo)) << below;
  EXPECT_FALSE(store->Put("b", "2").ok());
  EXPECT_EQ(store->Read("a").ValueOrDie()->text(), "1");
  EXPECT_EQ(store->Read("b/c").ValueOrDie()->text(), "1");
}

TEST_F(Local, AFullDiskIsAnErrorThatNamesTheFileAndLeavesNothing) {
  const auto store = Open();
  ASSERT_TRUE(store->Put("x", "before").ok());
  // A limit on file sizes stands in for the disk: writes fail in the same way.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit small = old;
  small.rlim_cur = 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto status = store->Put("x", std::string(5000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_TRUE(IsKind(status, ErrorKind::kIo)) << status;
  EXPECT_THAT(status.message(), HasSubstr(folder_.path() + "/x"));
  EXPECT_EQ(store->Read("x").ValueOrDie()->text(), "before");
  EXPECT_THAT(Everything(), testing::ElementsAre("x"));
}

TEST_F(Local, ADeviceIsNoObject) {
  const auto store = Open();
  std::filesystem::create_symlink("/dev/full", folder_.path() + "/full");
  EXPECT_TRUE(IsKind(store->Read("full").status(), ErrorKind::kNotFound));
}

/// Runs `body` as a user without rights, where this process may change its user; true if it said
/// so.
template <typename Body>
bool AsNobody(Body body) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

TEST_F(Local, AReadOnlyFolderIsAnErrorThatSaysSo) {
  const auto store = Open();
  ASSERT_TRUE(store->Put("x", "1").ok());
  ASSERT_EQ(chmod(folder_.path().c_str(), 0555), 0);
  EXPECT_TRUE(AsNobody([&] {
    const auto put = store->Put("y", "2");
    const auto replace = store->Put("x", "2");
    const auto remove = store->Delete("x");
    return IsKind(put, ErrorKind::kIo) && IsKind(replace, ErrorKind::kIo) &&
           IsKind(remove, ErrorKind::kIo) &&
           put.message().find("must be writable") != std::string::npos &&
           put.message().find(folder_.path()) != std::string::npos;
  }));
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  EXPECT_EQ(store->Read("x").ValueOrDie()->text(), "1");
}

TEST_F(Local, OfRacingProcessesExactlyOneTakesAName) {
  const auto store = Open();
  constexpr int kProcesses = 4, kNames = 40;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      int won = 0;
      for (int i = 0; i < kNames; ++i) {
        won += store->Put("n" + std::to_string(i), std::to_string(p), PutMode::kIfAbsent).ok();
      }
      _exit(won);
    }
    children.push_back(pid);
  }
  int won = 0;
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status));
    won += WEXITSTATUS(status);
  }
  EXPECT_EQ(won, kNames);
  EXPECT_EQ(store->List("")->size(), static_cast<size_t>(kNames));
}

TEST_F(Local, ALockHoldsAmongProcessesAndDiesWithItsHolder) {
  const auto store = Open();
  int to_parent[2], to_child[2];
  ASSERT_EQ(pipe(to_parent), 0);
  ASSERT_EQ(pipe(to_child), 0);
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  char byte = 'x';
  if (pid == 0) {
    const auto lock = store->Lock("t", milliseconds(1000));
    byte = lock.ok() ? 'y' : 'n';
    if (write(to_parent[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 1) _exit(1);
    raise(SIGKILL);
  }
  ASSERT_EQ(read(to_parent[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_FALSE(store->Lock("t", milliseconds(0)).ok());
  ASSERT_EQ(write(to_child[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(store->Lock("t", milliseconds(0)).ok());
}

TEST_F(Local, AChildBornUnderALockDoesNotKeepIt) {
  const auto store = Open();
  int to_child[2];
  ASSERT_EQ(pipe(to_child), 0);
  auto lock = store->Lock("t", milliseconds(0)).ValueOrDie();
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  char byte = 'x';
  if (pid == 0) _exit(read(to_child[0], &byte, 1) == 1 ? 0 : 1);
  lock.reset();
  EXPECT_TRUE(store->Lock("t", milliseconds(0)).ok());
  ASSERT_EQ(write(to_child[1], &byte, 1), 1);
  int status = 0;
  waitpid(pid, &status, 0);
}

}  // namespace
}  // namespace tarn
