// SPDX-License-Identifier: Apache-2.0
//
// ModelWorld: where the table of a model test lives.
#pragma once

#include <filesystem>
#include <memory>

#include "store/fault_store.h"
#include "tarn/catalog.h"

namespace tarn {

/// A catalog of one kind over a store that can be made to fail; its files go with it.
class ModelWorld {
 public:
  enum class Kind {
    kMemory,    ///< HadoopCatalog over a MemoryStore
    kFolder,    ///< HadoopCatalog over a LocalStore
    kDatabase,  ///< SqlCatalog: an SQLite file, tables in a LocalStore
  };
  explicit ModelWorld(Kind kind);
  ~ModelWorld();
  ModelWorld(const ModelWorld&) = delete;
  ModelWorld& operator=(const ModelWorld&) = delete;

  const std::shared_ptr<FaultStore>& store() const { return store_; }
  /// A catalog that remembers nothing of earlier ones.
  std::shared_ptr<CatalogProvider> NewCatalog() const;

 private:
  const Kind kind_;
  std::filesystem::path folder_;
  std::shared_ptr<FaultStore> store_;
};

}  // namespace tarn
