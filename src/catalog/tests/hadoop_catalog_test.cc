// SPDX-License-Identifier: Apache-2.0
#include "catalog/hadoop_versions.h"
#include "catalog/tests/catalog_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"

namespace tarn {
namespace {

using testing::HasSubstr;

class HadoopFiles : public CatalogTest {
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
  std::string TextOf(const std::string& name) {
    return std::string(store_->Read("warehouse/db/t/metadata/" + name).ValueOrDie()->text());
  }
  Status Overwrite(const std::string& name, std::string_view text) {
    return store_->Put("warehouse/db/t/metadata/" + name, text);
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, HadoopFiles,
                         ::testing::Values(StoreKind::kLocal, StoreKind::kMemory), StoreKindName);

TEST_P(HadoopFiles, NoHintIsNeededAndNoneIsBelievedBlindly) {
  Create();
  EXPECT_EQ(TextOf("version-hint.text"), "1");
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

TEST_P(HadoopFiles, AStaleHintBesideDeletedVersionsLosesNothing) {
  Create();
  for (const char* name : {"a", "b", "c"}) Commit(name);
  // What another engine's interrupted clean-up may leave: 1 and 4, with a hint at 1.
  ASSERT_TRUE(store_->Delete("warehouse/db/t/metadata/v2.metadata.json").ok());
  ASSERT_TRUE(store_->Delete("warehouse/db/t/metadata/v3.metadata.json").ok());
  ASSERT_TRUE(Overwrite("version-hint.text", "1").ok());
  EXPECT_EQ(FreshLoad()->version, 4);
}

TEST_P(HadoopFiles, ATornVersionThatWasNeverAcknowledgedIsPassedOver) {
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

TEST_P(HadoopFiles, DamageToAnAcknowledgedVersionIsAnErrorAndNotARollback) {
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

// Iceberg Java packs metadata on demand; a version that Tarn overlooked would be one that it forks.
TEST_P(HadoopFiles, PackedVersionsOfOthersAreVersions) {
  for (const char* end : {".gz.metadata.json", ".metadata.json.gz"}) {
    SCOPED_TRACE(end);
    Create();
    Commit("a");
    const std::string newest = TextOf("v2.metadata.json");
    // Both ways to come to it: with a memory of what was there, and without.
    ASSERT_EQ(catalog_->LoadTable(ident_)->version, 2);
    ASSERT_TRUE(Overwrite("v3" + std::string(end), Gzip(newest)).ok());
    EXPECT_EQ(catalog_->LoadTable(ident_)->version, 3);
    EXPECT_EQ(FreshLoad()->version, 3);
    EXPECT_THAT(FreshLoad()->metadata_path, HasSubstr("v3" + std::string(end)));
    Commit("b");
    EXPECT_EQ(FreshLoad()->version, 4);
    EXPECT_THAT(TextOf("v4.metadata.json"), HasSubstr("v3" + std::string(end)));
    EXPECT_EQ(LivePaths().size(), 2u);
    ASSERT_TRUE(catalog_->DropTable(ident_).ok());
    EXPECT_TRUE(MetadataFiles().empty());
  }
}

TEST_P(HadoopFiles, ATableOfPackedVersionsAloneIsATable) {
  Create();
  const std::string packed = Gzip(TextOf("v1.metadata.json"));
  ASSERT_TRUE(Overwrite("v1.gz.metadata.json", packed).ok());
  ASSERT_TRUE(store_->Delete("warehouse/db/t/metadata/v1.metadata.json").ok());
  EXPECT_EQ(OpenOn(store_)->ListTables()->size(), 1u);
  EXPECT_TRUE(*OpenOn(store_)->TableExists(ident_));
  EXPECT_TRUE(IsKind(catalog_->CreateTable(ident_, {}).status(), ErrorKind::kAlreadyExists));
  Commit("a");
  EXPECT_EQ(FreshLoad()->version, 2);
  // A packed version is written whole or not at all: what is cut short is damage.
  ASSERT_TRUE(store_->Delete("warehouse/db/t/metadata/v2.metadata.json").ok());
  for (const size_t size : {size_t{0}, size_t{3}, packed.size() / 2, packed.size() - 1}) {
    ASSERT_TRUE(Overwrite("v2.gz.metadata.json", packed.substr(0, size)).ok());
    const auto status = FreshLoad().status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
    EXPECT_THAT(status.message(), HasSubstr("v2.gz.metadata.json"));
  }
}

TEST_P(HadoopFiles, ANumberThatWasTakenPackedMeanwhileIsAConflict) {
  Create();
  HadoopVersions versions(store_, "warehouse/db/t");
  const auto newest = versions.LoadNewest().ValueOrDie();
  ASSERT_TRUE(Overwrite("v2.gz.metadata.json", Gzip(TextOf("v1.metadata.json"))).ok());
  const auto late = versions.Publish(2, *newest.metadata, true);
  EXPECT_TRUE(IsKind(late, ErrorKind::kCommitConflict)) << late;
  EXPECT_THAT(FreshLoad()->metadata_path, HasSubstr("v2.gz.metadata.json"));
}

TEST_P(HadoopFiles, OldPackedVersionsAreDeletedWithTheOthers) {
  Create();
  ASSERT_TRUE(Overwrite("v2.gz.metadata.json", Gzip(TextOf("v1.metadata.json"))).ok());
  HadoopVersions versions(store_, "warehouse/db/t");
  versions.AfterPublish(2, 3);
  EXPECT_TRUE(versions.ListNumbers()->empty());
}

TEST_P(HadoopFiles, WhatIsNoTableIsNamed) {
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

TEST_P(HadoopFiles, WhatFoldersCannotDoIsSaidWithTheReason) {
  Create();
  const TableIdent other{{"db"}, "u"};
  for (const Status& status :
       {catalog_->RenameTable(ident_, other), catalog_->UnregisterTable(ident_),
        catalog_->RegisterTable(other, "x").status(),
        catalog_->CreateNamespace({"n"}, {{"a", "b"}}),
        catalog_->SetNamespaceProperties({"db"}, {{"a", "b"}}, {})}) {
    EXPECT_TRUE(IsKind(status, ErrorKind::kNotSupported)) << status;
    EXPECT_THAT(status.message(), HasSubstr("Hadoop catalog cannot"));
  }
  EXPECT_EQ(catalog_->NamespaceProperties({"db"})->at("location"), store_->UriOf("warehouse/db"));
}

TEST_P(HadoopFiles, ATableIsNoNamespaceAndANamespaceNoTable) {
  Create();
  EXPECT_TRUE(IsKind(catalog_->DropNamespace({"db", "t"}), ErrorKind::kNotFound));
  EXPECT_TRUE(IsKind(catalog_->CreateNamespace({"db", "t"}, {}), ErrorKind::kAlreadyExists));
  ASSERT_TRUE(catalog_->CreateNamespace({"db", "n"}, {}).ok());
  EXPECT_EQ(catalog_->ListTables()->size(), 1u);
  EXPECT_EQ(catalog_->ListNamespaces({"db"}).ValueOrDie(), (std::vector<Namespace>{{"db", "n"}}));
}

}  // namespace
}  // namespace tarn
