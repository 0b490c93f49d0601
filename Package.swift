// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is built with.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),  // SE-0335
  .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
  .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
  .strictMemorySafety(),  // SE-0458: every use of a pointer is marked `unsafe`
  .treatAllWarnings(as: .error),  // SE-0480
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ module: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: module + "Tests",
    dependencies: [.target(name: module), "TestSupport"] + dependencies,
    resources: [],
    swiftSettings: settings)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "overt",
  products: [],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // The domain: values and pure decisions. Imports nothing of ours.
    module("Oversight"),

    // Bottom modules: one library each, for whoever needs it.
    module("JSON", ["CSimdjson"]),
    module("Cryptography", ["CCrypto"]),

    // Adapters: each imports the domain and the one thing that it adapts.
    module("Importers", ["Oversight", "JSON"]),
    module("RuleEngine", ["Oversight", "Cryptography", "CVectorscan", "CPCRE2", yams]),
    module("PostgresStore", ["Oversight", "Migrations", "Cryptography", "CPostgres", log]),

    // C and C++ libraries behind small shims.
    .target(
      name: "CSimdjson", cxxSettings: [.unsafeFlags(["-O2"])],
      linkerSettings: [.linkedLibrary("simdjson")]),
    .systemLibrary(name: "CVectorscan", pkgConfig: "libhs"),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8"),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq"),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),


    // The schema, carried by the binary.
    .target(
      name: "Migrations", path: "Migrations", resources: [.embedInCode("sql")],
      swiftSettings: settings),
  ],
  cxxLanguageStandard: .cxx17
)
