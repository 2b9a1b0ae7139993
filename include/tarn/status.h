// SPDX-License-Identifier: Apache-2.0
//
// Errors. Every fallible call of Tarn returns arrow::Status or arrow::Result; a Tarn status also
// carries an ErrorKind, so that a caller can tell a lost race from a broken disk without parsing
// the message. The message always names the file, row or field and, where there is one, the remedy.
#pragma once

#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/result.h"
#include "arrow/status.h"

namespace tarn {

using arrow::Result;
using arrow::Status;

enum class ErrorKind {
  kBadInput,            ///< the caller's data or arguments are unusable; nothing was changed
  kNotFound,            ///< a table, file, column or snapshot does not exist
  kAlreadyExists,       ///< something of that name exists, and stays as it is
  kCorrupt,             ///< stored bytes are not what they must be
  kCommitConflict,      ///< another commit won; the attempt left no trace and may be retried
  kCommitStateUnknown,  ///< the commit may or may not have happened: nothing may be deleted
  kValidationFailed,    ///< a requirement of the commit no longer holds; a retry cannot help
  kNotSupported,        ///< valid, but outside what this version reads or writes
  kIo,                  ///< the storage failed (disk full, read-only, permission, network)
  kCancelled,           ///< the caller asked to stop
};

/// The kind's name as it is printed, e.g. "commit conflict".
std::string_view ErrorKindName(ErrorKind kind);

/// A failed status of the given kind. The Arrow code that fits the kind best is chosen.
Status MakeStatus(ErrorKind kind, std::string message);

/// The parts are joined as text: Error(ErrorKind::kNotFound, "no table ", ident).
template <typename... Parts>
Status Error(ErrorKind kind, Parts&&... parts) {
  std::ostringstream text;
  (text << ... << std::forward<Parts>(parts));
  return MakeStatus(kind, std::move(text).str());
}

/// The kind of a failed status. Statuses from Arrow itself are mapped by their code; nullopt for
/// OK.
std::optional<ErrorKind> KindOf(const Status& status);

inline bool IsKind(const Status& status, ErrorKind kind) { return KindOf(status) == kind; }

/// The same error with "context: " put before its message; kind and code are kept.
Status WithContext(const Status& status, std::string_view context);

}  // namespace tarn
