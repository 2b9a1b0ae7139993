// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/app.h"

namespace tarn::cli {
namespace {

Result<NamespacePropertyMap> ParseProperties(const std::vector<std::string>& pairs) {
  NamespacePropertyMap properties;
  for (const auto& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(ErrorKind::kBadInput, "'", pair, "' is no property; write KEY=VALUE");
    }
    if (!properties.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second) {
      return Error(ErrorKind::kBadInput, "the property '", pair.substr(0, equals),
                   "' is given twice");
    }
  }
  return properties;
}

void AddNamespaceList(CLI::App& parent, Session& session) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand("list", "Name the namespaces directly under another");
  command->add_option("parent", *name, "Namespace; the outermost ones are listed without it");
  command->callback([&session, name] {
    session.action = [&session, name]() -> Status {
      Namespace ns;
      if (!name->empty()) {
        ARROW_ASSIGN_OR_RAISE(ns, ParseNamespace(*name));
      }
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      ARROW_ASSIGN_OR_RAISE(auto found, catalog->ListNamespaces(ns));
      for (const auto& child : found) session.out() << NamespaceText(child) << '\n';
      return Status::OK();
    };
  });
}

void AddNamespaceCreate(CLI::App& parent, Session& session) {
  struct Options {
    std::string name;
    std::vector<std::string> properties;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand("create", "Make an empty namespace");
  command->add_option("namespace", options->name, "Its name, levels joined by dots")->required();
  command
      ->add_option("--property", options->properties,
                   "Set a property; `location` says where its tables lie")
      ->type_name("KEY=VALUE");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ns, ParseNamespace(options->name));
      ARROW_ASSIGN_OR_RAISE(auto properties, ParseProperties(options->properties));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
      ARROW_RETURN_NOT_OK(catalog->CreateNamespace(ns, properties));
      session.out() << "created namespace " << NamespaceText(ns) << '\n';
      return Status::OK();
    };
  });
}

void AddNamespaceDrop(CLI::App& parent, Session& session) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand("drop", "Remove an empty namespace");
  command->add_option("namespace", *name, "Its name")->required();
  command->callback([&session, name] {
    session.action = [&session, name]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ns, ParseNamespace(*name));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      ARROW_RETURN_NOT_OK(catalog->DropNamespace(ns));
      session.out() << "dropped namespace " << NamespaceText(ns) << '\n';
      return Status::OK();
    };
  });
}

void AddNamespaceProperties(CLI::App& parent, Session& session) {
  struct Options {
    std::string name;
    std::vector<std::string> set, remove;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = parent.add_subcommand("properties", "Print, set and remove properties");
  command->add_option("namespace", options->name, "Its name")->required();
  command->add_option("--set", options->set, "Set a property")->type_name("KEY=VALUE");
  command->add_option("--remove", options->remove, "Remove a property")->type_name("KEY");
  command->callback([&session, options] {
    session.action = [&session, options]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto ns, ParseNamespace(options->name));
      ARROW_ASSIGN_OR_RAISE(auto set, ParseProperties(options->set));
      ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
      if (!set.empty() || !options->remove.empty()) {
        ARROW_RETURN_NOT_OK(catalog->SetNamespaceProperties(ns, set, options->remove));
      }
      ARROW_ASSIGN_OR_RAISE(auto properties, catalog->NamespaceProperties(ns));
      for (const auto& [key, value] : properties) session.out() << key << '=' << value << '\n';
      return Status::OK();
    };
  });
}

}  // namespace

void AddNamespace(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("namespace", "Make, list and remove namespaces");
  command->require_subcommand(1);
  AddNamespaceList(*command, session);
  AddNamespaceCreate(*command, session);
  AddNamespaceDrop(*command, session);
  AddNamespaceProperties(*command, session);
}

}  // namespace tarn::cli
