// SPDX-License-Identifier: Apache-2.0
#include "tarn/status.h"

#include <memory>

namespace tarn {
namespace {

constexpr const char kDetailTypeId[] = "tarn::ErrorKind";

class KindDetail : public arrow::StatusDetail {
 public:
  explicit KindDetail(ErrorKind kind) : kind_(kind) {}
  const char* type_id() const override { return kDetailTypeId; }
  std::string ToString() const override { return std::string(ErrorKindName(kind_)); }
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

arrow::StatusCode CodeFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadInput:
      return arrow::StatusCode::Invalid;
    case ErrorKind::kNotFound:
      return arrow::StatusCode::KeyError;
    case ErrorKind::kAlreadyExists:
      return arrow::StatusCode::AlreadyExists;
    case ErrorKind::kCorrupt:
      return arrow::StatusCode::SerializationError;
    case ErrorKind::kNotSupported:
      return arrow::StatusCode::NotImplemented;
    case ErrorKind::kCancelled:
      return arrow::StatusCode::Cancelled;
    case ErrorKind::kIo:
    case ErrorKind::kCommitConflict:
    case ErrorKind::kCommitStateUnknown:
    case ErrorKind::kValidationFailed:
      return arrow::StatusCode::IOError;
  }
  return arrow::StatusCode::UnknownError;
}

}  // namespace

std::string_view ErrorKindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadInput:
      return "bad input";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kAlreadyExists:
      return "already exists";
    case ErrorKind::kCorrupt:
      return "corrupt data";
    case ErrorKind::kCommitConflict:
      return "commit conflict";
    case ErrorKind::kCommitStateUnknown:
      return "commit state unknown";
    case ErrorKind::kValidationFailed:
      return "validation failed";
    case ErrorKind::kNotSupported:
      return "not supported";
    case ErrorKind::kIo:
      return "input/output error";
    case ErrorKind::kCancelled:
      return "cancelled";
  }
  return "unknown error";
}

Status MakeStatus(ErrorKind kind, std::string message) {
  return Status(CodeFor(kind), std::move(message), std::make_shared<KindDetail>(kind));
}

std::optional<ErrorKind> KindOf(const Status& status) {
  if (status.ok()) return std::nullopt;
  if (const auto& detail = status.detail(); detail && detail->type_id() == kDetailTypeId) {
    return static_cast<const KindDetail&>(*detail).kind();
  }
  switch (status.code()) {
    case arrow::StatusCode::Invalid:
    case arrow::StatusCode::TypeError:
    case arrow::StatusCode::IndexError:
      return ErrorKind::kBadInput;
    case arrow::StatusCode::KeyError:
      return ErrorKind::kNotFound;
    case arrow::StatusCode::AlreadyExists:
      return ErrorKind::kAlreadyExists;
    case arrow::StatusCode::SerializationError:
      return ErrorKind::kCorrupt;
    case arrow::StatusCode::NotImplemented:
      return ErrorKind::kNotSupported;
    case arrow::StatusCode::Cancelled:
      return ErrorKind::kCancelled;
    default:
      return ErrorKind::kIo;
  }
}

Status WithContext(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  std::string message(context);
  message.append(": ").append(status.message());
  return Status(status.code(), std::move(message), status.detail());
}

}  // namespace tarn
