// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_ids.h"

#include <utility>

#include "arrow/api.h"
#include "arrow/compute/cast.h"
#include "arrow/util/byte_size.h"

namespace tarn::cli {
namespace {

/// Of a batch that is not complete yet.
constexpr int64_t kMostOpenBytes = int64_t{256} << 20;

}  // namespace

Status BatchIds::Add(const std::shared_ptr<arrow::RecordBatch>& rows, int64_t first, int64_t step,
                     std::vector<IdBatch>* complete) {
  const int column = rows->schema()->GetFieldIndex(field_);
  if (column < 0) {
    return Error(ErrorKind::kBadInput, "there is no field '", field_, "' with the batch's id");
  }
  const auto cast = arrow::compute::Cast(*rows->column(column), arrow::utf8());
  if (!cast.ok()) {
    return Error(ErrorKind::kBadInput, "the batch's id, field '", field_, "', is ",
                 rows->column(column)->type()->ToString(), ": texts and numbers can be ids");
  }
  const auto& ids = static_cast<const arrow::StringArray&>(**cast);
  for (int64_t i = 0; i < ids.length(); ++i) {
    if (ids.IsNull(i) || ids.GetView(i).empty()) {
      return Error(ErrorKind::kBadInput, "row ", i, " has no batch id in its field '", field_, "'");
    }
  }
  auto kept = rows;
  if (drop_) {
    ARROW_ASSIGN_OR_RAISE(kept, rows->RemoveColumn(column));
  }
  for (int64_t begin = 0; begin < ids.length();) {
    int64_t end = begin + 1;
    while (end < ids.length() && ids.GetView(end) == ids.GetView(begin)) ++end;
    AddRun(ids.GetString(begin), kept->Slice(begin, end - begin), first + step * begin, complete);
    begin = end;
  }
  return Status::OK();
}

void BatchIds::AddRun(std::string id, std::shared_ptr<arrow::RecordBatch> rows, int64_t first,
                      std::vector<IdBatch>* complete) {
  if (open_ && open_->id && *open_->id != id) {
    const Status spoilt = open_->ends_bad ? open_->bad : Status::OK();
    Emit(/*more=*/true, complete);
    open_.emplace();
    open_->bad = spoilt;
    open_->first = first;
  }
  if (!open_) {
    open_.emplace();
    open_->first = first;
    open_->goes_on = emitted_ == 0 && last_ == id;
  }
  open_->id = std::move(id);
  open_->count += rows->num_rows();
  open_->ends_bad = false;
  open_->bytes += arrow::util::ReferencedBufferSize(*rows).ValueOr(0);
  if (open_->bytes > kMostOpenBytes && open_->bad.ok()) {
    open_->bad = Error(ErrorKind::kBadInput, "the batch '", *open_->id, "' is longer than ",
                       kMostOpenBytes >> 20, " MiB: make smaller ones");
  }
  if (!open_->bad.ok()) {
    open_->parts.clear();
  } else {
    open_->parts.push_back(std::move(rows));
  }
}

void BatchIds::AddBad(const Status& why, int64_t first, int64_t count) {
  if (!open_) {
    open_.emplace();
    open_->first = first;
  }
  if (open_->bad.ok()) open_->bad = why;
  open_->parts.clear();
  open_->count += count;
  open_->ends_bad = true;
}

void BatchIds::Emit(bool more, std::vector<IdBatch>* complete) {
  ++emitted_;
  if (open_->goes_on && (more || last_was_split_) && open_->bad.ok()) {
    open_->bad = Error(ErrorKind::kBadInput, "rows of the batch '", *open_->id,
                       "' lie on both sides of a boundary: the first of them were taken for all");
  }
  IdBatch batch;
  batch.id = open_->id.value_or("");
  batch.first = open_->first;
  batch.count = open_->count;
  batch.bad = open_->bad;
  if (batch.bad.ok()) {
    auto joined =
        open_->parts.size() == 1 ? open_->parts[0] : arrow::ConcatenateRecordBatches(open_->parts);
    if (joined.ok()) {
      batch.rows = *std::move(joined);
    } else {
      batch.bad = Error(ErrorKind::kBadInput, "the table's columns changed within the batch '",
                        batch.id, "': send it again");
    }
  }
  last_ = std::exchange(open_->id, std::nullopt);
  complete->push_back(std::move(batch));
  open_.reset();
}

void BatchIds::Close(std::vector<IdBatch>* complete) {
  if (open_) Emit(/*more=*/emitted_ > 0, complete);
  last_was_split_ = emitted_ > 1;
  emitted_ = 0;
}

}  // namespace tarn::cli
