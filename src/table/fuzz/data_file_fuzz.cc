// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a data file: opened, verified, read and searched, they are refused or harmless. The
// footer's checksum is made right first, so that what lies behind it is reached.
#include <memory>
#include <vector>

#include "arrow/table.h"
#include "format/parquet_footer.h"
#include "table/file/file_reader.h"

namespace {

std::vector<std::byte> WithSealedFooter(std::span<const std::byte> file) {
  using namespace tarn::format;
  std::vector<std::byte> out(file.begin(), file.end());
  const auto place = FindFooter(file, file.size());
  if (!place.ok()) return out;
  const auto sealed = SealFooter(file.subspan(place->offset, place->length), {});
  if (!sealed.ok()) return out;
  out.resize(place->offset);
  const auto tail = FooterTail(*sealed);
  out.insert(out.end(), tail.begin(), tail.end());
  return out;
}

void Search(const tarn::FileReader& reader, const tarn::VectorStoragePolicy& policy) {
  const auto column = reader.OpenVectorColumn(policy);
  if (!column.ok()) return;
  (void)(*column)->rows_without_vector();
  const std::vector<float> query(static_cast<size_t>(policy.dim), 0.5f);
  tarn::index::ExactScan scan(policy.metric, (*column)->block_precision(),
                              static_cast<uint32_t>(policy.dim), query.data(), 5, nullptr);
  (void)(*column)->ForEachBlock([&](const tarn::index::ExactBlock& block) {
    scan.Add(block);
    return tarn::Status::OK();
  });
  (void)scan.Finish();
  const auto index = (*column)->index();
  const auto source = (*column)->NewRowSource();
  if (!index.ok() || *index == nullptr || !source.ok()) return;
  tarn::index::SearchScratch scratch;
  (void)(*index)->Search(query.data(), {.k = 5, .source = source->get()}, scratch);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto store = tarn::MemoryStore::Make();
  const auto bytes = WithSealedFooter(std::as_bytes(std::span(data, size)));
  if (!store->Put("f", bytes).ok()) return 0;
  const auto reader = tarn::AilakeFileReader::Open(store, "f");
  if (!reader.ok()) return 0;
  (void)(*reader)->Verify();
  // A footer may promise billions of rows in few bytes (a run of one value): not for reading.
  if ((*reader)->rows() <= 100000) (void)(*reader)->ReadAll({});
  const std::vector<uint32_t> rows{0, 3, 1, static_cast<uint32_t>((*reader)->rows() - 1)};
  (void)(*reader)->ReadRows(rows, {});
  for (const auto& column : (*reader)->vector_columns()) {
    Search(tarn::FileReader::Of(**reader), column.policy);
  }
  return 0;
}
