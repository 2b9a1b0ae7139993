// SPDX-License-Identifier: Apache-2.0
//
// Deleting rows of tables that other engines wrote.
#include "table/tests/delete_rows_fixture.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Tables that others wrote.
class DeletingRowsOfOthers : public ::testing::Test {
 protected:
  static iceberg::Schema Columns() {
    return SchemaOf(
        {Field(1, "id", iceberg::TypeId::kLong), Field(2, "name", iceberg::TypeId::kString)});
  }
  static std::shared_ptr<arrow::RecordBatch> Rows(int64_t first, int64_t count) {
    std::string ids, names;
    for (int64_t id = first; id < first + count; ++id) {
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
      names += std::string(names.empty() ? "" : ",") + (id % 3 == 0 ? "null" : "\"a\"");
    }
    return RowsOf({Column("id", arrow::int64(), 1), Column("name", arrow::utf8(), 2)},
                  {"[" + ids + "]", "[" + names + "]"});
  }
  static std::vector<int64_t> IdsOf(const std::shared_ptr<CatalogProvider>& catalog) {
    auto ids = ScanIds(*ReadView::Open(catalog, kDeletedFrom).ValueOrDie());
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  static iceberg::LiveFiles LiveOf(CatalogProvider& catalog) {
    const auto state = catalog.LoadTable(kDeletedFrom).ValueOrDie();
    return iceberg::ReadLiveFiles(catalog.store(), *state.metadata->CurrentSnapshot()).ValueOrDie();
  }
};

TEST_F(DeletingRowsOfOthers, DeletesNoRowASecondTime) {
  ForeignTable table(Columns());
  const std::string a = table.AddData(*Rows(0, 100), 1).file_path;
  const std::string b = table.AddData(*Rows(100, 100), 2).file_path;
  table.AddPositionDeletes({{a, 0}, {a, 1}, {b, 5}}, 3);
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[2, 3, 106]"}), {1}, 4);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  const auto done =
      DeleteRows(catalog, kDeletedFrom, cp::or_(cp::less(Id(), Lit(10)), Between(100, 109)));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows, 6 + 8);
  std::set<int64_t> gone;
  for (const int64_t id : Range(0, 10)) gone.insert(id);
  for (const int64_t id : Range(100, 10)) gone.insert(id);
  EXPECT_EQ(IdsOf(catalog), Range(0, 200, gone));
  const auto all = DeleteRows(catalog, kDeletedFrom, cp::less(Id(), Lit(100)));
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->rows, 90);
  EXPECT_EQ(all->removed_files, 1);
  EXPECT_EQ(IdsOf(catalog), Range(110, 90));
  // The file of positions in both files, the keys, and ours of the file that is left.
  EXPECT_EQ(LiveOf(*catalog).deletes.size(), 3u);
}

TEST_F(DeletingRowsOfOthers, AnEqualityDeleteThatEmptiedAFileIsNoReasonToTouchIt) {
  ForeignTable table(Columns());
  table.AddData(*Rows(0, 3), 1);
  table.AddData(*Rows(10, 3), 1);
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[0, 1, 2]"}), {1}, 2);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  const auto done = DeleteRows(catalog, kDeletedFrom, cp::less(Id(), Lit(11)));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows, 1);
  EXPECT_EQ(done->removed_files, 0);
  EXPECT_THAT(IdsOf(catalog), ElementsAre(11, 12));
}

TEST_F(DeletingRowsOfOthers, AFileThatIsListedTwiceLosesTheRowsOfBoth) {
  ForeignTable table(Columns());
  auto& first = table.AddData(*Rows(0, 10), 1);
  table.AddFile(table.store->PathOf(first.file_path).ValueOrDie(), 10, 5);
  // Only of the older listing.
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[0, 1]"}), {1}, 3);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  const auto some = DeleteRows(catalog, kDeletedFrom, cp::less(Id(), Lit(4)));
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(some->rows, 2 + 4);
  EXPECT_THAT(IdsOf(catalog), ElementsAre(4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9));
  const auto rest = DeleteRows(catalog, kDeletedFrom, cp::literal(true));
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->rows, 12);
  EXPECT_THAT(IdsOf(catalog), IsEmpty());
}

TEST_F(DeletingRowsOfOthers, DeleteFilesLieInThePartitionOfTheirDataFile) {
  ForeignTable table(Columns());
  iceberg::PartitionSpec spec;
  spec.spec_id = 1;
  spec.fields.push_back({2, 1000, "name", "identity", ""});
  table.metadata.partition_specs.push_back(spec);
  table.metadata.default_spec_id = 1;
  table.metadata.last_partition_id = 1000;
  const auto only_ids = [](int64_t first, int64_t count) {
    std::string ids;
    for (int64_t id = first; id < first + count; ++id)
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
    return RowsOf({Column("id", arrow::int64(), 1)}, {"[" + ids + "]"});
  };
  table.AddData(*only_ids(0, 10), 1, 1, {std::string("x")});
  table.AddData(*only_ids(10, 10), 1, 1, {std::string("y")});
  table.AddData(*only_ids(20, 10), 1, 1, {iceberg::Value()});
  table.AddData(*Rows(30, 10), 1);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  // The files do not hold the column: its values are in their partitions.
  const auto name = cp::field_ref("name");
  const auto whole = DeleteRows(catalog, kDeletedFrom, cp::equal(name, cp::literal("y")));
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->rows, 10);
  EXPECT_EQ(whole->removed_files, 1);
  const auto some =
      DeleteRows(catalog, kDeletedFrom,
                 cp::and_(cp::less(Id(), Lit(33)), cp::not_equal(name, cp::literal("y"))));
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(some->rows, 10 + 2) << "null is not unequal to anything";
  const auto nulls = DeleteRows(catalog, kDeletedFrom, cp::equal(Id(), Lit(25)));
  ASSERT_TRUE(nulls.ok()) << nulls.status();
  EXPECT_THAT(IdsOf(catalog),
              ElementsAre(20, 21, 22, 23, 24, 26, 27, 28, 29, 30, 33, 34, 35, 36, 37, 38, 39));
  const auto live = LiveOf(*catalog);
  ASSERT_EQ(live.deletes.size(), 2u);
  for (const auto& entry : live.deletes) {
    for (const auto& data : live.data) {
      if (data.data_file.file_path != entry.data_file.referenced_data_file) continue;
      EXPECT_EQ(entry.data_file.spec_id, data.data_file.spec_id);
      EXPECT_EQ(entry.data_file.partition, data.data_file.partition);
    }
  }
  EXPECT_TRUE(VerifyTable(catalog, kDeletedFrom)->findings.empty());
}

TEST_F(DeletingRowsOfOthers, RefusesFormatVersionsThatItCannotDeleteFrom) {
  ForeignTable table(Columns(), 3);
  table.AddData(*Rows(0, 10), 1);
  table.Commit();
  const auto refused = DeleteRows(table.WritableCatalog(), kDeletedFrom, cp::literal(true));
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kNotSupported)) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("format version 3"));
}

}  // namespace
}  // namespace tarn
