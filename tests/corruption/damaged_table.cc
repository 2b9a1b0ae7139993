// SPDX-License-Identifier: Apache-2.0
#include "tests/corruption/damaged_table.h"

#include <algorithm>

#include "arrow/api.h"
#include "gtest/gtest.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "parquet/metadata.h"
#include "tarn/read_view.h"
#include "tarn/table_writer.h"
#include "tests/support/sample_rows.h"

namespace tarn::testing {
namespace {

const TableIdent kTable{{"db"}, "t"};
constexpr int64_t kRows = 3000;
constexpr char kColumn[] = "embedding";

}  // namespace

DamagedTable::DamagedTable(IndexType index) {
  std::shared_ptr<CatalogProvider> catalog = HadoopCatalog::Make(store, "warehouse").ValueOrDie();
  auto writer =
      TableWriter::CreateOrOpen(catalog, kTable, SampleProperties(), {.index = index}).ValueOrDie();
  auto vectors = SampleVectors(0, kRows);
  std::copy_n(vectors.begin(), kSampleDim, vectors.begin() + kSampleDim);
  std::vector<int64_t> rows(kRows);
  for (int64_t i = 0; i < kRows; ++i) rows[static_cast<size_t>(i)] = i + 1 < kRows ? i : -1;
  const auto view = EmbeddingsView::FromSpan(vectors, kSampleDim).ValueOrDie().Take(rows);
  EXPECT_TRUE(writer->WriteBatch(*SampleBatch(0, kRows), view).ok());
  EXPECT_TRUE(writer->Commit().ok());
  const auto state = catalog->LoadTable(kTable).ValueOrDie();
  snapshot_ = *state.metadata->CurrentSnapshot();
  line_ = iceberg::ReadManifestList(*store, snapshot_).ValueOrDie()[0];
  metadata_path = state.metadata_path;
  hint_path = "warehouse/db/t/metadata/version-hint.text";
  list_path = store->PathOf(snapshot_.manifest_list).ValueOrDie();
  manifest_path = store->PathOf(line_.manifest_path).ValueOrDie();
  data_path = ReadView::Open(catalog, kTable).ValueOrDie()->files()[0].path;
}

std::string DamagedTable::Read(const std::string& path) const {
  return std::string(store->Read(path).ValueOrDie()->text());
}

void DamagedTable::Write(const std::string& path, std::string_view bytes) {
  ASSERT_TRUE(store->Put(path, bytes).ok());
}

void DamagedTable::Remove(const std::string& path) { ASSERT_TRUE(store->Delete(path).ok()); }

void DamagedTable::Flip(const std::string& path, size_t at) {
  std::string bytes = Read(path);
  ASSERT_LT(at, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
  Write(path, bytes);
}

void DamagedTable::Cut(const std::string& path, size_t bytes) {
  const std::string whole = Read(path);
  Write(path, whole.substr(0, whole.size() - bytes));
}

void DamagedTable::Replace(const std::string& path, const std::string& from,
                           const std::string& to) {
  std::string bytes = Read(path);
  const size_t at = bytes.find(from);
  ASSERT_NE(at, std::string::npos) << from << " is not in\n" << bytes;
  Write(path, bytes.replace(at, from.size(), to));
}

void DamagedTable::EditEntry(const std::function<void(iceberg::DataFile&)>& edit) {
  auto manifest = iceberg::ReadManifest(*store, line_).ValueOrDie();
  edit(manifest.entries[0].data_file);
  const auto written = iceberg::WriteManifest(*store, manifest_path + ".edited", manifest,
                                              snapshot_.snapshot_id, snapshot_.sequence_number);
  ASSERT_TRUE(written.ok()) << written.status();
  Write(manifest_path, Read(manifest_path + ".edited"));
  EditLine([&](iceberg::ManifestFile& line) {
    line.manifest_length = written->manifest_length;
    line.added_rows_count = written->added_rows_count;
  });
}

void DamagedTable::EditLine(const std::function<void(iceberg::ManifestFile&)>& edit) {
  edit(line_);
  iceberg::ManifestListHeader header;
  header.snapshot_id = snapshot_.snapshot_id;
  header.sequence_number = snapshot_.sequence_number;
  const auto bytes = iceberg::ManifestListToAvro(header, {line_});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  Write(list_path, *bytes);
}

std::shared_ptr<const OpenedFile> DamagedTable::Open() const {
  return OpenFile(*store, data_path).ValueOrDie();
}

size_t DamagedTable::ChunkAt(uint32_t kind, bool page_map) const {
  const auto file = Open();
  const auto* column = file->Find(kColumn);
  const auto* chunk = (page_map ? column->map_section : *column->index).Find(kind);
  if (chunk == nullptr) {
    ADD_FAILURE() << "the section has no chunk of kind " << kind;
    return 0;
  }
  return static_cast<size_t>(chunk->bytes.data() - file->bytes->bytes().data()) +
         chunk->bytes.size() / 2;
}

size_t DamagedTable::SectionAt(bool page_map) const {
  const auto file = Open();
  const auto* column = file->Find(kColumn);
  return (page_map ? column->map_section : *column->index).offset();
}

size_t DamagedTable::SectionEnd(bool page_map) const {
  const auto file = Open();
  const auto* column = file->Find(kColumn);
  const auto& section = page_map ? column->map_section : *column->index;
  return section.offset() + section.size();
}

size_t DamagedTable::PageAt(int column) const {
  const auto file = Open();
  const auto group = file->metadata->RowGroup(0);
  const auto chunk = group->ColumnChunk(column);
  return static_cast<size_t>(chunk->data_page_offset()) +
         static_cast<size_t>(chunk->total_compressed_size()) / 2;
}

size_t DamagedTable::OffsetIndexAt(int column) const {
  const auto file = Open();
  const auto group = file->metadata->RowGroup(0);
  return static_cast<size_t>(group->ColumnChunk(column)->GetOffsetIndexLocation()->offset) + 3;
}

size_t DamagedTable::FooterAt() const { return Open()->footer_offset; }

std::vector<Finding> DamagedTable::Verify() const {
  auto report = VerifyTable(HadoopCatalog::Make(store, "warehouse").ValueOrDie(), kTable, 1);
  if (!report.ok()) return {{"", report.status().message()}};
  return report->findings;
}

}  // namespace tarn::testing
