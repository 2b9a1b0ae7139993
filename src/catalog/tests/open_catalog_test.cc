// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "base/random_id.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata.h"
#include "tarn/sql_catalog.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// In a folder of its own, which is the current one.
class OpenCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    folder_ = fs::canonical(fs::temp_directory_path()) / ("tarn-open-" + NewUuid4());
    fs::create_directories(folder_);
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  static std::string LocationOf(CatalogProvider& catalog, const std::string& table) {
    const auto made = catalog.CreateTable(TableIdent::Parse(table).ValueOrDie(), {});
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? made->metadata->location : "";
  }
  void ExpectRefused(const std::string& uri, ErrorKind kind, const std::string& text,
                     bool create = true) {
    const Status status = OpenCatalog(uri, {.create = create}).status();
    EXPECT_TRUE(IsKind(status, kind)) << uri << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr(text)) << uri;
  }

  fs::path before_, folder_;
};

TEST_F(OpenCatalogTest, AFolderIsAHadoopCatalog) {
  for (const std::string& uri :
       {std::string("lake"), (folder_ / "lake").string(), "file://" + (folder_ / "lake").string(),
        "file:" + (folder_ / "lake").string(), "file://localhost" + (folder_ / "lake").string()}) {
    SCOPED_TRACE(uri);
    auto catalog = OpenCatalog(uri);
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    EXPECT_EQ(LocationOf(**catalog, "db.t"), "file://" + (folder_ / "lake/db/t").string());
    EXPECT_TRUE(fs::exists(folder_ / "lake/db/t/metadata/v1.metadata.json"));
    ASSERT_TRUE((*catalog)->DropTable({{"db"}, "t"}).ok());
  }
  ExpectRefused("missing", ErrorKind::kNotFound, "no catalog folder 'missing'", false);
  EXPECT_FALSE(fs::exists(folder_ / "missing"));
  EXPECT_TRUE(OpenCatalog("a:b").ok()) << "a folder may be called so";
}

TEST_F(OpenCatalogTest, ADatabaseIsAnSqlCatalog) {
  const std::string database = (folder_ / "my catalog.db").string();
  const std::string lake = "file://" + (folder_ / "la ke").string();
  auto catalog = OpenCatalog("sqlite:///" + database + "?name=n%61me&warehouse=la%20ke");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(dynamic_cast<SqlCatalog&>(**catalog).name(), "name");
  EXPECT_EQ(LocationOf(**catalog, "db.t"), lake + "/db/t");
  // Once there are tables, reading and writing them needs no warehouse.
  for (const std::string& uri :
       {"sqlite:///" + database, "sqlite://" + database, std::string("sqlite:///my catalog.db")}) {
    auto again = OpenCatalog(uri);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE((*again)->LoadTable({{"db"}, "t"}).ok()) << uri;
  }
  auto spelled =
      OpenCatalog("sqlite:///" + database + "?warehouse=file:" + folder_.string() + "/w/");
  ASSERT_TRUE(spelled.ok()) << spelled.status();
  EXPECT_EQ(LocationOf(**spelled, "db.u"), "file:" + folder_.string() + "/w/db/u");
}

TEST_F(OpenCatalogTest, WhatIsMissingOrUnknownIsSaid) {
  ExpectRefused("", ErrorKind::kBadInput, "name");
  ExpectRefused("sqlite:///new.db", ErrorKind::kBadInput, "?warehouse=");
  ExpectRefused("sqlite:///new.db", ErrorKind::kNotFound, "there is no database", false);
  ExpectRefused("sqlite:///new.db?warehouse=s3://b", ErrorKind::kNotSupported, "s3://b");
  ExpectRefused("sqlite:///new.db?warehouse=file://host/w", ErrorKind::kBadInput, "file:///");
  ExpectRefused("sqlite:///new.db?ware=x", ErrorKind::kBadInput, "'ware' is not known");
  ExpectRefused("sqlite:///new.db?warehouse=", ErrorKind::kBadInput, "one value");
  ExpectRefused("sqlite:///new.db?name=a&name=b", ErrorKind::kBadInput, "once");
  ExpectRefused("sqlite:///new.db?name=%4", ErrorKind::kBadInput, "hexadecimal");
  ExpectRefused("sqlite:///no/such/new.db?warehouse=w", ErrorKind::kNotFound, "folder");
  ExpectRefused("sqlite:///?warehouse=w", ErrorKind::kBadInput, "names no database");
  ExpectRefused("sqlite://host/x.db", ErrorKind::kBadInput, "names no database");
  ExpectRefused("sqlite:", ErrorKind::kBadInput, "names no database");
  ExpectRefused("file:///lake?name=x", ErrorKind::kBadInput, "no parameters");
  ExpectRefused("file://host/lake", ErrorKind::kBadInput, "file:///");
  ExpectRefused("file:lake", ErrorKind::kBadInput, "file:///");
  ExpectRefused("s3://bucket/lake", ErrorKind::kNotSupported, "sqlite:///FILE");
  ExpectRefused("http://host", ErrorKind::kNotSupported, "sqlite:///FILE");
  ExpectRefused("jdbc:sqlite:x.db", ErrorKind::kNotSupported, "sqlite:///FILE");
  EXPECT_TRUE(fs::is_empty(folder_)) << "nothing was made";
}

TEST_F(OpenCatalogTest, NothingButTheTablesFoldersIsRemoved) {
  fs::create_directories(folder_ / "outer" / "lake");
  fs::create_directories(folder_ / "far" / "away");
  {
    auto catalog = *OpenCatalog("sqlite:///c.db?warehouse=outer/lake");
    (void)LocationOf(*catalog, "db.t");
    EXPECT_TRUE(
        catalog->CreateNamespace({"n"}, {{"location", "file://" + (folder_ / "far/away").string()}})
            .ok());
    (void)LocationOf(*catalog, "n.t");
    ASSERT_TRUE(catalog->DropTable({{"db"}, "t"}).ok());
    ASSERT_TRUE(catalog->DropTable({{"n"}, "t"}).ok());
  }
  EXPECT_TRUE(fs::is_directory(folder_ / "outer" / "lake"));
  EXPECT_FALSE(fs::exists(folder_ / "outer" / "lake" / "db"));
  EXPECT_TRUE(fs::is_directory(folder_ / "far" / "away"));
}

}  // namespace
}  // namespace tarn
