// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/progress.h"
#include "tarn/table_info.h"

namespace tarn::cli {

void AddVerify(CLI::App& app, Session& session) {
  struct Options {
    std::string table;
    int threads = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("verify", "Check every byte of a table");
  command->add_option("table", options->table, "namespace.table")->required();
  command->add_option("--threads", options->threads,
                      "Files checked at once (0: one for each processor)");
  command->footer(
      "Reads everything that the newest metadata reaches, all snapshots included, and checks every "
      "checksum and\n"
      "every cross-reference. Each finding names the file and the structure; exit code 1 if there "
      "is any.");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options->table));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      ARROW_ASSIGN_OR_RAISE(auto report, VerifyTable(catalog, ident, options->threads));
      for (const auto& finding : report.findings) {
        // Paths of the store, but for locations outside it.
        const bool is_location = finding.path.find(':') != std::string::npos;
        session.out() << (is_location ? finding.path : catalog->store().UriOf(finding.path)) << ": "
                      << finding.message << '\n';
      }
      if (!report.findings.empty()) {
        return Error(ErrorKind::kCorrupt, ident.ToString(), ": ", report.findings.size(),
                     " findings");
      }
      session.out() << ident.ToString() << " is sound: " << report.metadata_files
                    << " metadata files, " << report.data_files << " data files, "
                    << (report.delete_files > 0
                            ? std::to_string(report.delete_files) + " delete files, "
                            : "")
                    << WithThousands(report.rows) << " rows, " << HumanBytes(report.bytes) << '\n';
      return Status::OK();
    };
  });
}

}  // namespace tarn::cli
