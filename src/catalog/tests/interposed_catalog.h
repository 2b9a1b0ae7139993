// SPDX-License-Identifier: Apache-2.0
//
// A catalog that lets a test do something between an attempt's plan and its swap.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"
#include "tarn/catalog.h"

namespace tarn {

class InterposedCatalog : public CatalogProvider {
 public:
  explicit InterposedCatalog(std::shared_ptr<CatalogProvider> catalog)
      : CatalogProvider(catalog->shared_store()), catalog_(std::move(catalog)) {}

  /// Is called once, before the next swap.
  void BeforeSwap(std::function<void()> action) { before_ = std::move(action); }
  /// While set, swaps fail with it instead.
  void Refuse(Status why) { refusal_ = std::move(why); }
  int swaps() const { return swaps_; }

  std::string warehouse() const override { return catalog_->warehouse(); }
  Result<TableState> LoadTable(const TableIdent& ident) override {
    return catalog_->LoadTable(ident);
  }
  Result<bool> TableExists(const TableIdent& ident) override {
    return catalog_->TableExists(ident);
  }
  Result<std::vector<TableIdent>> ListTables() override { return catalog_->ListTables(); }
  Result<TableState> CreateTable(const TableIdent& ident, const TableProperties& p) override {
    return catalog_->CreateTable(ident, p);
  }
  Result<TableState> CreateTable(const TableIdent& ident, const TableProperties& p,
                                 const iceberg::Schema& schema) override {
    return catalog_->CreateTable(ident, p, schema);
  }
  Status DropTable(const TableIdent& ident) override { return catalog_->DropTable(ident); }
  Result<TableState> CommitTable(const TableState& base,
                                 const std::vector<iceberg::TableRequirement>& requirements,
                                 const std::vector<iceberg::TableUpdate>& updates) override {
    ++swaps_;
    if (auto action = std::exchange(before_, nullptr)) action();
    ARROW_RETURN_NOT_OK(refusal_);
    return catalog_->CommitTable(base, requirements, updates);
  }

 private:
  std::shared_ptr<CatalogProvider> catalog_;
  std::function<void()> before_;
  Status refusal_;
  int swaps_ = 0;
};

}  // namespace tarn
