// SPDX-License-Identifier: Apache-2.0
//
// A table of small files on a store that can be made to fail, and the commits that maintenance is
// tested with.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "base/random_id.h"
#include "catalog/commit_attempt.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/manifest_io.h"
#include "store/fault_store.h"
#include "table/maintenance/snapshot_files.h"
#include "tarn/alter_table.h"
#include "tarn/maintenance.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn {

inline const TableIdent kMaintained{{"db"}, "t"};

class MaintenanceTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { Open(GetParam()); }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void Open(bool local) {
    if (local) {
      folder_ = std::filesystem::temp_directory_path() / ("tarn-maintenance-" + NewUuid4());
      base_ = LocalStore::Make(folder_, {.durable = false}).ValueOrDie();
    } else {
      base_ = MemoryStore::Make();
    }
    store_ = FaultStore::Make(base_);
    catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
  }

  /// A batch of ids, committed. Gives the snapshot.
  SnapshotId Append(int64_t first, int64_t rows = 10) {
    auto writer = TableWriter::CreateOrOpen(catalog_, kMaintained, {}).ValueOrDie();
    EXPECT_TRUE(writer->WriteBatch(*Batch(first, rows)).ok());
    return writer->Commit().ValueOrDie();
  }

  static std::shared_ptr<arrow::RecordBatch> Batch(int64_t first, int64_t rows) {
    arrow::Int64Builder ids;
    for (int64_t i = 0; i < rows; ++i) (void)ids.Append(first + i);
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}), rows,
                                    {ids.Finish().ValueOrDie()});
  }

  std::shared_ptr<const iceberg::TableMetadata> Metadata() {
    // A catalog without memory, on the store that does not fail.
    const auto catalog = HadoopCatalog::Make(base_, "warehouse").ValueOrDie();
    return catalog->LoadTable(kMaintained).ValueOrDie().metadata;
  }

  std::vector<std::string> LiveFiles() {
    const auto metadata = Metadata();
    std::vector<std::string> paths;
    if (metadata->CurrentSnapshot() == nullptr) return paths;
    const auto live = iceberg::ReadLiveFiles(*base_, *metadata->CurrentSnapshot()).ValueOrDie();
    for (const auto& entry : live.data) paths.push_back(entry.data_file.file_path);
    return paths;
  }

  /// Commits the removal of a live file; gives its path in the store.
  std::string Remove(const std::string& location) {
    CommitAttempt attempt(*catalog_, kMaintained, [&](const TableState&) -> Result<CommitPlan> {
      CommitPlan plan;
      plan.snapshot.emplace();
      plan.snapshot->operation = iceberg::operation::kDelete;
      plan.snapshot->removed.push_back({location, iceberg::ManifestContent::kData, {}});
      return plan;
    });
    const auto done = attempt.Commit();
    EXPECT_TRUE(done.ok()) << done.status();
    return base_->PathOf(location).ValueOrDie();
  }

  std::vector<int64_t> Ids() {
    const auto catalog = HadoopCatalog::Make(base_, "warehouse").ValueOrDie();
    const auto view = ReadView::Open(catalog, kMaintained).ValueOrDie();
    std::vector<int64_t> ids;
    const auto scan = view->Scan({"id"}).ValueOrDie();
    while (const auto batch = scan->Next().ValueOrDie()) {
      const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (int64_t i = 0; i < column.length(); ++i) ids.push_back(column.Value(i));
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  /// `torn`: the hint may be the beginning of one; readers look past it.
  void ExpectSound(bool torn = false) {
    const auto catalog = HadoopCatalog::Make(base_, "warehouse").ValueOrDie();
    const auto report = VerifyTable(catalog, kMaintained, 1).ValueOrDie();
    for (const auto& finding : report.findings) {
      if (torn && finding.path.ends_with("version-hint.text")) continue;
      ADD_FAILURE() << finding.path << ": " << finding.message;
    }
  }

  std::vector<std::string> Objects(const std::string& prefix = "warehouse/db/t/") {
    std::vector<std::string> paths;
    for (const auto& object : base_->List(prefix).ValueOrDie()) paths.push_back(object.path);
    return paths;
  }

  /// The objects that the newest version does not need; old metadata files and hints do not count.
  std::vector<std::string> Strays() {
    const auto catalog = HadoopCatalog::Make(base_, "warehouse").ValueOrDie();
    const auto state = catalog->LoadTable(kMaintained).ValueOrDie();
    const auto used = FilesInUse(*base_, *state.metadata, state.metadata_path).ValueOrDie();
    std::vector<std::string> strays;
    for (const auto& path : Objects()) {
      if (used.count(path) == 0 && path != "warehouse/db/t/metadata/version-hint.text") {
        strays.push_back(path);
      }
    }
    return strays;
  }

  /// Everything but what refs need, whatever its age.
  static ExpireOptions All() {
    ExpireOptions options;
    options.older_than_ms = INT64_MAX;
    options.retain_last = 1;
    return options;
  }
  static OrphanOptions AnyAge() {
    OrphanOptions options;
    options.older_than = std::chrono::milliseconds(0);
    options.force = true;
    options.dry_run = false;
    return options;
  }

  std::string folder_;
  std::shared_ptr<Store> base_;
  std::shared_ptr<FaultStore> store_;
  std::shared_ptr<HadoopCatalog> catalog_;
};

}  // namespace tarn
