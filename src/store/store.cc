// SPDX-License-Identifier: Apache-2.0
#include "tarn/store.h"

#include "base/bytes.h"
#include "store/log_folder.h"

namespace tarn {

Result<bool> Store::Exists(std::string_view path) {
  const auto info = Stat(path);
  if (info.ok()) return true;
  if (IsKind(info.status(), ErrorKind::kNotFound)) return false;
  return info.status();
}

Status Store::Put(std::string_view path, std::span<const std::byte> bytes, PutMode mode) {
  ARROW_ASSIGN_OR_RAISE(const auto writer, OpenWriter(path, mode));
  ARROW_RETURN_NOT_OK(writer->Append(bytes));
  return writer->Commit();
}

Status Store::Put(std::string_view path, std::string_view text, PutMode mode) {
  return Put(path, AsBytes(text), mode);
}

Status Store::PutUnsynced(std::string_view path, std::string_view text, PutMode mode) {
  ARROW_ASSIGN_OR_RAISE(const auto writer, OpenUnsyncedWriter(path, mode));
  ARROW_RETURN_NOT_OK(writer->Append(AsBytes(text)));
  return writer->Commit();
}

Result<std::shared_ptr<LogFolder>> Store::OpenLogFolder(std::string_view path) {
  return Error(ErrorKind::kNotSupported, "the store of ", UriOf(path),
               " has no files that grow piece by piece; keep the log in a folder of a local disk");
}

}  // namespace tarn
