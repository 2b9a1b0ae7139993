// SPDX-License-Identifier: Apache-2.0
#include "search/file_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;

std::vector<uint32_t> Order(const FilePlan& plan) {
  std::vector<uint32_t> files;
  for (const auto& task : plan.tasks) files.push_back(task.file);
  return files;
}

TEST(PlanFiles, OneFileGetsAllTheEffort) {
  const FileFacts files[] = {{100000, true}};
  const auto plan = PlanFiles(files, 10, 64, 4);
  ASSERT_EQ(plan.tasks.size(), 1u);
  EXPECT_EQ(plan.tasks[0].ef, 64u);
  EXPECT_EQ(plan.tasks[0].beam, 0u);
  EXPECT_EQ(plan.threads, 1);
}

TEST(PlanFiles, ScannedFilesComeFirstThenTheNearestAndEmptyOnesNotAtAll) {
  const FileFacts files[] = {
      {500, true, 3}, {500, true, 1}, {0, true, 0}, {500, false, 9}, {500, true, 2}};
  EXPECT_THAT(Order(PlanFiles(files, 10, 64, 1)), ElementsAre(3, 1, 4, 0));
}

TEST(PlanFiles, EffortShrinksWithTheRootOfTheShareDownToAFloor) {
  std::vector<FileFacts> files(16, {1000, true});
  auto plan = PlanFiles(files, 10, 64, 1);
  EXPECT_EQ(plan.tasks[0].beam, 16u);
  files.resize(10000, {1000, true});
  plan = PlanFiles(files, 10, 64, 1);
  EXPECT_EQ(plan.tasks[0].beam, 12u);
  // Never below what is asked for.
  plan = PlanFiles(files, 50, 64, 1);
  EXPECT_GE(plan.tasks[0].ef, 50u);
  plan = PlanFiles(files, 10, 8, 1);
  EXPECT_EQ(plan.tasks[0].ef, 8u);
}

TEST(PlanFiles, ThreadsAreForWorkThatIsWorthThem) {
  EXPECT_EQ(PlanFiles(std::vector<FileFacts>(8, {1000, true}), 10, 64, 4).threads, 1);
  EXPECT_EQ(PlanFiles(std::vector<FileFacts>(8, {100000, false}), 10, 64, 4).threads, 4);
  EXPECT_EQ(PlanFiles(std::vector<FileFacts>(2, {1000000, false}), 10, 64, 4).threads, 2);
}

}  // namespace
}  // namespace tarn
