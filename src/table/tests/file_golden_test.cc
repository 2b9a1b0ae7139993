// SPDX-License-Identifier: Apache-2.0
//
// Files of the released format version 2, as they were written then: they must open for ever,
// verify, and give the same neighbours. TARN_GOLDEN_DIR is tests/golden; its ailk_v2/README.md says
// how the files were made.
#include <fstream>
#include <sstream>

#include "file_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "table/file/file_reader.h"

namespace tarn {
namespace {

struct Golden {
  const char* name;
  int64_t rows;
};

class GoldenFile : public testing::TestWithParam<Golden> {
 protected:
  static std::string Folder() { return std::string(TARN_GOLDEN_DIR) + "/ailk_v2"; }
  static std::string FileName() { return std::string(GetParam().name) + ".parquet"; }
};

/// The ten nearest rows of each query, one line each.
std::string NeighboursOf(const StoredVectorColumn& column) {
  std::ostringstream text;
  const auto source = column.NewRowSource().ValueOrDie();
  index::SearchScratch scratch;
  for (int query = 0; query < 20; ++query) {
    // Written out rather than drawn from a distribution, which differs between libraries.
    std::vector<float> values(static_cast<size_t>(column.policy().dim));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>((query * 37 + static_cast<int>(i) * 101) % 64 - 31) / 16.0f;
    }
    index::SearchOptions options;
    options.ef = 200;
    options.nprobe = 200;
    options.source = source.get();
    const auto found =
        (*column.index().ValueOrDie()).Search(values.data(), options, scratch).ValueOrDie();
    for (const index::Neighbor& neighbor : found) text << neighbor.row << ' ';
    text << '\n';
  }
  return text.str();
}

TEST_P(GoldenFile, StillOpensVerifiesAndGivesTheSameNeighbours) {
  const std::shared_ptr<Store> store = LocalStore::Make(Folder(), {false}).ValueOrDie();
  const auto opened = AilakeFileReader::Open(store, FileName());
  ASSERT_TRUE(opened.ok()) << opened.status();
  const AilakeFileReader& reader = **opened;
  EXPECT_TRUE(reader.Verify().ok()) << reader.Verify();
  ASSERT_TRUE(reader.IsAilakeFile());
  EXPECT_EQ(reader.rows(), GetParam().rows);
  EXPECT_TRUE(reader.ReadAll({}).ok());
  const auto column =
      FileReader::Of(reader).OpenVectorColumn(reader.vector_columns()[0].policy).ValueOrDie();
  std::ifstream stream(Folder() + "/" + GetParam().name + ".neighbours");
  std::stringstream expected;
  expected << stream.rdbuf();
  EXPECT_EQ(NeighboursOf(*column), expected.str());
}

INSTANTIATE_TEST_SUITE_P(
    Files, GoldenFile,
    testing::Values(Golden{"graph_f32_cosine_nulls", 200}, Golden{"graph_f16_euclidean", 200},
                    Golden{"flat_f32_dot", 200}, Golden{"ivf_f32_cosine_nulls", 200},
                    Golden{"ivf8_f32_euclidean", 200}, Golden{"graph_i8_cosine", 200},
                    // Large enough that a search walks the graph, from its pivots.
                    Golden{"graph_pivots_f32_euclidean", 2100}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tarn
