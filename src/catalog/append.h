// SPDX-License-Identifier: Apache-2.0
//
// Appends: files that are added to a table, with what must hold of it and what is set beside them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/commit_attempt.h"
#include "iceberg/schema.h"

namespace tarn {

/// What an append commits, in one swap.
struct AppendCommit {
  std::vector<iceberg::DataFile> files;  ///< at least one
  /// When set, the commit goes through only while this is the current snapshot (0: while there is
  /// none); otherwise it fails with kValidationFailed.
  std::optional<SnapshotId> parent;
  /// Becomes the table's schema if that has no columns yet. If another writer gave one meanwhile
  /// and this is none that the table ever had, the commit fails with kValidationFailed.
  std::optional<iceberg::Schema> schema;
  std::map<std::string, std::string> properties;  ///< set in the same swap
  /// The commit goes through only while these table properties have these values (nullopt: while
  /// they are not set); otherwise it fails with kValidationFailed.
  std::map<std::string, std::optional<std::string>> expected_properties;
  std::map<std::string, std::string> summary;  ///< added to the snapshot's summary
};

/// The plan of an append to this version. Errors as AppendCommit says.
Result<CommitPlan> PlanAppend(const AppendCommit& commit, const TableState& base);

/// A CommitAttempt of one append.
class AppendAttempt : public CommitAttempt {
 public:
  AppendAttempt(CatalogProvider& catalog, TableIdent ident, AppendCommit commit,
                CommitOptions options = {});
};

/// Commits an append that needs no second look: AppendAttempt in one call.
Result<Committed> CommitAppend(CatalogProvider& catalog, const TableIdent& ident,
                               const AppendCommit& commit, const CommitOptions& options = {});

}  // namespace tarn
