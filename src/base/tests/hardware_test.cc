// SPDX-License-Identifier: Apache-2.0
#include "tarn/hardware.h"

#include <filesystem>
#include <fstream>

#include "base/cgroup.h"
#include "base/parallel.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

TEST(ChooseIndexType, TakesInvertedListsForManyVectorsOnALargeMachine) {
  EXPECT_EQ(ChooseIndexType(IndexType::kAuto, 5000, {.cores = 8}), IndexType::kIvfPq);
  EXPECT_EQ(ChooseIndexType(IndexType::kAuto, 5000, {.cores = 1, .gpus = 1}), IndexType::kIvfPq);
}

TEST(ChooseIndexType, TakesTheGraphForFewVectorsOrASmallMachine) {
  EXPECT_EQ(ChooseIndexType(IndexType::kAuto, 4999, {.cores = 64, .gpus = 8}), IndexType::kHnsw);
  EXPECT_EQ(ChooseIndexType(IndexType::kAuto, 1000000, {.cores = 7}), IndexType::kHnsw);
}

TEST(ChooseIndexType, LeavesAChoiceThatWasMade) {
  EXPECT_EQ(ChooseIndexType(IndexType::kFlat, 5000, {.cores = 8}), IndexType::kFlat);
  EXPECT_EQ(ChooseIndexType(IndexType::kIvfPq, 10, {.cores = 1}), IndexType::kIvfPq);
}

TEST(Hardware, AgreesWithTheThreadsThatWorkIsSplitOver) {
  EXPECT_EQ(Hardware::Detect().cores, AvailableThreads());
  EXPECT_GE(Hardware::Detect().gpus, 0);
  EXPECT_FALSE(Hardware::Detect().cores_from.empty());
  EXPECT_FALSE(Hardware::Detect().gpus_from.empty());
}

/// A made-up /proc and /sys.
class CgroupTest : public ::testing::Test {
 protected:
  CgroupTest() : root_(fs::path(::testing::TempDir()) / ("cgroup_" + Name())) {
    fs::remove_all(root_);
  }
  ~CgroupTest() override { fs::remove_all(root_); }

  static std::string Name() {
    return ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void Put(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::optional<double> Quota() const {
    return CgroupCpuQuota((root_ / "proc").string(), (root_ / "sys").string());
  }

  fs::path root_;
};

TEST_F(CgroupTest, FindsNoQuotaWhereThereAreNoGroups) { EXPECT_FALSE(Quota().has_value()); }

TEST_F(CgroupTest, TakesTheTightestQuotaUpToTheRoot) {
  Put("proc/self/cgroup", "0::/pod/container\n");
  Put("sys/fs/cgroup/pod/container/cpu.max", "400000 100000\n");
  Put("sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
  Put("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(Quota(), 2.5);
}

TEST_F(CgroupTest, ReadsTheMountWhereThePathIsOfTheHost) {
  Put("proc/self/cgroup", "0::/not/visible/here\n");
  Put("sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(Quota(), 1.5);
}

TEST_F(CgroupTest, ReadsTheFirstVersionsFiles) {
  Put("proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n");
  Put("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "300000\n");
  Put("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  Put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), 3.0);
}

TEST_F(CgroupTest, TakesUnreadableTextForNoQuota) {
  Put("proc/self/cgroup", "nonsense\n0::/a\n");
  Put("sys/fs/cgroup/a/cpu.max", "??\n");
  Put("sys/fs/cgroup/cpu.max", "100 0\n");
  EXPECT_FALSE(Quota().has_value());
}

}  // namespace
}  // namespace tarn
