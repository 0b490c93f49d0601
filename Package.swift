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

/// The tests of a module: `Tests/<module>Tests`.
func tests(_ module: String, _ dependencies: [Target.Dependency] = []) -> Target {
  suite(module + "Tests", [.target(name: module)] + dependencies)
}

/// Tests of several modules together.
func suite(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name, dependencies: ["TestSupport"] + dependencies, exclude: fixtures(of: name),
    swiftSettings: settings)
}

/// Files beside tests that are read at run time, not built.
func fixtures(of suite: String) -> [String] {
  ["RuleEngineTests", "OvertCLITests", "OversightServiceTests", "IntegrationTests"].contains(suite)
    ? ["Fixtures"] : []
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "overt",
  products: [.executable(name: "overt", targets: ["OvertCLI"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    // The domain: values and pure decisions. Imports nothing of ours.
    module("Oversight"),

    // Bottom modules: one library each, for whoever needs it.
    module("Threads"),
    module("JSON", ["CSimdjson"]),
    module("Cryptography", ["COpenSSL"]),
    module("Compression", ["CZlib", "CZstd"]),
    module("HTTPClient", ["Threads", "CCurl"]),
    module("HTTPServer", ["Threads", "Compression", "Cryptography", "CLinux"]),

    // Adapters: each imports the domain and the one thing that it adapts.
    module("Importers", ["Oversight", "Threads", "JSON", "Compression"]),
    module(
      "RuleEngine",
      [
        "Oversight", "Threads", "Compression", "Cryptography", "CVectorscan", "CPCRE2", "CCLD2",
        yams,
      ]),
    module("LatentAnalysis", ["Oversight", "Threads", "JSON", "Cryptography"]),
    module("Evaluation", ["Oversight"]),
    module(
      "Monitors",
      ["Oversight", "Evaluation", "Threads", "JSON", "Cryptography", "HTTPClient"]),
    module(
      "PostgresStore",
      ["Oversight", "Migrations", "Threads", "JSON", "Cryptography", "CPostgres", log]),
    .target(
      name: "OversightService",
      dependencies: [
        "Oversight", "LatentAnalysis", "Evaluation", "HTTPServer", "Importers", "Threads", "JSON",
        "Compression", "Cryptography", log,
      ],
      resources: [.embedInCode("openapi.json")], swiftSettings: settings),

    // The program: the one module that sees everything.
    .executableTarget(
      name: "OvertCLI",
      dependencies: [
        "Oversight", "OversightService", "HTTPServer", "HTTPClient", "Importers", "JSON",
        "RuleEngine", "LatentAnalysis", "Evaluation", "Monitors", "PostgresStore", "Threads",
        "Cryptography", arguments, log,
      ],
      swiftSettings: settings),

    // C and C++ libraries behind small shims.
    .target(
      name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
    .target(name: "CCLD2", linkerSettings: [.linkedLibrary("cld2")]),
    .target(name: "CLinux"),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .systemLibrary(name: "CVectorscan", pkgConfig: "libhs"),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8"),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libssl"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),

    // The schema, carried by the binary.
    .target(
      name: "Migrations", path: "Migrations", resources: [.embedInCode("sql")],
      swiftSettings: settings),

    // Tests mirror the sources; TestSupport is what they share.
    .target(
      name: "TestSupport", dependencies: ["Oversight", "COpenSSL"], path: "Tests/TestSupport",
      swiftSettings: settings),
    .target(
      name: "FuzzTargets",
      dependencies: ["Compression", "HTTPServer", "Importers", "Oversight", "RuleEngine"],
      path: "Tests/FuzzTargets", swiftSettings: settings),
    tests("Threads"),
    tests("JSON"),
    tests("Compression", ["CZlib", "CZstd"]),
    tests("Cryptography"),
    tests("Oversight"),
    tests("HTTPServer", ["Threads", "Compression", "Cryptography", "FuzzTargets"]),
    tests("HTTPClient", ["HTTPServer", "Threads"]),
    tests("Importers", ["Oversight", "Threads", "JSON"]),
    tests("RuleEngine", ["Oversight", "Threads"]),
    tests("LatentAnalysis", ["Oversight", "JSON"]),
    tests("Evaluation", ["Oversight"]),
    tests("Monitors", ["Oversight", "Evaluation", "HTTPClient", "JSON", "Threads"]),
    tests("PostgresStore", ["Oversight", "Migrations", "Cryptography", log]),
    tests("OversightService", ["Oversight", "HTTPServer", "Importers", "Threads", "JSON"]),
    tests("OvertCLI", ["Oversight", "Importers", "JSON", arguments]),
    suite("RuleSetTests", ["RuleEngine", "LatentAnalysis", "Importers", "Oversight"]),
    suite(
      "IntegrationTests",
      [
        "OvertCLI", "OversightService", "Oversight", "HTTPServer", "HTTPClient", "Importers",
        "JSON", "Compression", "Threads", "RuleEngine", "LatentAnalysis", "PostgresStore",
        "Monitors", "Evaluation", "Cryptography", log,
      ]),
    suite("FuzzTests", ["FuzzTargets"]),
    suite("TidyTests"),
  ],
  cxxLanguageStandard: .cxx17
)
