// SPDX-License-Identifier: Apache-2.0
//
// CodebookShelf: the codebooks that one writer codes its files with. The first writer of a table
// trains one and proposes it in its commit; of two that race, one commit goes through and the other
// writer learns which codebook it has to use instead.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "catalog/append.h"
#include "table/codebook/codebook_record.h"
#include "table/file/index_request.h"
#include "tarn/catalog.h"

namespace tarn {

/// One thread at a time.
class CodebookShelf {
 public:
  /// The catalog must outlive it.
  CodebookShelf(CatalogProvider& catalog, TableIdent table)
      : catalog_(catalog), table_(std::move(table)) {}

  /// What to code `vectors` rows of a column with: the table's codebook, or one that this writer
  /// proposed and has not committed yet. nullptr: there is none, or one that was trained on so few
  /// rows that these deserve a better one: train it and propose it.
  Result<std::shared_ptr<const index::Codebook>> For(const VectorStoragePolicy& policy,
                                                     int32_t field_id, int64_t vectors);

  /// A file at `location` (a URI) was coded with this codebook and carries it. One that For did not
  /// give is proposed.
  void Trained(const VectorStoragePolicy& policy, int32_t field_id,
               std::shared_ptr<const index::Codebook> codebook, const std::string& location);

  /// Adds what a commit must set, and what it must find, so that proposals take effect.
  void AddTo(AppendCommit* commit) const;
  /// The commit went through: the proposals are the table's codebooks now.
  void Committed();

  /// After a commit that did not validate: true when it may have been for a proposal that came too
  /// late. Then For gives the codebooks of the winners.
  Result<bool> GiveWay();

  /// The table took another file in the place of one that carried a proposed codebook.
  void Moved(const std::string& from, const std::string& to);
  /// The file that carries a proposed codebook is gone: For looks into the table again.
  void Forget(const std::string& location);

 private:
  struct Column {
    VectorStoragePolicy policy;
    std::shared_ptr<const index::Codebook> codebook;
    /// The table property as it was last seen.
    std::optional<std::string> seen;
    /// What this writer wants the property to be.
    std::optional<CodebookRecord> proposal;
    int64_t next_id = 1;
  };

  /// Reads the property and looks for its codebook in the table.
  Status Load(const TableState& state, int32_t field_id, Column* column) const;

  CatalogProvider& catalog_;
  TableIdent table_;
  std::map<int32_t, Column> columns_;  // by field id
};

}  // namespace tarn
