// SPDX-License-Identifier: Apache-2.0
//
// The log folders of a FaultStore: they do what the script says, and remember what a power loss
// would take.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "store/fault_store.h"
#include "store/log_folder.h"

namespace tarn {

/// One folder's files and names that are not durable yet. Thread-safe.
class FaultLogFolder : public LogFolder {
 public:
  /// Counts an operation; returns the fault that befalls it.
  using Script = std::function<std::optional<Fault>(StoreOp, std::string_view path)>;

  static std::shared_ptr<FaultLogFolder> Make(std::shared_ptr<LogFolder> base, Script script);

  /// Takes back what was not synced: of the 512-byte sectors that were written all but a share, of
  /// the changes of names all but the first few, both drawn by the fault's seed.
  virtual void LosePower(const Fault& fault) = 0;
};

/// Whether the fault keeps the operation from happening.
bool Prevents(const std::optional<Fault>& fault);
/// The error that an operation ends in.
Status Injected(const Fault& fault, std::string_view doing, std::string_view path);

}  // namespace tarn
