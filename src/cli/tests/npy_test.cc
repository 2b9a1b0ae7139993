// SPDX-License-Identifier: Apache-2.0
#include "cli/npy.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/bytes.h"
#include "base/float16.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::cli {
namespace {

class Npy : public testing::Test {
 protected:
  Npy()
      : path_(testing::TempDir() + "/npy_test_" + std::to_string(std::random_device{}()) + ".npy") {
  }
  ~Npy() override { std::filesystem::remove(path_); }

  // A file of format 1.0, as NumPy writes it.
  static std::string File(const std::string& type, const std::string& shape,
                          const std::vector<std::byte>& data, const std::string& order = "False") {
    std::string header =
        "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
    while ((10 + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size() & 255);
    bytes += static_cast<char>(header.size() >> 8);
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return bytes;
  }
  Result<NpyMatrix> Read(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
    return ReadNpy(path_);
  }

  std::string path_;
};

TEST_F(Npy, ReadsEveryElementType) {
  std::vector<std::byte> f4, f2, i4, i8;
  for (int v : {1, -2, 3, 4, 5, 6}) {
    AppendLe(f4, static_cast<float>(v));
    AppendLe(f2, FloatToHalf(static_cast<float>(v)));
    AppendLe(i4, int32_t{v});
    AppendLe(i8, int64_t{v});
  }
  for (const auto& [type, data] : {std::pair{"<f4", f4}, {"<f2", f2}}) {
    const auto matrix = Read(File(type, "(2, 3)", data)).ValueOrDie();
    EXPECT_EQ(matrix.rows, 2u);
    EXPECT_EQ(matrix.columns, 3u);
    EXPECT_THAT(matrix.floats, testing::ElementsAre(1, -2, 3, 4, 5, 6));
    EXPECT_TRUE(matrix.integers.empty());
  }
  for (const auto& [type, data] : {std::pair{"<i4", i4}, {"<i8", i8}}) {
    EXPECT_THAT(Read(File(type, "(3, 2)", data)).ValueOrDie().integers,
                testing::ElementsAre(1, -2, 3, 4, 5, 6));
  }
}

TEST_F(Npy, AMissingFileIsNotFound) {
  EXPECT_TRUE(IsKind(ReadNpy(path_ + ".none").status(), ErrorKind::kNotFound));
}

TEST_F(Npy, OtherTypesOrdersAndShapesAreNotSupported) {
  const std::vector<std::byte> data(48);
  for (const auto& file :
       {File("<f8", "(2, 3)", data), File(">f4", "(2, 3)", data), File("<f4", "(6,)", data),
        File("<f4", "(1, 2, 3)", data), File("<f4", "(2, 3)", data, "True")}) {
    EXPECT_TRUE(IsKind(Read(file).status(), ErrorKind::kNotSupported));
  }
}

TEST_F(Npy, AnyCutIsCorrupt) {
  const std::string file = File("<f4", "(2, 3)", std::vector<std::byte>(24));
  ASSERT_TRUE(Read(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_TRUE(IsKind(Read(file.substr(0, size)).status(), ErrorKind::kCorrupt)) << size;
  }
}

TEST_F(Npy, ASizeThatNoFileHasIsRefusedWithoutAllocating) {
  const std::vector<std::byte> data(24);
  EXPECT_FALSE(Read(File("<f4", "(4294967295, 4294967295)", data)).ok());
  EXPECT_FALSE(Read(File("<f4", "(99999999999999999999, 3)", data)).ok());
}

TEST_F(Npy, AnyByteMayBeWrong) {
  const std::string file = File("<f4", "(2, 3)", std::vector<std::byte>(24));
  constexpr uint32_t kSeed = 5;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 500; ++round) {
    std::string damaged = file;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto matrix = Read(damaged);
    if (!matrix.ok()) continue;
    EXPECT_LE(matrix->floats.size() + matrix->integers.size(), 12u) << "seed " << kSeed;
  }
}

TEST_F(Npy, WhatIsWrittenIsReadBack) {
  const std::vector<int32_t> values = {1, -2, 3, 40000, 5, 6};
  ASSERT_TRUE(WriteNpy(path_, values, 3).ok());
  EXPECT_EQ(std::filesystem::file_size(path_) % 64, values.size() * sizeof(int32_t));
  const auto matrix = ReadNpy(path_).ValueOrDie();
  EXPECT_EQ(matrix.rows, 2u);
  EXPECT_THAT(matrix.integers, testing::ElementsAre(1, -2, 3, 40000, 5, 6));
  EXPECT_TRUE(IsKind(WriteNpy("/no/such/folder/x.npy", values, 3), ErrorKind::kIo));
}

}  // namespace
}  // namespace tarn::cli
