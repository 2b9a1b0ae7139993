// SPDX-License-Identifier: Apache-2.0
//
// What a table is and whether its bytes are sound: the reports behind `tarn info` and `tarn
// verify`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

struct SnapshotInfo {
  SnapshotId id;
  std::optional<SnapshotId> parent;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;  ///< since 1970-01-01 UTC
  std::string operation;
  std::map<std::string, std::string> summary;
};

/// The codebook that the files of a table share for one vector column.
struct CodebookInfo {
  std::string column;
  int64_t id = 0;           ///< 1 for the column's first codebook
  std::string fingerprint;  ///< as in VectorColumnInfo::codebook
  std::string file;         ///< location of a data file that carried it
};

struct TableInfo {
  TableIdent ident;
  std::string uuid;
  std::string location;
  std::string metadata_path;  ///< in the catalog's store
  int format_version = 0;
  int64_t last_updated_ms = 0;
  std::optional<SnapshotId> current;
  std::vector<SnapshotInfo> snapshots;  ///< oldest first
  TableProperties properties;
  std::vector<CodebookInfo> codebooks;
};

/// Everything of the newest metadata that needs no other file.
Result<TableInfo> DescribeTable(CatalogProvider& catalog, const TableIdent& table);

/// One thing found wrong.
struct Finding {
  std::string path;     ///< the object of the store it was found in
  std::string message;  ///< the structure in it, what it is, and what it should be
};

struct VerifyReport {
  std::vector<Finding> findings;
  int64_t metadata_files = 0;  ///< metadata, manifest lists and manifests read
  int64_t data_files = 0;
  int64_t delete_files = 0;
  int64_t rows = 0;  ///< of the data files, deleted ones included
  uint64_t bytes = 0;
};

/// Reads every byte that the newest metadata reaches (all snapshots) and checks every checksum and
/// every cross-reference: metadata, manifest lists, manifests, Parquet footers and pages, sections,
/// index ordinals, delete files. Findings are collected, one failing file does not hide the next; a
/// failed status means that the table could not be looked at at all.
Result<VerifyReport> VerifyTable(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                                 int threads = 0);

}  // namespace tarn
