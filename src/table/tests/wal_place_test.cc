// SPDX-License-Identifier: Apache-2.0
//
// Logs lie in the warehouse, and are neither tables nor namespaces nor orphans.
#include "base/random_id.h"
#include "store/tests/store_fixture.h"
#include "table/tests/wal_fixture.h"
#include "tarn/catalog.h"
#include "tarn/maintenance.h"
#include "tarn/sql_catalog.h"

namespace tarn {
namespace {

using testing::ElementsAre;

class LogPlaces : public Logs {
 protected:
  void Check(CatalogProvider& catalog, const std::string& warehouse) {
    const TableIdent table{{"db"}, "t"};
    ASSERT_TRUE(catalog.CreateNamespace({"other"}, {}).ok());
    ASSERT_TRUE(catalog.CreateTable(table, TableProperties()).ok());
    const std::string place = (warehouse.empty() ? "" : warehouse + "/") + ".tarn/wal/" +
                              kLog.table_uuid + "/" + kLog.wal_uuid;
    folder_ = catalog.store().OpenLogFolder(place).ValueOrDie();
    const auto log = Open().ValueOrDie();
    AppendAll(*log, 1, 20);
    const auto before = folder_->List().ValueOrDie();

    EXPECT_THAT(catalog.ListTables().ValueOrDie(), ElementsAre(table));
    const auto namespaces = catalog.ListNamespaces({}).ValueOrDie();
    for (const auto& ns : namespaces) EXPECT_NE(ns.front(), ".tarn");
    OrphanOptions all;
    all.older_than = std::chrono::milliseconds(0);
    all.force = true;
    all.dry_run = false;
    const auto swept = RemoveOrphans(catalog, table, all);
    ASSERT_TRUE(swept.ok()) << swept.status();
    EXPECT_TRUE(swept->orphans.empty());
    ASSERT_TRUE(catalog.DropTable(table).ok());
    ASSERT_TRUE(catalog.DropNamespace({"other"}).ok());

    EXPECT_EQ(folder_->List().ValueOrDie(), before);
    AppendAll(*log, 21, 30);
    EXPECT_EQ(Replayed(*log, 0).ValueOrDie(), Range(1, 30));
  }
  TempFolder temp_;
};

TEST_F(LogPlaces, AreLeftAloneByACatalogOfFolders) {
  for (const std::string warehouse : {"", "warehouse"}) {
    const std::shared_ptr<Store> store =
        LocalStore::Make(temp_.path() + "/lake" + warehouse, {.durable = false}).ValueOrDie();
    Check(*HadoopCatalog::Make(store, warehouse).ValueOrDie(), warehouse);
  }
}

TEST_F(LogPlaces, AreLeftAloneByAnSqlCatalog) {
  ASSERT_TRUE(LocalStore::Make(temp_.path(), {.durable = false}).ok());
  const auto catalog =
      OpenCatalog("sqlite:///" + temp_.path() + "/c.db?warehouse=" + temp_.path() + "/lake")
          .ValueOrDie();
  const auto path = catalog->store().PathOf(temp_.path() + "/lake");
  ASSERT_TRUE(path.ok()) << path.status();
  Check(*catalog, *path);
}

}  // namespace
}  // namespace tarn
