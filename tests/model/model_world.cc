// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_world.h"

#include "base/random_id.h"
#include "tarn/sql_catalog.h"
#include "tarn/store.h"

namespace tarn {

ModelWorld::ModelWorld(Kind kind) : kind_(kind) {
  std::shared_ptr<Store> base = MemoryStore::Make();
  if (kind != Kind::kMemory) {
    folder_ = std::filesystem::temp_directory_path() / ("tarn-model-" + NewUuid4());
    std::filesystem::create_directories(folder_);
    LocalStore::Options options;
    options.durable = false;
    auto root = folder_;
    if (kind == Kind::kDatabase) {
      // As OpenCatalog does: tables are named by their whole path.
      root = "/";
      options.prune_below = (folder_ / "lake").string();
      options.lock_folder = (folder_ / ".tarn-locks").string();
    }
    base = LocalStore::Make(root, options).ValueOrDie();
  }
  store_ = FaultStore::Make(std::move(base));
}

ModelWorld::~ModelWorld() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::shared_ptr<CatalogProvider> ModelWorld::NewCatalog() const {
  if (kind_ != Kind::kDatabase) return HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
  SqlCatalogOptions options;
  options.database = (folder_ / "catalog.db").string();
  options.create = true;
  options.name = "model";
  options.warehouse = "file://" + (folder_ / "lake").string();
  options.durable = false;
  return SqlCatalog::Make(store_, options).ValueOrDie();
}

}  // namespace tarn
