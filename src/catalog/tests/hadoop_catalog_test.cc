// SPDX-License-Identifier: Apache-2.0
#include "catalog/tests/catalog_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata_json.h"
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
  Result<TableState> FreshLoad() {
    return HadoopCatalog::Make(store_, "warehouse").ValueOrDie()->LoadTable(ident_);
  }
  std::string TextOf(const std::string& name) {
    return std::string(store_->Read("warehouse/db/t/metadata/" + name).ValueOrDie()->text());
  }
  Status Overwrite(const std::string& name, std::string_view text) {
    return store_->Put("warehouse/db/t/metadata/" + name, text);
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, Catalog, ::testing::Values(StoreKind::kLocal, StoreKind::kMemory),
                         StoreKindName);

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
  EXPECT_EQ(TextOf("version-hint.text"), "1");
}

TEST_P(Catalog, ASchemaMayBeGiven) {
  const auto made = catalog_->CreateTable(ident_, TableProperties(), TestSchema());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->metadata->CurrentSchema().fields, TestSchema().fields);
  EXPECT_EQ(made->metadata->last_column_id, 2);
}

TEST_P(Catalog, ASecondTableOfTheSameNameIsRefused) {
  Create();
  const auto before = TextOf("v1.metadata.json");
  const auto status = catalog_->CreateTable(ident_, TableProperties()).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kAlreadyExists)) << status;
  EXPECT_EQ(TextOf("v1.metadata.json"), before);
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
  auto other = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
  ASSERT_TRUE(other->DropTable(ident_).ok());
  ASSERT_TRUE(other->CreateTable(ident_, TableProperties()).ok());
  EXPECT_NE(catalog_->LoadTable(ident_)->metadata->table_uuid, old.metadata->table_uuid);
  const auto status = catalog_->CommitTable(old, {}, {}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kValidationFailed)) << status;
}

TEST_P(Catalog, NoHintIsNeededAndNoneIsBelievedBlindly) {
  Create();
  for (const char* name : {"a", "b", "c"}) Commit(name);
  for (const char* hint :
       {"1", "2", "99", "", "garbage", "-3", "4\n", "2x", "99999999999999999999"}) {
    SCOPED_TRACE(hint);
    ASSERT_TRUE(Overwrite("version-hint.text", hint).ok());
    const auto loaded = FreshLoad();
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->version, 4);
  }
  ASSERT_TRUE(store_->Delete("warehouse/db/t/metadata/version-hint.text").ok());
  EXPECT_EQ(FreshLoad()->version, 4);
  EXPECT_EQ(catalog_->LoadTable(ident_)->version, 4);
}

TEST_P(Catalog, AStaleHintBesideDeletedVersionsLosesNothing) {
  Create();
  for (const char* name : {"a", "b", "c"}) Commit(name);
  // What another engine's interrupted clean-up may leave: 1 and 4, with a hint at 1.
  ASSERT_TRUE(store_->Delete("warehouse/db/t/metadata/v2.metadata.json").ok());
  ASSERT_TRUE(store_->Delete("warehouse/db/t/metadata/v3.metadata.json").ok());
  ASSERT_TRUE(Overwrite("version-hint.text", "1").ok());
  EXPECT_EQ(FreshLoad()->version, 4);
}

TEST_P(Catalog, ATornVersionThatWasNeverAcknowledgedIsPassedOver) {
  Create();
  Commit("a");
  const std::string whole = TextOf("v2.metadata.json");
  for (const size_t size : {size_t{0}, size_t{1}, whole.size() / 2, whole.size() - 1}) {
    SCOPED_TRACE(size);
    ASSERT_TRUE(Overwrite("v3.metadata.json", whole.substr(0, size)).ok());
    const auto loaded = FreshLoad();
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->version, 2);
  }
  Commit("b");
  EXPECT_EQ(FreshLoad()->version, 3);
  EXPECT_EQ(LivePaths().size(), 2u);
}

TEST_P(Catalog, DamageToAnAcknowledgedVersionIsAnErrorAndNotARollback) {
  Create();
  Commit("a");
  const std::string whole = TextOf("v2.metadata.json");
  for (const std::string& damaged :
       {whole.substr(0, whole.size() / 2), std::string("{}"), std::string("no json")}) {
    ASSERT_TRUE(Overwrite("v2.metadata.json", damaged).ok());
    const auto status = FreshLoad().status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
    EXPECT_THAT(status.message(), HasSubstr("v2.metadata.json"));
  }
}

TEST_P(Catalog, OldVersionsAreDeletedAfterCommits) {
  TableProperties properties;
  properties.extra["write.metadata.previous-versions-max"] = "3";
  ASSERT_TRUE(catalog_->CreateTable(ident_, properties).ok());
  for (int i = 0; i < 8; ++i) Commit(std::to_string(i));
  std::vector<std::string> versions;
  for (const auto& name : MetadataFiles()) {
    if (name.find("metadata.json") != std::string::npos) versions.push_back(name);
  }
  EXPECT_THAT(versions, ElementsAre("v6.metadata.json", "v7.metadata.json", "v8.metadata.json",
                                    "v9.metadata.json"));
  const auto loaded = FreshLoad();
  EXPECT_EQ(loaded->metadata->metadata_log.size(), 3u);
  EXPECT_EQ(loaded->metadata->metadata_log.back().metadata_file,
            store_->UriOf("warehouse/db/t/metadata/v8.metadata.json"));
  EXPECT_EQ(LivePaths().size(), 8u);
}

TEST_P(Catalog, OldVersionsStayWhereThePropertySaysSo) {
  TableProperties properties;
  properties.extra["write.metadata.previous-versions-max"] = "1";
  properties.extra["write.metadata.delete-after-commit.enabled"] = "false";
  ASSERT_TRUE(catalog_->CreateTable(ident_, properties).ok());
  for (int i = 0; i < 4; ++i) Commit(std::to_string(i));
  EXPECT_TRUE(store_->Exists("warehouse/db/t/metadata/v1.metadata.json").ValueOrDie());
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

TEST_P(Catalog, WhatIsNoTableIsNamed) {
  const auto missing = catalog_->LoadTable(ident_).status();
  EXPECT_TRUE(IsKind(missing, ErrorKind::kNotFound)) << missing;
  EXPECT_THAT(missing.message(), HasSubstr("no table db.t"));
  ASSERT_TRUE(store_->Put("warehouse/db/t/notes.txt", "x").ok());
  const auto folder = catalog_->LoadTable(ident_).status();
  EXPECT_TRUE(IsKind(folder, ErrorKind::kNotFound)) << folder;
  EXPECT_THAT(folder.message(), HasSubstr("notes.txt"));
  ASSERT_TRUE(Overwrite("00001-abc.metadata.json", "{}").ok());
  const auto foreign = catalog_->LoadTable(ident_).status();
  EXPECT_THAT(foreign.message(), HasSubstr("another kind of catalog"));
  EXPECT_TRUE(IsKind(catalog_->CreateTable(ident_, {}).status(), ErrorKind::kAlreadyExists));
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

}  // namespace
}  // namespace tarn
