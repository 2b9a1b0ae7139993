// SPDX-License-Identifier: Apache-2.0
#include "store/store_path.h"

namespace tarn {

bool IsReservedName(std::string_view name) {
  return name.substr(0, kTempPrefix.size()) == kTempPrefix || name == kLockFolder;
}

Status CheckStorePath(std::string_view path) {
  if (path.empty()) return Error(ErrorKind::kBadInput, "a store path must not be empty");
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t slash = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, slash - begin);
    const char* wrong = nullptr;
    if (segment.empty()) {
      wrong = "has an empty segment";
    } else if (segment == "." || segment == "..") {
      wrong = "leaves its folder";
    } else if (segment.find('\0') != std::string_view::npos) {
      wrong = "holds a NUL byte";
    } else if (IsReservedName(segment)) {
      wrong = "uses a name reserved for the store";
    }
    if (wrong != nullptr) {
      return Error(ErrorKind::kBadInput, "store path '", path, "' ", wrong,
                   "; give a relative path of plain names separated by '/'");
    }
    begin = slash + 1;
  }
  return Status::OK();
}

Result<std::string_view> CheckStoreFolder(std::string_view folder) {
  if (!folder.empty() && folder.back() == '/') folder.remove_suffix(1);
  if (!folder.empty()) ARROW_RETURN_NOT_OK(CheckStorePath(folder));
  return folder;
}

}  // namespace tarn
