// SPDX-License-Identifier: Apache-2.0
#include "iceberg/delete_plan.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int32_t kFilePathId = 2147483546;

class DeletePlan : public ::testing::Test {
 protected:
  DeletePlan() {
    specs_.resize(3);
    specs_[1].spec_id = 1;
    specs_[1].fields = {{1, 1000, "region", "identity", {}}};
    specs_[2].spec_id = 2;
    specs_[2].fields = {{1, 1000, "region", "void", {}}};
  }

  static ManifestEntry Entry(FileContent content, const std::string& path, int64_t sequence,
                             int32_t spec = 0, std::vector<Value> partition = {}) {
    ManifestEntry entry;
    entry.sequence_number = entry.file_sequence_number = sequence;
    entry.data_file.content = content;
    entry.data_file.file_path = path;
    entry.data_file.spec_id = spec;
    entry.data_file.partition = std::move(partition);
    if (content == FileContent::kEqualityDeletes) entry.data_file.equality_ids = {1};
    return entry;
  }
  void Data(const std::string& path, int64_t sequence, int32_t spec = 0,
            std::vector<Value> partition = {}) {
    data_.push_back(Entry(FileContent::kData, path, sequence, spec, std::move(partition)));
  }
  DataFile& Positions(int64_t sequence, int32_t spec = 0, std::vector<Value> partition = {}) {
    deletes_.push_back(Entry(FileContent::kPositionDeletes, "pos", sequence, spec, partition));
    return deletes_.back().data_file;
  }
  DataFile& Equality(int64_t sequence, int32_t spec = 0, std::vector<Value> partition = {}) {
    deletes_.push_back(Entry(FileContent::kEqualityDeletes, "eq", sequence, spec, partition));
    return deletes_.back().data_file;
  }
  DataFile& Vector(int64_t sequence, const std::string& of) {
    DataFile& file = Positions(sequence);
    file.file_path = "dv.puffin";
    file.file_format = "PUFFIN";
    file.referenced_data_file = of;
    file.content_offset = 4;
    file.content_size_in_bytes = 42;
    return file;
  }
  Result<std::vector<FileDeletes>> Plan() {
    return PlanDeletes(specs_, data_, deletes_, [](const std::string& location) {
      return location.compare(0, 5, "file:") == 0
                 ? location.substr(location.find_first_not_of('/', 5))
                 : location;
    });
  }
  std::vector<FileDeletes> Planned() { return Plan().ValueOrDie(); }

  std::vector<PartitionSpec> specs_;
  std::vector<ManifestEntry> data_, deletes_;
};

TEST_F(DeletePlan, WithoutDeletesNothingApplies) {
  Data("a", 1);
  Data("b", 2);
  const auto plan = Planned();
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_TRUE(plan[0].empty() && plan[1].empty());
}

TEST_F(DeletePlan, PositionDeletesApplyToFilesOfTheSameAgeOrOlder) {
  for (int64_t sequence : {1, 2, 3}) Data("a" + std::to_string(sequence), sequence);
  Positions(2);
  const auto plan = Planned();
  EXPECT_THAT(plan[0].positions, ElementsAre(0));
  EXPECT_THAT(plan[1].positions, ElementsAre(0));
  EXPECT_THAT(plan[2].positions, IsEmpty());
}

TEST_F(DeletePlan, EqualityDeletesApplyToOlderFilesOnly) {
  for (int64_t sequence : {1, 2, 3}) Data("a" + std::to_string(sequence), sequence);
  Equality(2);
  const auto plan = Planned();
  EXPECT_THAT(plan[0].equalities, ElementsAre(0));
  EXPECT_THAT(plan[1].equalities, IsEmpty());
  EXPECT_THAT(plan[2].equalities, IsEmpty());
}

TEST_F(DeletePlan, DeletesStayInTheirPartition) {
  Data("n", 1, 1, {std::string("north")});
  Data("s", 1, 1, {std::string("south")});
  Data("null", 1, 1, {Value()});
  Data("old spec", 1, 0);
  Positions(2, 1, {std::string("north")});
  Equality(2, 1, {std::string("south")});
  Equality(2, 1, {Value()});
  Positions(2, 0);
  const auto plan = Planned();
  EXPECT_THAT(plan[0], (FileDeletes{std::nullopt, {0}, {}}));
  EXPECT_THAT(plan[1], (FileDeletes{std::nullopt, {}, {1}}));
  EXPECT_THAT(plan[2], (FileDeletes{std::nullopt, {}, {2}}));
  EXPECT_THAT(plan[3], (FileDeletes{std::nullopt, {3}, {}}));
}

TEST_F(DeletePlan, EqualValuesOfAnotherSpecAreAnotherPartition) {
  specs_.push_back(specs_[1]);
  specs_.back().spec_id = 3;
  Data("a", 1, 3, {std::string("north")});
  Positions(2, 1, {std::string("north")});
  Equality(2, 1, {std::string("north")});
  EXPECT_TRUE(Planned()[0].empty());
}

TEST_F(DeletePlan, UnpartitionedEqualityDeletesAreGlobal) {
  Data("n", 1, 1, {std::string("north")});
  Data("plain", 1, 0);
  Equality(2, 0);
  Equality(2, 2, {Value()});  // a spec whose only field is void
  const auto plan = Planned();
  EXPECT_THAT(plan[0].equalities, ElementsAre(0, 1));
  EXPECT_THAT(plan[1].equalities, ElementsAre(0, 1));
}

TEST_F(DeletePlan, AWidenedPartitionColumnAndNaNMatchThemselves) {
  Data("int", 1, 1, {int32_t{7}});
  Data("nan", 1, 1, {std::nanf("")});
  Data("half", 1, 1, {0.5f});
  Positions(2, 1, {int64_t{7}});
  Positions(2, 1, {std::nan("2")});
  Positions(2, 1, {0.5});
  const auto plan = Planned();
  EXPECT_THAT(plan[0].positions, ElementsAre(0));
  EXPECT_THAT(plan[1].positions, ElementsAre(1));
  EXPECT_THAT(plan[2].positions, ElementsAre(2));
}

TEST_F(DeletePlan, FileScopedPositionDeletesApplyToThatFileUnderAnySpelling) {
  Data("file:/t/a", 1);
  Data("file:///t/b", 1);
  Positions(1).referenced_data_file = "file:///t/a";
  DataFile& by_bounds = Positions(1);
  by_bounds.lower_bounds[kFilePathId] = by_bounds.upper_bounds[kFilePathId] = "file:/t/b";
  DataFile& of_both = Positions(1);
  of_both.lower_bounds[kFilePathId] = "file:/t/a";
  of_both.upper_bounds[kFilePathId] = "file:/t/b";
  const auto plan = Planned();
  EXPECT_THAT(plan[0].positions, ElementsAre(0, 2));
  EXPECT_THAT(plan[1].positions, ElementsAre(1, 2));
}

TEST_F(DeletePlan, ADeletionVectorReplacesPositionDeletesButNotEqualityDeletes) {
  Data("a", 1);
  Data("b", 1);
  Positions(2);
  Positions(2).referenced_data_file = "a";
  Vector(2, "a");
  Equality(2);
  const auto plan = Planned();
  EXPECT_THAT(plan[0], (FileDeletes{2, {}, {3}}));
  EXPECT_THAT(plan[1], (FileDeletes{std::nullopt, {0}, {3}}));
}

TEST_F(DeletePlan, DeletesOfFilesThatAreGoneAreHarmless) {
  Data("a", 1);
  Vector(2, "gone");
  Positions(2).referenced_data_file = "gone too";
  EXPECT_TRUE(Planned()[0].empty());
}

TEST_F(DeletePlan, RefusesDamagedTables) {
  const auto problem = [&] {
    const auto plan = Plan();
    EXPECT_TRUE(IsKind(plan.status(), ErrorKind::kCorrupt));
    deletes_.clear();
    return plan.status().message();
  };
  Data("a", 5);
  Vector(4, "a");
  EXPECT_THAT(problem(), HasSubstr("older than its data file a"));
  Vector(6, "a");
  Vector(6, "a");
  EXPECT_THAT(problem(), HasSubstr("two deletion vectors"));
  Vector(6, "a").content_offset.reset();
  EXPECT_THAT(problem(), HasSubstr("where the deletion vector lies"));
  Vector(6, "a").referenced_data_file.reset();
  EXPECT_THAT(problem(), HasSubstr("of which file"));
  Vector(6, "a").content_size_in_bytes = -1;
  EXPECT_THAT(problem(), HasSubstr("dv.puffin"));
  Equality(6).equality_ids.clear();
  EXPECT_THAT(problem(), HasSubstr("no columns"));
  Equality(6, 9);
  EXPECT_THAT(problem(), HasSubstr("no partition spec 9"));
  Positions(6).content = FileContent::kData;
  EXPECT_THAT(problem(), HasSubstr("a data file stands in a manifest of delete files"));
}

}  // namespace
}  // namespace tarn::iceberg
