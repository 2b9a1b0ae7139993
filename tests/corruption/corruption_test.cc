// SPDX-License-Identifier: Apache-2.0
//
// One corruption for each structure of a table: `verify` finds every one and names the structure.
#include <algorithm>
#include <functional>

#include "format/section.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/ivf/ivf_layout.h"
#include "index/layout.h"
#include "tests/corruption/damaged_table.h"

namespace tarn {
namespace {

using testing::DamagedTable;

struct Corruption {
  const char* structure;
  std::function<void(DamagedTable&)> damage;
  std::vector<const char*> says;  ///< all of these, in one finding
};

std::vector<Corruption> MetadataCorruptions() {
  return {
      {"metadata: cut short", [](auto& t) { t.Cut(t.metadata_path, 200); }, {"metadata.json"}},
      {"metadata: current snapshot",
       [](auto& t) {
         t.Replace(t.metadata_path, "\"current-snapshot-id\":", "\"current-snapshot-id\":1");
       },
       {"metadata.json", "snapshot"}},
      {"metadata: last sequence number",
       [](auto& t) {
         t.Replace(t.metadata_path, "\"last-sequence-number\":1", "\"last-sequence-number\":0");
       },
       {"metadata.json", "sequence"}},
      {"metadata: last column id",
       [](auto& t) { t.Replace(t.metadata_path, "\"last-column-id\":4", "\"last-column-id\":2"); },
       {"metadata.json", "last-column-id"}},
      {"metadata: vector policy",
       [](auto& t) {
         t.Replace(t.metadata_path, "\"ailake.vector-dim\":\"8\"",
                   "\"ailake.vector-dim\":\"eight\"");
       },
       {"metadata.json", "dim"}},
      {"metadata: summary",
       [](auto& t) {
         t.Replace(t.metadata_path, "\"total-records\":\"3000\"", "\"total-records\":\"2999\"");
       },
       {"metadata.json", "total-records"}},
      {"version hint", [](auto& t) { t.Write(t.hint_path, "two"); }, {"version hint"}},
      {"manifest list: missing", [](auto& t) { t.Remove(t.list_path); }, {"manifest list"}},
      {"manifest list: cut short", [](auto& t) { t.Cut(t.list_path, 40); }, {"manifest list"}},
      {"manifest list: magic", [](auto& t) { t.Flip(t.list_path, 1); }, {"manifest list"}},
      {"manifest list: counts",
       [](auto& t) { t.EditLine([](auto& line) { line.added_files_count = 2; }); },
       {"manifest list", "added-files-count"}},
      {"manifest list: rows",
       [](auto& t) { t.EditLine([](auto& line) { line.added_rows_count = 7; }); },
       {"manifest list", "added-rows-count"}},
      {"manifest list: manifest length",
       [](auto& t) { t.EditLine([](auto& line) { line.manifest_length += 5; }); },
       {"manifest", "size in the store"}},
      {"manifest: missing", [](auto& t) { t.Remove(t.manifest_path); }, {"manifest"}},
      {"manifest: cut short", [](auto& t) { t.Cut(t.manifest_path, 30); }, {"manifest"}},
      {"manifest: sync marker",
       [](auto& t) { t.Flip(t.manifest_path, t.Read(t.manifest_path).size() - 4); },
       {"manifest"}},
      {"manifest entry: rows",
       [](auto& t) { t.EditEntry([](auto& file) { file.record_count = 2999; }); },
       {"3000 rows", "2999"}},
      {"manifest entry: file size",
       [](auto& t) { t.EditEntry([](auto& file) { file.file_size_in_bytes -= 1; }); },
       {"bytes", "manifest says"}},
      {"manifest entry: lower bound",
       [](auto& t) { t.EditEntry([](auto& file) { file.lower_bounds.begin()->second[0] = 9; }); },
       {"lower bounds"}},
      {"manifest entry: upper bound",
       [](auto& t) { t.EditEntry([](auto& file) { file.upper_bounds.begin()->second[0] = 9; }); },
       {"upper bounds"}},
      {"manifest entry: null counts",
       [](auto& t) { t.EditEntry([](auto& file) { file.null_value_counts.begin()->second = 4; }); },
       {"null value counts"}},
      {"manifest entry: split offsets",
       [](auto& t) { t.EditEntry([](auto& file) { file.split_offsets[0] += 1; }); },
       {"split offsets"}},
  };
}

/// A flipped bit somewhere in the data file.
Corruption Flip(const char* structure, std::function<size_t(DamagedTable&)> at,
                std::vector<const char*> says) {
  return {structure, [at](DamagedTable& t) { t.Flip(t.data_path, at(t)); }, std::move(says)};
}

std::vector<Corruption> FileCorruptions() {
  return {
      {"data file: missing", [](auto& t) { t.Remove(t.data_path); }, {"data file"}},
      {"data file: cut short", [](auto& t) { t.Cut(t.data_path, 10); }, {"data file has"}},
      Flip("data file: first magic", [](auto&) { return 1; }, {".parquet"}),
      Flip("data file: last magic", [](auto& t) { return t.DataSize() - 2; }, {".parquet"}),
      Flip("data file: footer length", [](auto& t) { return t.DataSize() - 7; }, {".parquet"}),
      Flip("Parquet footer", [](auto& t) { return t.FooterAt() + 40; }, {"footer"}),
      Flip("Parquet page of ids", [](auto& t) { return t.PageAt(0); }, {"page"}),
      Flip("Parquet page of words", [](auto& t) { return t.PageAt(1); }, {"page"}),
      Flip("Parquet page of floats", [](auto& t) { return t.PageAt(2); }, {"page"}),
      Flip("Parquet offset index", [](auto& t) { return t.OffsetIndexAt(2); }, {"page indexes"}),
      Flip("page map: header", [](auto& t) { return t.SectionAt(true) + 1; }, {"page map"}),
      Flip("page map: pages", [](auto& t) { return t.ChunkAt(format::kPageTable, true); },
           {"page map"}),
      Flip("page map: null rows", [](auto& t) { return t.ChunkAt(format::kRowBitmap, true); },
           {"page map"}),
      Flip("page map: trailer", [](auto& t) { return t.SectionEnd(true) - 20; }, {"page map"}),
      Flip("vector section: header", [](auto& t) { return t.SectionAt(false) + 8; }, {"section"}),
      Flip("vector section: chunk table", [](auto& t) { return t.SectionAt(false) + 70; },
           {"section"}),
      Flip("vector section: trailer", [](auto& t) { return t.SectionEnd(false) - 10; },
           {"section"}),
      Flip("vector section: block checksums",
           [](auto& t) { return t.ChunkAt(format::kBlockChecksums); }, {"checksum"}),
      Flip("index: parameters", [](auto& t) { return t.ChunkAt(index::kParamsChunk); },
           {"section"}),
      Flip("index: mean", [](auto& t) { return t.ChunkAt(index::kMeanChunk); }, {"section"}),
      Flip("index: links", [](auto& t) { return t.ChunkAt(index::kLinksChunk); }, {"section"}),
      Flip("index: codes", [](auto& t) { return t.ChunkAt(index::kCodesChunk); }, {"section"}),
      Flip("index: factors", [](auto& t) { return t.ChunkAt(index::kFactorsChunk); }, {"section"}),
      Flip("index: node rows", [](auto& t) { return t.ChunkAt(index::kNodeRowsChunk); },
           {"section"}),
  };
}

std::vector<Corruption> Corruptions() {
  auto all = MetadataCorruptions();
  for (auto& corruption : FileCorruptions()) all.push_back(std::move(corruption));
  return all;
}

/// What inverted lists have and a graph has not.
std::vector<Corruption> InvertedListCorruptions() {
  std::vector<Corruption> all;
  for (const auto& [structure, kind] :
       {std::pair{"inverted lists: parameters", index::kIvfParamsChunk},
        std::pair{"codebook: parameters", index::kCodebookChunk},
        std::pair{"codebook: mean", index::kCodebookMeanChunk},
        std::pair{"codebook: centroids", index::kCentroidsChunk},
        std::pair{"codebook: list factors", index::kListFactorsChunk},
        std::pair{"codebook: product quantiser", index::kPqCentroidsChunk},
        std::pair{"inverted lists: offsets", index::kListsChunk},
        std::pair{"inverted lists: blocks", index::kBlocksChunk}}) {
    all.push_back(Flip(structure, [kind = kind](auto& t) { return t.ChunkAt(kind); }, {"section"}));
  }
  return all;
}

TEST(Verify, ASoundTableHasNoFindings) {
  for (const IndexType type : {IndexType::kHnsw, IndexType::kFlat, IndexType::kIvfPq}) {
    const auto findings = DamagedTable(type).Verify();
    ASSERT_THAT(findings, ::testing::IsEmpty()) << findings[0].path << ": " << findings[0].message;
  }
}

void ExpectNamed(const std::vector<Corruption>& corruptions, IndexType index) {
  for (const auto& corruption : corruptions) {
    SCOPED_TRACE(corruption.structure);
    DamagedTable table(index);
    corruption.damage(table);
    std::string all;
    bool named = false;
    for (const auto& finding : table.Verify()) {
      const std::string line = finding.path + ": " + finding.message;
      all += line + "\n";
      named |= std::all_of(corruption.says.begin(), corruption.says.end(),
                           [&](const char* text) { return line.find(text) != std::string::npos; });
    }
    EXPECT_TRUE(named) << "found instead:\n" << all;
  }
}

TEST(Verify, NamesEachCorruptedStructure) {
  ASSERT_GE(Corruptions().size(), 30u);
  ExpectNamed(Corruptions(), IndexType::kHnsw);
}

TEST(Verify, NamesEachCorruptedStructureOfInvertedLists) {
  ExpectNamed(InvertedListCorruptions(), IndexType::kIvfPq);
}

}  // namespace
}  // namespace tarn
