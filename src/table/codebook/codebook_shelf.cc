// SPDX-License-Identifier: Apache-2.0
#include "table/codebook/codebook_shelf.h"

#include "table/codebook/codebook_lookup.h"

namespace tarn {
namespace {

// A codebook of few rows is replaced once a file brings this many times more. From kEnoughRows on
// more of them would hardly change it: the training takes a sample anyway.
constexpr uint64_t kMuchMore = 16;
constexpr uint64_t kEnoughRows = 20'000;

bool IsOutgrown(const index::Codebook& codebook, int64_t vectors) {
  const uint64_t trained = codebook.trained_rows();
  return trained < kEnoughRows && static_cast<uint64_t>(vectors) >= kMuchMore * trained;
}

}  // namespace

Status CodebookShelf::Load(const TableState& state, int32_t field_id, Column* column) const {
  const auto& properties = state.metadata->properties;
  const auto property = properties.find(CodebookRecord::PropertyKey(field_id));
  column->codebook = nullptr;
  column->seen.reset();
  column->proposal.reset();
  if (property == properties.end()) return Status::OK();
  column->seen = property->second;
  auto record = CodebookRecord::Parse(property->first, property->second);
  // An unreadable record is replaced like one whose codebook is gone.
  if (!record.ok()) return Status::OK();
  column->next_id = record->id + 1;
  auto found =
      FindCodebook(catalog_.shared_store(), *state.metadata, column->policy, field_id, *record);
  if (found.ok()) {
    column->codebook = *std::move(found);
  } else if (!IsKind(found.status(), ErrorKind::kNotFound)) {
    return found.status();
  }
  return Status::OK();
}

Result<std::shared_ptr<const index::Codebook>> CodebookShelf::For(const VectorStoragePolicy& policy,
                                                                  int32_t field_id,
                                                                  int64_t vectors) {
  const auto known = columns_.find(field_id);
  if (known == columns_.end() || known->second.codebook == nullptr) {
    Column column;
    column.policy = policy;
    ARROW_ASSIGN_OR_RAISE(const auto state, catalog_.LoadTable(table_));
    ARROW_RETURN_NOT_OK(Load(state, field_id, &column));
    columns_[field_id] = std::move(column);
  }
  const Column& column = columns_[field_id];
  // Files that wait for the commit are coded with the proposal already.
  if (column.codebook != nullptr && !column.proposal && IsOutgrown(*column.codebook, vectors)) {
    return nullptr;
  }
  return column.codebook;
}

void CodebookShelf::Trained(const VectorStoragePolicy& policy, int32_t field_id,
                            std::shared_ptr<const index::Codebook> codebook,
                            const std::string& location) {
  Column& column = columns_[field_id];
  if (column.codebook == codebook) return;
  column.policy = policy;
  column.proposal = CodebookRecord{column.next_id, codebook->fingerprint(), location};
  column.codebook = std::move(codebook);
}

void CodebookShelf::AddTo(AppendCommit* commit) const {
  for (const auto& [field_id, column] : columns_) {
    if (!column.proposal) continue;
    const std::string key = CodebookRecord::PropertyKey(field_id);
    commit->properties[key] = column.proposal->ToProperty();
    commit->expected_properties[key] = column.seen;
  }
}

void CodebookShelf::Committed() {
  for (auto& [field_id, column] : columns_) {
    if (!column.proposal) continue;
    column.seen = column.proposal->ToProperty();
    column.next_id = column.proposal->id + 1;
    column.proposal.reset();
  }
}

Result<bool> CodebookShelf::GiveWay() {
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog_.LoadTable(table_));
  const auto& properties = state.metadata->properties;
  bool late = false;
  for (auto& [field_id, column] : columns_) {
    if (!column.proposal) continue;
    const auto property = properties.find(CodebookRecord::PropertyKey(field_id));
    const auto now = property == properties.end() ? std::optional<std::string>()
                                                  : std::optional(property->second);
    if (now == column.seen) continue;
    late = true;
    Column taken;
    taken.policy = column.policy;
    ARROW_RETURN_NOT_OK(Load(state, field_id, &taken));
    if (taken.codebook == nullptr) {
      // Whoever set the property is gone, and its codebook too: ours stands after all.
      taken.codebook = column.codebook;
      taken.proposal = column.proposal;
      taken.proposal->id = taken.next_id;
    }
    column = std::move(taken);
  }
  return late;
}

void CodebookShelf::Moved(const std::string& from, const std::string& to) {
  for (auto& [field_id, column] : columns_) {
    if (column.proposal && column.proposal->file == from) column.proposal->file = to;
  }
}

void CodebookShelf::Forget(const std::string& location) {
  std::erase_if(columns_, [&](const auto& column) {
    return column.second.proposal && column.second.proposal->file == location;
  });
}

}  // namespace tarn
