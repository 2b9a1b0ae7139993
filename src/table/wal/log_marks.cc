// SPDX-License-Identifier: Apache-2.0
#include "table/wal/log_marks.h"

#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace tarn {
namespace {

// A file is one sector, a word the beginning of it: {magic, three numbers, crc32c}.
constexpr uint64_t kFileBytes = 512;
constexpr size_t kWordBytes = 36;
constexpr uint64_t kWatermarkMagic = 0x314d'5741'574e'5254;  // "TRNWAWM1"
constexpr uint64_t kOwnerMagic = 0x314e'5741'574e'5254;      // "TRNWAWN1"
// A reader may meet a word half written; the writer needs no longer than a copy takes.
constexpr int kMostReads = 100;

using Numbers = std::array<uint64_t, 3>;

Status WriteWord(LogFile& file, uint64_t magic, const Numbers& numbers) {
  std::vector<std::byte> word;
  AppendLe(word, magic);
  for (const uint64_t number : numbers) AppendLe(word, number);
  AppendLe(word, Crc32c(word));
  return file.Write(0, word);
}

Result<std::optional<Numbers>> ReadWord(LogFile& file, uint64_t magic) {
  std::array<std::byte, kWordBytes> word;
  for (int reads = 0; reads < kMostReads; ++reads) {
    ARROW_ASSIGN_OR_RAISE(const size_t n, file.Read(0, word));
    if (n < word.size()) return std::nullopt;
    ByteReader reader(word);
    if (reader.Read<uint64_t>() != magic) return std::nullopt;
    Numbers numbers;
    for (uint64_t& number : numbers) number = reader.Read<uint64_t>();
    if (reader.Read<uint32_t>() == Crc32c(std::span(word).first(kWordBytes - 4))) return numbers;
  }
  return std::nullopt;
}

template <typename Mark, typename Read>
Result<std::optional<Mark>> ReadIn(LogFolder& folder, std::string_view name, Read read) {
  const auto file = MarkFile::OpenToRead(folder, name);
  if (file.ok()) return read(**file);
  if (IsKind(file.status(), ErrorKind::kNotFound)) return std::nullopt;
  return file.status();
}

}  // namespace

Result<std::unique_ptr<MarkFile>> MarkFile::OpenOrCreate(LogFolder& folder, std::string_view name) {
  auto file = folder.OpenToWrite(name);
  if (file.ok() && (*file)->size() < kFileBytes) {
    // A crash while it was made.
    ARROW_RETURN_NOT_OK(folder.Delete(name));
    file = folder.Create(name, kFileBytes);
  }
  if (IsKind(file.status(), ErrorKind::kNotFound)) file = folder.Create(name, kFileBytes);
  ARROW_RETURN_NOT_OK(file.status());
  return std::unique_ptr<MarkFile>(new MarkFile(std::move(file).ValueUnsafe()));
}

Result<std::unique_ptr<MarkFile>> MarkFile::OpenToRead(LogFolder& folder, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(auto file, folder.OpenToRead(name));
  return std::unique_ptr<MarkFile>(new MarkFile(std::move(file)));
}

Status MarkFile::Write(const Watermark& mark) {
  return WriteWord(*file_, kWatermarkMagic, {mark.epoch, mark.acknowledged, mark.durable});
}

Status MarkFile::Write(const LogOwner& owner) {
  return WriteWord(*file_, kOwnerMagic, {owner.epoch, owner.token, 0});
}

Result<std::optional<Watermark>> MarkFile::ReadWatermark() {
  ARROW_ASSIGN_OR_RAISE(const auto numbers, ReadWord(*file_, kWatermarkMagic));
  if (!numbers) return std::nullopt;
  return Watermark{(*numbers)[0], (*numbers)[1], (*numbers)[2]};
}

Result<std::optional<LogOwner>> MarkFile::ReadOwner() {
  ARROW_ASSIGN_OR_RAISE(const auto numbers, ReadWord(*file_, kOwnerMagic));
  if (!numbers) return std::nullopt;
  return LogOwner{(*numbers)[0], (*numbers)[1]};
}

Result<std::optional<Watermark>> ReadWatermark(LogFolder& folder) {
  return ReadIn<Watermark>(folder, kWatermarkName, [](MarkFile& f) { return f.ReadWatermark(); });
}

Result<std::optional<LogOwner>> ReadOwner(LogFolder& folder) {
  return ReadIn<LogOwner>(folder, kOwnerName, [](MarkFile& f) { return f.ReadOwner(); });
}

}  // namespace tarn
