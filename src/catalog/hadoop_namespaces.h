// SPDX-License-Identifier: Apache-2.0
//
// HadoopNamespaces: the namespaces of a Hadoop catalog, which are folders of its warehouse that are
// no tables. A store has no empty folders, so an empty namespace is kept by a mark inside it, an
// empty object that other engines do not look at.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tarn/catalog.h"

namespace tarn {

/// Thread-safe.
class HadoopNamespaces {
 public:
  /// `warehouse` is a path in the store.
  HadoopNamespaces(std::shared_ptr<Store> store, std::string warehouse)
      : store_(std::move(store)), warehouse_(std::move(warehouse)) {}

  /// The namespace's folder; kNotFound when there is none.
  Result<std::string> Find(const Namespace& ns);
  Status Create(const Namespace& ns);
  /// kBadInput unless nothing but the mark is in it.
  Status Drop(const Namespace& ns);
  Result<std::vector<Namespace>> List(const Namespace& parent);

 private:
  Result<std::string> FolderOf(const Namespace& ns) const;
  Result<bool> IsTable(const std::string& folder);

  const std::shared_ptr<Store> store_;
  const std::string warehouse_;
};

}  // namespace tarn
