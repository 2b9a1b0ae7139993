// SPDX-License-Identifier: Apache-2.0
//
// Avro object container files: a header of named texts, then blocks of records. Written with
// deflate (or uncompressed); deflate, zstd, snappy and uncompressed files are read. (Debian's
// libavro drops field ids and header keys, and so cannot write what Iceberg needs.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "iceberg/avro_codec.h"
#include "iceberg/avro_type.h"

namespace tarn::iceberg {

class AvroFileReader {
 public:
  /// Reads the header. The bytes must outlive the reader. kCorrupt names the file and the fault;
  /// kNotSupported for other codecs.
  static Result<AvroFileReader> Open(std::span<const std::byte> bytes, std::string_view name);

  const AvroType& schema() const { return *schema_; }
  /// The header's text of that key, or nullptr.
  const std::string* Header(const std::string& key) const;

  /// Calls `read` for each record, which must consume it. Stops at the first error.
  Status ForEach(const std::function<Status(AvroDecoder&)>& read) const;

 private:
  std::string name_;
  std::map<std::string, std::string> header_;
  std::shared_ptr<const AvroType> schema_;
  std::string codec_;
  std::string sync_;
  std::span<const std::byte> blocks_;
};

enum class AvroCodec { kNull, kDeflate };

class AvroFileWriter {
 public:
  /// `header` is written in this order, after "avro.schema" and "avro.codec".
  AvroFileWriter(std::string_view schema_json,
                 const std::vector<std::pair<std::string, std::string>>& header,
                 AvroCodec codec = AvroCodec::kDeflate);

  /// Encode one record here, then call EndRecord.
  AvroEncoder& encoder() { return encoder_; }
  void EndRecord();
  /// The whole file. kIo when compression fails.
  Result<std::string> Finish();

 private:
  void FlushBlock();

  std::string file_;
  std::string sync_;
  AvroCodec codec_;
  AvroEncoder encoder_;
  int64_t records_ = 0;
  Status status_;
};

}  // namespace tarn::iceberg
