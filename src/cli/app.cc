// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"

#include <CLI/CLI.hpp>

namespace tarn::cli {

Result<std::shared_ptr<CatalogProvider>> Session::OpenCatalog(bool create) const {
  auto opened = tarn::OpenCatalog(catalog, {.create = create, .durable = sync});
  if (!IsKind(opened.status(), ErrorKind::kNotFound)) return opened;
  return Error(
      ErrorKind::kNotFound, opened.status().message(),
      "; name another catalog with -C, or make tables with `tarn create` or `tarn ingest`");
}

int Run(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  Session session(out, err);
  CLI::App app{
      "Tarn keeps rows and their embeddings in Apache Iceberg tables of ordinary Parquet files, "
      "with the "
      "vector index inside each file.\nOther engines read the tables as they are.",
      "tarn"};
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  app.set_version_flag("--version", TARN_VERSION);
  app.add_option("-C,--catalog", session.catalog,
                 "Where tables are named: FOLDER, or an SQL catalog "
                 "sqlite:////FILE[?name=NAME&warehouse=FOLDER]")
      ->type_name("CATALOG");
  app.add_flag("!--no-sync", session.sync,
               "Do not wait for the disk: faster, but a power loss may lose rows");
  app.footer(
      "A table is named namespace.table, e.g. default.docs. `tarn COMMAND --help` says more about "
      "a command.\n\n"
      "Examples:\n"
      "  tarn ingest default.docs docs.parquet --vector embedding --metric cosine\n"
      "  tarn search default.docs --like-id 42 --k 5 --columns id,title\n"
      "  tarn scan default.docs --where \"lang = 'en' AND year >= 2020\"\n"
      "  tarn -C /data/lake info default.docs\n"
      "  tarn -C 'sqlite:////data/catalog.db?warehouse=/data/lake' list\n\n"
      "Exit codes: 0 done, 1 the command failed, 2 wrong usage.");
  AddCreate(app, session);
  AddIngest(app, session);
  AddStream(app, session);
  AddSearch(app, session);
  AddScan(app, session);
  AddDelete(app, session);
  AddInfo(app, session);
  AddList(app, session);
  AddDrop(app, session);
  AddRename(app, session);
  AddRegister(app, session);
  AddUnregister(app, session);
  AddNamespace(app, session);
  AddAlter(app, session);
  AddProperties(app, session);
  AddRollback(app, session);
  AddTag(app, session);
  AddBranch(app, session);
  AddExpire(app, session);
  AddOrphans(app, session);
  AddVerify(app, session);
  AddIndex(app, session);
  AddWal(app, session);
  AddBench(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version come this way too, with code 0.
    return app.exit(error, out, err) == 0 ? 0 : 2;
  }
  const Status status = session.action ? session.action() : Status::OK();
  if (status.ok()) return 0;
  err << "tarn: " << status.message() << '\n';
  return 1;
}

}  // namespace tarn::cli
