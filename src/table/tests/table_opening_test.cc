// SPDX-License-Identifier: Apache-2.0
//
// A pipeline that starts again with what it knew of its table when that was made.
#include "arrow/api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "table/tests/file_fixture.h"
#include "tarn/alter_table.h"
#include "tarn/read_view.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;
const TableIdent kTable{{"db"}, "t"};

VectorStoragePolicy Named(const std::string& name, int32_t dim = 8) {
  VectorStoragePolicy policy = PolicyOf(dim);
  policy.column_name = name;
  return policy;
}
TableProperties With(std::vector<VectorStoragePolicy> vectors) {
  TableProperties properties;
  properties.vectors = std::move(vectors);
  return properties;
}

class OpeningATableAgain : public ::testing::Test {
 protected:
  void Make(const TableProperties& properties) {
    auto writer = Open(properties).ValueOrDie();
    arrow::Int64Builder ids;
    ASSERT_TRUE(ids.AppendValues(std::vector<int64_t>{1, 2}).ok());
    const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}),
                                                2, {ids.Finish().ValueOrDie()});
    ASSERT_TRUE((properties.vectors.empty() ? writer->WriteBatch(*batch)
                                            : writer->WriteBatch(*batch, RandomVectors(2, 8, 0, 1)))
                    .ok());
    ASSERT_TRUE(writer->Commit().ok());
  }
  void Alter(const std::vector<TableChange>& changes) {
    const auto done = AlterTable(*catalog_, kTable, changes);
    ASSERT_TRUE(done.ok()) << done.status();
  }
  Result<std::unique_ptr<TableWriter>> Open(const TableProperties& properties) {
    return TableWriter::CreateOrOpen(catalog_, kTable, properties,
                                     {.index = std::nullopt, .threads = 1});
  }
  void ExpectRefused(const TableProperties& properties, const std::string& why) {
    const auto refused = Open(properties);
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
    EXPECT_THAT(refused.status().message(), HasSubstr(why));
  }

  std::shared_ptr<HadoopCatalog> catalog_ =
      HadoopCatalog::Make(MemoryStore::Make(), "warehouse").ValueOrDie();
};

TEST_F(OpeningATableAgain, GoesOnAfterAVectorColumnWasAdded) {
  Make(With({Named("embedding")}));
  Alter({AddVectorColumn{Named("image", 4)}});
  auto writer = Open(With({Named("embedding")})).ValueOrDie();
  arrow::Int64Builder ids;
  ASSERT_TRUE(ids.Append(3).ok());
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}),
                                              1, {ids.Finish().ValueOrDie()});
  ASSERT_TRUE(writer->WriteBatch(*batch, RandomVectors(1, 8, 0, 2)).ok());
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(ReadView::Open(catalog_, kTable).ValueOrDie()->rows(), 3);
  EXPECT_TRUE(Open(With({Named("embedding"), Named("image", 4)})).ok());
}

TEST_F(OpeningATableAgain, GoesOnAfterAVectorColumnWasRenamed) {
  Make(With({Named("embedding"), Named("image", 4)}));
  Alter({RenameColumn{"embedding", "meaning"}, RenameColumn{"image", "picture"}});
  EXPECT_TRUE(Open(With({Named("embedding"), Named("image", 4)})).ok());
  EXPECT_TRUE(Open(With({Named("meaning")})).ok());
  ExpectRefused(With({Named("embedding", 9)}), "dimensions");
  ExpectRefused(With({Named("embedding"), Named("image", 5)}), "'image'");
}

TEST_F(OpeningATableAgain, GoesOnAfterAnotherVectorColumnWasDropped) {
  Make(With({Named("embedding"), Named("image", 4)}));
  Alter({DropColumn{"image"}});
  EXPECT_TRUE(Open(With({Named("embedding"), Named("image", 4)})).ok());
}

TEST_F(OpeningATableAgain, StopsWhereEmbeddingsWouldGoIntoAnotherColumn) {
  Make(With({Named("embedding"), Named("image")}));
  ExpectRefused(With({Named("image")}), "primary");
  Alter({DropColumn{"embedding"}});
  ExpectRefused(With({Named("embedding"), Named("image")}), "primary");
  EXPECT_TRUE(Open(With({Named("image")})).ok());
  Alter({RenameColumn{"image", "embedding"}});
  EXPECT_TRUE(Open(With({Named("embedding")})).ok()) << "what has the name now is what is meant";
}

TEST_F(OpeningATableAgain, StopsWhereTheColumnIsNotWhatItSays) {
  Make(With({Named("embedding")}));
  ExpectRefused(With({Named("embedding", 9)}), "dimensions");
  auto other = Named("embedding");
  other.metric = VectorMetric::kCosine;
  ExpectRefused(With({other}), "metrics");
  other = Named("embedding");
  other.precision = VectorPrecision::kF16;
  ExpectRefused(With({other}), "precisions");
  ExpectRefused(With({Named("nope")}), "never had a column 'nope'");
  ExpectRefused(With({Named("embedding"), Named("nope")}), "never had a column 'nope'");
  ExpectRefused(With({Named("id")}), "holds no vectors");
}

TEST_F(OpeningATableAgain, ATableWithoutColumnsYetHasItsPoliciesAlone) {
  ASSERT_TRUE(catalog_->CreateTable(kTable, With({Named("embedding"), Named("image", 4)})).ok());
  EXPECT_TRUE(Open(With({Named("embedding")})).ok());
  ExpectRefused(With({Named("image", 4)}), "primary");
  ExpectRefused(With({Named("nope")}), "never had");
}

TEST_F(OpeningATableAgain, APlainPipelineGoesOnBesideVectors) {
  Make({});
  Alter({AddVectorColumn{Named("embedding")}});
  EXPECT_TRUE(Open({}).ok());
}

}  // namespace
}  // namespace tarn
