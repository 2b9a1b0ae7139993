// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/insert_target.h"

#include "iceberg/table_metadata.h"
#include "table/current_properties.h"
#include "table/writer/table_opening.h"

namespace tarn {

Result<std::shared_ptr<const InsertTarget>> InsertTarget::Of(const TableState& state) {
  ARROW_RETURN_NOT_OK(CheckWritable(state));
  auto target = std::make_shared<InsertTarget>();
  target->schema = state.metadata->CurrentSchema();
  target->of_table = !target->schema.fields.empty();
  ARROW_ASSIGN_OR_RAISE(const auto properties, CurrentProperties(*state.metadata));
  target->policies = properties.vectors;
  ARROW_ASSIGN_OR_RAISE(target->ledger, BatchLedger::Of(state.metadata->properties));
  return target;
}

}  // namespace tarn
