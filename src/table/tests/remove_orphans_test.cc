// SPDX-License-Identifier: Apache-2.0
//
// Orphans: what counts as one, and everything that must never be touched.
#include <numeric>

#include "catalog/append.h"
#include "table/maintenance/metadata_names.h"
#include "table/tests/maintenance_fixture.h"

namespace tarn {
namespace {

using std::chrono::hours;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kFolder[] = "warehouse/db/t/";

class OrphansTest : public MaintenanceTest {
 protected:
  void Put(const std::string& name) { ASSERT_TRUE(base_->Put(kFolder + name, "x").ok()); }

  /// Makes a file of a local store older.
  void Age(const std::string& path, hours age) {
    const auto file = std::filesystem::path(folder_) / path;
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - age);
  }

  std::vector<std::string> Found(const OrphanOptions& options) {
    const auto report = RemoveOrphans(*catalog_, kMaintained, options);
    EXPECT_TRUE(report.ok()) << report.status();
    std::vector<std::string> names;
    if (!report.ok()) return names;
    for (const auto& orphan : report->orphans)
      names.push_back(orphan.path.substr(sizeof kFolder - 1));
    return names;
  }

  Status Refused(const OrphanOptions& options) {
    const auto before = Objects("");
    const auto report = RemoveOrphans(*catalog_, kMaintained, options);
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(Objects(""), before);
    return report.status();
  }
};

TEST_P(OrphansTest, FilesThatNobodyNamesAreFoundAndDeleted) {
  Append(0);
  Append(10);
  for (const char* name : {"data/a.parquet", "data/deep/er/b.parquet", "metadata/c-m0.avro",
                           "metadata/snap-1-1-x.avro", "notes.txt"}) {
    Put(name);
  }
  OrphanOptions look = AnyAge();
  look.dry_run = true;
  const auto before = Objects();
  const auto expected = ElementsAre("data/a.parquet", "data/deep/er/b.parquet",
                                    "metadata/c-m0.avro", "metadata/snap-1-1-x.avro", "notes.txt");
  EXPECT_THAT(Found(look), expected);
  EXPECT_EQ(Objects(), before) << "a dry run deletes nothing";
  const auto report = RemoveOrphans(*catalog_, kMaintained, AnyAge()).ValueOrDie();
  EXPECT_EQ(report.deleted, 5);
  EXPECT_EQ(report.bytes, 5u);
  EXPECT_THAT(Strays(), IsEmpty());
  EXPECT_EQ(Ids().size(), 20u);
  ExpectSound();
  EXPECT_THAT(Found(AnyAge()), IsEmpty());
}

TEST_P(OrphansTest, ByDefaultNothingIsDeletedAndNothingYoungIsFound) {
  Append(0);
  Put("data/a.parquet");
  EXPECT_THAT(Found({}), IsEmpty());
  EXPECT_TRUE(OrphanOptions().dry_run);
  if (!GetParam()) return;
  Age("warehouse/db/t/data/a.parquet", hours(71));
  EXPECT_THAT(Found({}), IsEmpty());
  Age("warehouse/db/t/data/a.parquet", hours(73));
  EXPECT_THAT(Found({}), ElementsAre("data/a.parquet"));
  EXPECT_THAT(Objects(), Contains("warehouse/db/t/data/a.parquet"));
  OrphanOptions remove;
  remove.dry_run = false;
  EXPECT_THAT(Found(remove), ElementsAre("data/a.parquet"));
  EXPECT_THAT(Objects(), Not(Contains("warehouse/db/t/data/a.parquet")));
}

TEST_P(OrphansTest, AnAgeBelowADayMustBeForced) {
  Append(0);
  OrphanOptions options;
  options.older_than = hours(23);
  EXPECT_TRUE(IsKind(Refused(options), ErrorKind::kBadInput));
  options.older_than = hours(24);
  EXPECT_THAT(Found(options), IsEmpty());
  options.force = true;
  options.older_than = -hours(1);
  EXPECT_TRUE(IsKind(Refused(options), ErrorKind::kBadInput));
}

TEST_P(OrphansTest, HiddenNamesTheHintAndTheNewestMetadataStay) {
  Append(0);
  for (const char* name :
       {".hidden", "data/_SUCCESS", "data/.part/x", ".tarn/wal/1/0.log", "_delta_log/0.json"}) {
    Put(name);
  }
  ASSERT_TRUE(base_->Put("warehouse/.tarn/wal/1/0.log", "x").ok());
  ASSERT_TRUE(base_->Put("warehouse/db/t2/data/x", "x").ok());
  ASSERT_TRUE(base_->Put("warehouse/db/other", "x").ok());
  Put("metadata/00000-old.metadata.json");
  EXPECT_THAT(Found(AnyAge()), ElementsAre("metadata/00000-old.metadata.json"));
  for (const char* path : {"warehouse/.tarn/wal/1/0.log", "warehouse/db/t2/data/x",
                           "warehouse/db/other", "warehouse/db/t/metadata/version-hint.text"}) {
    EXPECT_THAT(Objects(""), Contains(path));
  }
  ExpectSound();
}

TEST_P(OrphansTest, EveryVersionOfTheMetadataLogStays) {
  for (int64_t i = 0; i < 5; ++i) Append(i);
  const auto before = Objects();
  EXPECT_THAT(Found(AnyAge()), IsEmpty());
  EXPECT_EQ(Objects(), before);
}

TEST_P(OrphansTest, FilesOfACommitUnderWayAreProtectedByTheirAge) {
  Append(0);
  auto writer = TableWriter::Make(catalog_, kMaintained).ValueOrDie();
  ASSERT_TRUE(writer->WriteBatch(*Batch(10, 5)).ok());
  OrphanOptions remove;
  remove.dry_run = false;
  EXPECT_THAT(Found(remove), IsEmpty());
  OrphanOptions forced = AnyAge();
  forced.dry_run = true;
  EXPECT_THAT(Found(forced), SizeIs(1)) << "age is all that protects it";
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_THAT(Found(forced), IsEmpty());
  EXPECT_EQ(Ids().size(), 15u);
}

TEST_P(OrphansTest, FoldersInsideTheTableCanBeNamed) {
  Append(0);
  Put("data/a");
  Put("data/2024/b");
  Put("extra/c");
  OrphanOptions look = AnyAge();
  look.dry_run = true;
  look.locations = {"extra"};
  EXPECT_THAT(Found(look), ElementsAre("extra/c"));
  look.locations = {"data/2024/", "extra"};
  EXPECT_THAT(Found(look), ElementsAre("data/2024/b", "extra/c"));
  look.locations = {store_->UriOf("warehouse/db/t/data")};
  EXPECT_THAT(Found(look), ElementsAre("data/2024/b", "data/a"));
  for (const std::string& outside :
       {store_->UriOf("warehouse/db"), store_->UriOf("warehouse/db/t2"), std::string("../t2"),
        std::string("data/../../t2"), std::string(), std::string("s3://bucket/x")}) {
    look.locations = {outside};
    EXPECT_TRUE(IsKind(Refused(look), ErrorKind::kBadInput)) << outside;
  }
}

TEST_P(OrphansTest, ATableThatHoldsAnotherIsRefused) {
  Append(0);
  Put("data/a");
  ASSERT_TRUE(catalog_->CreateTable({{"db", "t"}, "inner"}, {}).ok());
  const Status refused = Refused(AnyAge());
  EXPECT_TRUE(IsKind(refused, ErrorKind::kValidationFailed)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("db/t/inner"));
}

TEST_P(OrphansTest, ATableThatKeepsFilesOfAnotherIsRefused) {
  Append(0);
  Put("data/a");
  TableProperties properties;
  properties.extra["write.data.path"] = store_->UriOf("warehouse/db/t/data");
  ASSERT_TRUE(catalog_->CreateTable({{"db"}, "guest"}, properties).ok());
  const Status refused = Refused(AnyAge());
  EXPECT_TRUE(IsKind(refused, ErrorKind::kValidationFailed)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("db.guest"));
}

TEST_P(OrphansTest, GcEnabledFalseForbidsIt) {
  Append(0);
  Put("data/a");
  ASSERT_TRUE(SetTableProperties(*catalog_, kMaintained, {{"gc.enabled", "false"}}).ok());
  EXPECT_TRUE(IsKind(Refused(AnyAge()), ErrorKind::kBadInput));
}

TEST_P(OrphansTest, UnreadableMetadataStopsEverything) {
  Append(0);
  Put("data/a");
  const auto metadata = Metadata();
  const auto list = base_->PathOf(metadata->CurrentSnapshot()->manifest_list).ValueOrDie();
  const auto lines = iceberg::ReadManifestList(*base_, *metadata->CurrentSnapshot()).ValueOrDie();
  ASSERT_TRUE(base_->Put(base_->PathOf(lines[0].manifest_path).ValueOrDie(), "damaged").ok());
  EXPECT_TRUE(IsKind(Refused(AnyAge()), ErrorKind::kCorrupt));
  ASSERT_TRUE(base_->Delete(list).ok());
  EXPECT_FALSE(Refused(AnyAge()).ok());
}

TEST_P(OrphansTest, SpellingsOfOneLocationAreOneFile) {
  if (!GetParam()) return;
  Append(0);
  // As Hadoop spells it: one slash.
  Put("data/foreign.parquet");
  AppendCommit commit;
  iceberg::DataFile file;
  file.file_path = "file:" + folder_ + "/warehouse/db/t/data/foreign.parquet";
  file.record_count = 1;
  file.file_size_in_bytes = 1;
  commit.files.push_back(file);
  ASSERT_TRUE(CommitAppend(*catalog_, kMaintained, commit).ok());
  EXPECT_THAT(Found(AnyAge()), IsEmpty());
  EXPECT_THAT(Objects(), Contains("warehouse/db/t/data/foreign.parquet"));
}

TEST_P(OrphansTest, AFailureAtAnyStepDeletesNothingThatIsNeeded) {
  Append(0);
  Append(10);
  for (const FaultKind kind : {FaultKind::kFail, FaultKind::kLoseReply, FaultKind::kCrash}) {
    for (int64_t step = 1;; ++step) {
      Put("data/a");
      Put("metadata/b.avro");
      const int64_t fired = store_->faults_fired();
      store_->Add({kind, StoreOp::kAny, "", step});
      const auto report = RemoveOrphans(*catalog_, kMaintained, AnyAge());
      const bool faulted = store_->faults_fired() > fired;
      store_->Heal();
      ASSERT_EQ(Ids().size(), 20u);
      ExpectSound();
      if (report.ok() && report->left_behind.empty()) ASSERT_THAT(Strays(), IsEmpty());
      if (!faulted) break;
    }
  }
}

TEST_P(OrphansTest, OldMetadataFilesAreCleanedWhereTheTableWantsIt) {
  for (int64_t i = 0; i < 4; ++i) Append(i);
  ASSERT_TRUE(
      SetTableProperties(*catalog_, kMaintained, {{"write.metadata.previous-versions-max", "2"}})
          .ok());
  Append(4);
  // As an interrupted commit leaves them; the second is a name of another kind of catalog.
  Put("metadata/v1.metadata.json");
  Put("metadata/00001-x.metadata.json");
  Put("metadata/v99.metadata.json.tmp");
  const auto told = CleanMetadata(*catalog_, kMaintained, /*dry_run=*/true).ValueOrDie();
  EXPECT_THAT(told.metadata_files, ElementsAre("warehouse/db/t/metadata/v1.metadata.json"));
  EXPECT_THAT(Objects(), Contains("warehouse/db/t/metadata/v1.metadata.json"));
  EXPECT_EQ(CleanMetadata(*catalog_, kMaintained).ValueOrDie().metadata_files, told.metadata_files);
  EXPECT_THAT(Objects(), Not(Contains("warehouse/db/t/metadata/v1.metadata.json")));
  EXPECT_EQ(Ids().size(), 50u);
  ASSERT_TRUE(base_->Delete("warehouse/db/t/metadata/v99.metadata.json.tmp").ok());
  ASSERT_TRUE(SetTableProperties(*catalog_, kMaintained,
                                 {{"write.metadata.delete-after-commit.enabled", "false"}})
                  .ok());
  EXPECT_TRUE(IsKind(CleanMetadata(*catalog_, kMaintained).status(), ErrorKind::kBadInput));
}

INSTANTIATE_TEST_SUITE_P(Stores, OrphansTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Local" : "Memory"; });

TEST(MetadataNames, TellTheirVersion) {
  EXPECT_EQ(MetadataNumber("v12.metadata.json"), 12);
  EXPECT_EQ(MetadataNumber("v3.gz.metadata.json"), 3);
  EXPECT_EQ(MetadataNumber("00007-1f-2e.metadata.json"), 7);
  EXPECT_EQ(MetadataNumber("00007-1f.metadata.json.gz"), 7);
  for (const char* name : {"v.metadata.json", "v12-x.metadata.json", "12.metadata.json",
                           "snap-1.avro", "", "metadata.json", "v-1.metadata.json",
                           "v99999999999999999999.metadata.json", "version-hint.text"}) {
    EXPECT_EQ(MetadataNumber(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace tarn
