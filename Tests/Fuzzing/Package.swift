// swift-tools-version: 6.2
import PackageDescription

// The fuzz targets under libFuzzer: built apart, since every module is built for it. `Modules` and
// `Targets` are links to the product's own sources and to the targets that the tests run too.

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing", "-O"]),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Modules/\(name)", swiftSettings: settings)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "overt-fuzz",
  dependencies: [.package(url: "https://github.com/jpsim/Yams", exact: "6.2.2")],
  targets: [
    .executableTarget(
      name: "overt-fuzz", dependencies: ["FuzzTargets"],
      swiftSettings: settings,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    .target(
      name: "FuzzTargets",
      dependencies: ["Compression", "HTTPServer", "Importers", "Oversight", "RuleEngine"],
      path: "Targets", swiftSettings: settings),
    module("Oversight"),
    module("Threads"),
    module("JSON", ["CSimdjson"]),
    module("Compression", ["CZlib", "CZstd"]),
    module("Cryptography", ["COpenSSL"]),
    module("HTTPServer", ["Threads", "Compression", "Cryptography", "CLinux"]),
    module("Importers", ["Oversight", "Threads", "JSON", "Compression"]),
    module(
      "RuleEngine",
      [
        "Oversight", "Threads", "Compression", "Cryptography", "CVectorscan", "CPCRE2", "CCLD2",
        yams,
      ]),
    .target(
      name: "CSimdjson", path: "Modules/CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
    .target(name: "CCLD2", path: "Modules/CCLD2", linkerSettings: [.linkedLibrary("cld2")]),
    .target(name: "CLinux", path: "Modules/CLinux"),
    .systemLibrary(name: "CVectorscan", path: "Modules/CVectorscan", pkgConfig: "libhs"),
    .systemLibrary(name: "CPCRE2", path: "Modules/CPCRE2", pkgConfig: "libpcre2-8"),
    .systemLibrary(name: "COpenSSL", path: "Modules/COpenSSL", pkgConfig: "libssl"),
    .systemLibrary(name: "CZlib", path: "Modules/CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CZstd", path: "Modules/CZstd", pkgConfig: "libzstd"),
  ],
  cxxLanguageStandard: .cxx17
)
