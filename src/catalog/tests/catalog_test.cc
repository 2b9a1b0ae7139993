// SPDX-License-Identifier: Apache-2.0
//
// What every kind of catalog does alike.
#include "tarn/catalog.h"

#include "catalog/tests/catalog_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"

namespace tarn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Catalog : public CatalogTest {
 protected:
  void Create() {
    const auto made = catalog_->CreateTable(ident_, TableProperties());
    ASSERT_TRUE(made.ok()) << made.status();
  }
  void Commit(const std::string& name) {
    const auto done = CommitAppend(*catalog_, ident_, AppendOf({name}));
    ASSERT_TRUE(done.ok()) << done.status();
  }
  Result<TableState> FreshLoad() { return OpenOn(store_)->LoadTable(ident_); }
  /// The versions of the table that have files, oldest first.
  std::vector<std::string> VersionFiles() {
    std::vector<std::string> versions;
    for (const auto& name : MetadataFiles()) {
      if (name.find("metadata.json") != std::string::npos) versions.push_back(name);
    }
    return versions;
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, Catalog, AllCatalogs(), StoreKindName);

TEST_P(Catalog, ANewTableIsEmptyAndKeepsItsProperties) {
  TableProperties properties(VectorStoragePolicy{"embedding", 8}, {{"owner", "me"}});
  const auto made = catalog_->CreateTable(ident_, properties);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto loaded = FreshLoad();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*loaded->metadata, *made->metadata);
  EXPECT_EQ(loaded->version, 1);
  EXPECT_EQ(loaded->metadata->location, store_->UriOf("warehouse/db/t"));
  EXPECT_EQ(loaded->metadata->CurrentSnapshot(), nullptr);
  EXPECT_EQ(*loaded->metadata->FindProperty("owner"), "me");
  EXPECT_EQ(*loaded->metadata->FindProperty("write.metadata.delete-after-commit.enabled"), "true");
  EXPECT_EQ(*loaded->metadata->FindProperty("write.metadata.previous-versions-max"), "100");
}

TEST_P(Catalog, ASchemaMayBeGiven) {
  const auto made = catalog_->CreateTable(ident_, TableProperties(), TestSchema());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->metadata->CurrentSchema().fields, TestSchema().fields);
  EXPECT_EQ(made->metadata->last_column_id, 2);
}

TEST_P(Catalog, ASecondTableOfTheSameNameIsRefused) {
  Create();
  const auto before = catalog_->LoadTable(ident_).ValueOrDie();
  const auto files = MetadataFiles();
  const auto status = catalog_->CreateTable(ident_, TableProperties()).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kAlreadyExists)) << status;
  EXPECT_EQ(FreshLoad()->metadata->table_uuid, before.metadata->table_uuid);
  EXPECT_EQ(MetadataFiles(), files);
}

TEST_P(Catalog, TablesAreListedAtAnyDepth) {
  EXPECT_THAT(catalog_->ListTables().ValueOrDie(), IsEmpty());
  for (const char* name : {"db.t", "db.u", "a.b.c"}) {
    ASSERT_TRUE(catalog_->CreateTable(TableIdent::Parse(name).ValueOrDie(), {}).ok());
  }
  ASSERT_TRUE(store_->Put("warehouse/db/folder/data/x.parquet", "x").ok());
  std::vector<std::string> names;
  for (const auto& ident : catalog_->ListTables().ValueOrDie()) names.push_back(ident.ToString());
  EXPECT_THAT(names, ElementsAre("a.b.c", "db.t", "db.u"));
}

TEST_P(Catalog, ADroppedTableIsGoneWithItsFiles) {
  Create();
  Commit("a");
  ASSERT_TRUE(store_->Put("warehouse/db/t/data/a.parquet", "x").ok());
  ASSERT_TRUE(store_->Put("warehouse/db/t2/x", "x").ok());
  ASSERT_TRUE(catalog_->DropTable(ident_).ok());
  EXPECT_TRUE(IsKind(FreshLoad().status(), ErrorKind::kNotFound));
  EXPECT_FALSE(catalog_->TableExists(ident_).ValueOrDie());
  EXPECT_THAT(store_->List("warehouse/db/t/").ValueOrDie(), IsEmpty());
  EXPECT_TRUE(store_->Exists("warehouse/db/t2/x").ValueOrDie());
  EXPECT_TRUE(IsKind(catalog_->DropTable(ident_), ErrorKind::kNotFound));
  Create();
  EXPECT_EQ(FreshLoad()->version, 1);
}

TEST_P(Catalog, ATableMadeAgainIsNotTakenForTheOldOne) {
  Create();
  const auto old = catalog_->LoadTable(ident_).ValueOrDie();
  auto other = OpenOn(store_);
  ASSERT_TRUE(other->DropTable(ident_).ok());
  ASSERT_TRUE(other->CreateTable(ident_, TableProperties()).ok());
  EXPECT_NE(catalog_->LoadTable(ident_)->metadata->table_uuid, old.metadata->table_uuid);
  const auto status = catalog_->CommitTable(old, {}, {}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kValidationFailed)) << status;
}

TEST_P(Catalog, OldVersionsAreDeletedAfterCommits) {
  TableProperties properties;
  properties.extra["write.metadata.previous-versions-max"] = "3";
  ASSERT_TRUE(catalog_->CreateTable(ident_, properties).ok());
  for (int i = 0; i < 8; ++i) Commit(std::to_string(i));
  const auto loaded = FreshLoad();
  std::vector<std::string> known;
  for (const auto& entry : loaded->metadata->metadata_log) known.push_back(entry.metadata_file);
  EXPECT_EQ(known.size(), 3u);
  known.push_back(store_->UriOf(loaded->metadata_path));
  std::vector<std::string> there;
  for (const auto& name : VersionFiles()) {
    there.push_back(store_->UriOf("warehouse/db/t/metadata/" + name));
  }
  EXPECT_EQ(there, known);
  EXPECT_EQ(loaded->version, 9);
  EXPECT_EQ(LivePaths().size(), 8u);
}

TEST_P(Catalog, OldVersionsStayWhereThePropertySaysSo) {
  TableProperties properties;
  properties.extra["write.metadata.previous-versions-max"] = "1";
  properties.extra["write.metadata.delete-after-commit.enabled"] = "false";
  ASSERT_TRUE(catalog_->CreateTable(ident_, properties).ok());
  for (int i = 0; i < 4; ++i) Commit(std::to_string(i));
  EXPECT_EQ(VersionFiles().size(), 5u);
}

TEST_P(Catalog, ACommitFromAStaleBaseIsAConflictOnlyIfItMatters) {
  Create();
  Commit("a");
  const auto base = catalog_->LoadTable(ident_).ValueOrDie();
  using namespace iceberg;
  const std::vector<TableRequirement> on_snapshot = {
      {requirement::AssertRefSnapshotId{kMainBranch, base.metadata->current_snapshot_id}}};
  const std::vector<TableUpdate> set = {{update::SetProperties{{{"x", "1"}}}}};
  ASSERT_TRUE(catalog_->CommitTable(base, {}, set).ok());
  EXPECT_TRUE(catalog_->CommitTable(base, on_snapshot, set).ok());
  Commit("b");
  const auto lost = catalog_->CommitTable(base, on_snapshot, set).status();
  EXPECT_TRUE(IsKind(lost, ErrorKind::kCommitConflict)) << lost;
  const auto now = catalog_->LoadTable(ident_).ValueOrDie();
  const auto wrong = catalog_->CommitTable(now, on_snapshot, set).status();
  EXPECT_TRUE(IsKind(wrong, ErrorKind::kValidationFailed)) << wrong;
}

TEST_P(Catalog, NamesThatCouldLeaveTheWarehouseAreRefused) {
  for (const char* name :
       {"", "t", ".t", "db.", "db..t", "a/b.t", "db.t/..", "..", "db. t", "db.\xc3"}) {
    EXPECT_TRUE(IsKind(TableIdent::Parse(name).status(), ErrorKind::kBadInput)) << name;
  }
  for (const TableIdent& ident : {TableIdent{{".."}, "t"}, TableIdent{{}, "t"},
                                  TableIdent{{"a"}, ""}, TableIdent{{"a/b"}, "t"}}) {
    EXPECT_TRUE(IsKind(catalog_->CreateTable(ident, {}).status(), ErrorKind::kBadInput));
    EXPECT_TRUE(IsKind(catalog_->LoadTable(ident).status(), ErrorKind::kBadInput));
    EXPECT_TRUE(IsKind(catalog_->DropTable(ident), ErrorKind::kBadInput));
  }
  EXPECT_EQ(TableIdent::Parse("a.b-c.t_1")->ToString(), "a.b-c.t_1");
}

TEST_P(Catalog, TheNewestVersionIsParsedOnce) {
  Create();
  Commit("a");
  const auto first = catalog_->LoadTable(ident_).ValueOrDie();
  const auto second = catalog_->LoadTable(ident_).ValueOrDie();
  EXPECT_EQ(first.metadata, second.metadata);
}

TEST_P(Catalog, NamespacesAreMadeListedAndDropped) {
  EXPECT_THAT(catalog_->ListNamespaces({}).ValueOrDie(), IsEmpty());
  ASSERT_TRUE(catalog_->CreateNamespace({"b"}, {}).ok());
  ASSERT_TRUE(catalog_->CreateNamespace({"a", "x_y"}, {}).ok());
  ASSERT_TRUE(catalog_->CreateNamespace({"a", "xzy"}, {}).ok());
  EXPECT_THAT(OpenOn(store_)->ListNamespaces({}).ValueOrDie(),
              ElementsAre(Namespace{"a"}, Namespace{"b"}));
  EXPECT_THAT(catalog_->ListNamespaces({"a"}).ValueOrDie(),
              ElementsAre(Namespace{"a", "x_y"}, Namespace{"a", "xzy"}));
  EXPECT_THAT(catalog_->ListNamespaces({"a", "x_y"}).ValueOrDie(), IsEmpty());
  EXPECT_TRUE(IsKind(catalog_->ListNamespaces({"c"}).status(), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(catalog_->NamespaceProperties({"c"}).status(), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(catalog_->CreateNamespace({"b"}, {}), ErrorKind::kAlreadyExists));
  EXPECT_TRUE(IsKind(catalog_->DropNamespace({"a"}), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(catalog_->DropNamespace({"a", "y"}), ErrorKind::kNotFound));
  ASSERT_TRUE(catalog_->DropNamespace({"a", "x_y"}).ok());
  ASSERT_TRUE(catalog_->DropNamespace({"a", "xzy"}).ok());
  EXPECT_TRUE(catalog_->DropNamespace({"b"}).ok());
  EXPECT_THAT(catalog_->ListNamespaces({}).ValueOrDie(), IsEmpty());
}

TEST_P(Catalog, ATableMakesItsNamespaceAndKeepsItFromBeingDropped) {
  Create();
  EXPECT_THAT(catalog_->ListNamespaces({}).ValueOrDie(), ElementsAre(Namespace{"db"}));
  EXPECT_TRUE(IsKind(catalog_->CreateNamespace({"db"}, {}), ErrorKind::kAlreadyExists));
  const Status full = catalog_->DropNamespace({"db"});
  EXPECT_TRUE(IsKind(full, ErrorKind::kBadInput)) << full;
  EXPECT_THAT(full.message(), HasSubstr("not empty"));
  EXPECT_TRUE(FreshLoad().ok());
}

TEST_P(Catalog, NamesThatAreNoNamespacesAreRefused) {
  for (const char* name : {"", ".", "a.", ".a", "a..b", "a/b", "..", "a b"}) {
    EXPECT_TRUE(IsKind(ParseNamespace(name).status(), ErrorKind::kBadInput)) << name;
  }
  for (const Namespace& ns : {Namespace{}, Namespace{""}, Namespace{".."}, Namespace{"a/b"}}) {
    EXPECT_TRUE(IsKind(catalog_->CreateNamespace(ns, {}), ErrorKind::kBadInput));
    EXPECT_TRUE(IsKind(catalog_->DropNamespace(ns), ErrorKind::kBadInput));
  }
  EXPECT_EQ(NamespaceText(ParseNamespace("a.b-c.d_1").ValueOrDie()), "a.b-c.d_1");
}

}  // namespace
}  // namespace tarn
