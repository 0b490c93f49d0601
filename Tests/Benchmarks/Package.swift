// swift-tools-version: 6.2
import PackageDescription

// The benchmark is a package of its own, so that what it is compared with never enters the product.
// `Modules` and `Migrations` are links to the product's own sources: they are built here once more,
// and are measured from within.

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Modules/\(name)", swiftSettings: settings)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "overt-bench",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    .executableTarget(
      name: "overt-bench",
      dependencies: [
        "CVectorscan", "Cryptography", "HTTPServer", "Importers", "JSON", "LatentAnalysis",
        "Monitors", "Oversight", "OversightService",
        "PostgresStore", "RuleEngine", arguments, log,
      ], swiftSettings: settings),
    .executableTarget(
      name: "hummingbird-peer",
      dependencies: [.product(name: "Hummingbird", package: "hummingbird")],
      // Written as Hummingbird's users write, who import what it exports.
      swiftSettings: [.swiftLanguageMode(.v6)]),
    module("Oversight"),
    module("Threads"),
    module("JSON", ["CSimdjson"]),
    module("Cryptography", ["COpenSSL"]),
    module("Compression", ["CZlib", "CZstd"]),
    module("HTTPServer", ["Threads", "Compression", "Cryptography", "CLinux"]),
    module("Importers", ["Oversight", "Threads", "JSON", "Compression"]),
    module(
      "RuleEngine",
      [
        "Oversight", "Threads", "Compression", "Cryptography", "CVectorscan", "CPCRE2", "CCLD2",
        yams,
      ]),
    module("LatentAnalysis", ["Oversight", "Threads", "JSON", "Cryptography"]),
    module("Evaluation", ["Oversight"]),
    module("HTTPClient", ["Threads", "CCurl"]),
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
      ], path: "Modules/OversightService", resources: [.embedInCode("openapi.json")],
      swiftSettings: settings),
    .target(
      name: "CSimdjson", path: "Modules/CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
    .target(name: "CCLD2", path: "Modules/CCLD2", linkerSettings: [.linkedLibrary("cld2")]),
    .target(name: "CLinux", path: "Modules/CLinux"),
    .target(name: "CCurl", path: "Modules/CCurl", linkerSettings: [.linkedLibrary("curl")]),
    .systemLibrary(name: "CVectorscan", path: "Modules/CVectorscan", pkgConfig: "libhs"),
    .systemLibrary(name: "CPCRE2", path: "Modules/CPCRE2", pkgConfig: "libpcre2-8"),
    .systemLibrary(name: "CPostgres", path: "Modules/CPostgres", pkgConfig: "libpq"),
    .systemLibrary(name: "COpenSSL", path: "Modules/COpenSSL", pkgConfig: "libssl"),
    .systemLibrary(name: "CZlib", path: "Modules/CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CZstd", path: "Modules/CZstd", pkgConfig: "libzstd"),
    .target(
      name: "Migrations", path: "Migrations", resources: [.embedInCode("sql")],
      swiftSettings: settings),
  ],
  cxxLanguageStandard: .cxx17
)
