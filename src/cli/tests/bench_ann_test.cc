// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_ann.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/bytes.h"
#include "cli/bench_truth.h"
#include "cli/npy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace tarn::cli {
namespace {

constexpr uint32_t kSeed = 99;
constexpr size_t kRows = 1500, kQueries = 30, kDim = 16;

/// The ten rows of the smallest angle to the query, nearest first.
std::vector<int32_t> NearestRows(const float* query, const std::vector<float>& base) {
  std::vector<std::pair<double, int32_t>> scored;
  for (size_t row = 0; row < kRows; ++row) {
    double dot = 0, norm = 0;
    for (size_t i = 0; i < kDim; ++i) {
      dot += double{query[i]} * base[row * kDim + i];
      norm += double{base[row * kDim + i]} * base[row * kDim + i];
    }
    scored.emplace_back(-dot / std::sqrt(norm), static_cast<int32_t>(row));
  }
  std::sort(scored.begin(), scored.end());
  std::vector<int32_t> rows;
  for (size_t i = 0; i < 10; ++i) rows.push_back(scored[i].second);
  return rows;
}

class BenchAnn : public testing::Test {
 protected:
  BenchAnn()
      : folder_(testing::TempDir() + "/bench_ann_" + std::to_string(std::random_device{}())) {
    std::filesystem::create_directories(folder_);
    std::mt19937 random(kSeed);
    std::normal_distribution<float> normal;
    std::vector<float> base(kRows * kDim), queries(kQueries * kDim);
    for (auto& v : base) v = normal(random);
    for (auto& v : queries) v = normal(random);
    std::vector<int32_t> truth;
    for (size_t q = 0; q < kQueries; ++q) {
      for (int32_t row : NearestRows(&queries[q * kDim], base)) truth.push_back(row);
    }
    options_.base = Write("base", "<f4", kRows, kDim, base);
    options_.queries = Write("queries", "<f4", kQueries, kDim, queries);
    options_.truth = Write("truth", "<i4", kQueries, 10, truth);
  }
  ~BenchAnn() override { std::filesystem::remove_all(folder_); }

  template <typename T>
  std::string Write(const std::string& name, const std::string& type, size_t rows, size_t columns,
                    const std::vector<T>& values) {
    std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" +
                         std::to_string(rows) + ", " + std::to_string(columns) + "), }";
    header.resize(118, ' ');
    const std::string path = folder_ + "/" + name + ".npy";
    std::ofstream file(path, std::ios::binary);
    file << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header;
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(T)));
    return path;
  }

  std::string folder_;
  BenchAnnOptions options_;
};

TEST_F(BenchAnn, PrintsASweepWhoseRecallRisesToTheGoal) {
  options_.json = true;
  std::ostringstream out;
  ASSERT_TRUE(RunBenchAnn(options_, out).ok());
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["n"], kRows);
  EXPECT_EQ(json["dim"], kDim);
  EXPECT_EQ(json["metric"], "cosine");
  EXPECT_GT(json["index_bytes"], kRows * 64);
  ASSERT_FALSE(json["sweep"].empty());
  EXPECT_GE(json["sweep"].back()["recall"], 0.995) << "seed " << kSeed;
  for (const auto& point : json["sweep"]) EXPECT_GT(point["qps"], 0);
}

TEST_F(BenchAnn, TheChosenQueriesAndWindowsAreUsed) {
  options_.efs = {20, 40};
  options_.query_begin = 10;
  options_.query_end = 20;
  std::ostringstream out;
  ASSERT_TRUE(RunBenchAnn(options_, out).ok());
  EXPECT_THAT(out.str(),
              testing::AllOf(testing::HasSubstr("     20 "), testing::HasSubstr("     40 ")));
}

TEST_F(BenchAnn, FilesThatDoNotFitAreRefused) {
  auto swapped = options_;
  std::swap(swapped.queries, swapped.truth);
  std::ostringstream out;
  EXPECT_TRUE(IsKind(RunBenchAnn(swapped, out), ErrorKind::kBadInput));
  auto range = options_;
  range.query_begin = 30;
  EXPECT_TRUE(IsKind(RunBenchAnn(range, out), ErrorKind::kBadInput));
  auto foreign = options_;
  foreign.truth = Write("foreign", "<i4", kQueries, 10, std::vector<int32_t>(kQueries * 10, kRows));
  EXPECT_TRUE(IsKind(RunBenchAnn(foreign, out), ErrorKind::kBadInput));
  EXPECT_TRUE(out.str().empty());
}

TEST_F(BenchAnn, AKeptTableIsSearchedAgainAndNotTakenForAnother) {
  options_.json = true;
  options_.table = folder_ + "/kept";
  options_.efs = {64};
  std::ostringstream first, second;
  ASSERT_TRUE(RunBenchAnn(options_, first).ok());
  ASSERT_TRUE(RunBenchAnn(options_, second).ok());
  const auto a = nlohmann::json::parse(first.str()), b = nlohmann::json::parse(second.str());
  EXPECT_EQ(a["index_bytes"], b["index_bytes"]);
  EXPECT_EQ(a["sweep"][0]["recall"], b["sweep"][0]["recall"]);
  EXPECT_NEAR(a["build_seconds"].get<double>(), b["build_seconds"].get<double>(), 0.01);
  options_.files = 2;
  EXPECT_TRUE(IsKind(RunBenchAnn(options_, second), ErrorKind::kBadInput));
}

TEST_F(BenchAnn, RecallUnderAFilterIsAgainstTheExactAnswersUnderIt) {
  options_.json = true;
  options_.index = IndexType::kFlat;
  options_.files = 3;
  options_.filter = 0.5;
  options_.deleted = 0.2;
  options_.efs = {400};
  std::ostringstream out;
  const Status status = RunBenchAnn(options_, out);
  ASSERT_TRUE(status.ok()) << status.ToString();
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_NEAR(json["live"].get<double>(), 0.4 * kRows, 0.06 * kRows);
  EXPECT_GE(json["sweep"][0]["recall"], 0.99) << "seed " << kSeed;
  EXPECT_LE(json["sweep"][0]["recall"], 1);
}

TEST_F(BenchAnn, TruthIsWhatAComparisonWithEveryRowFinds) {
  BenchTruthOptions truth;
  truth.base = options_.base;
  truth.queries = options_.queries;
  truth.out = folder_ + "/found.npy";
  truth.k = 10;
  truth.passes = 1;
  std::ostringstream out;
  ASSERT_TRUE(RunBenchTruth(truth, out).ok());
  EXPECT_EQ(nlohmann::json::parse(out.str())["queries"], kQueries);
  EXPECT_EQ(ReadNpy(truth.out).ValueOrDie().integers,
            ReadNpy(options_.truth).ValueOrDie().integers);
  truth.k = kRows + 1;
  EXPECT_TRUE(IsKind(RunBenchTruth(truth, out), ErrorKind::kBadInput));
}

}  // namespace
}  // namespace tarn::cli
