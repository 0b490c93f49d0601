import Foundation
import TestSupport
import Testing

/// The house rules that a machine can judge. Each failure says what to do instead.
@Suite struct TidyTests {
  /// Which of our modules each module may import. The diagram of Architecture.md, in code.
  static let arrows: [String: Set<String>] = [
    "Oversight": [],
    "Threads": [],
    "JSON": ["CSimdjson"],
    "Compression": ["CZlib", "CZstd"],
    "Cryptography": ["COpenSSL"],
    "HTTPClient": ["Threads", "CCurl"],
    "HTTPServer": ["Threads", "Compression", "Cryptography", "CLinux"],
    "Importers": ["Oversight", "Threads", "JSON", "Compression"],
    "RuleEngine": [
      "Oversight", "Threads", "Compression", "Cryptography", "CVectorscan", "CPCRE2", "CCLD2",
    ],
    "LatentAnalysis": ["Oversight", "Threads", "JSON", "Cryptography"],
    "Evaluation": ["Oversight"],
    "Monitors": [
      "Oversight", "Evaluation", "Threads", "JSON", "Cryptography", "HTTPClient",
    ],
    "PostgresStore": [
      "Oversight", "Migrations", "Threads", "JSON", "Cryptography", "CPostgres",
    ],
    "OversightService": [
      "Oversight", "LatentAnalysis", "Evaluation", "HTTPServer", "Importers", "Threads", "JSON",
      "Compression", "Cryptography",
    ],
    "OvertCLI": [
      "Oversight", "OversightService", "HTTPServer", "HTTPClient", "Importers", "JSON",
      "RuleEngine", "LatentAnalysis", "Evaluation", "Monitors", "PostgresStore", "Threads",
      "Cryptography",
    ],
  ]

  /// Packages and system modules that each module may import besides.
  static let libraries: [String: Set<String>] = [
    "RuleEngine": ["Yams"], "PostgresStore": ["Logging"], "OversightService": ["Logging"],
    "OvertCLI": ["ArgumentParser", "Logging"],
  ]
  static let system: Set = ["Foundation", "Glibc", "Synchronization", "Dispatch"]

  @Test func `modules import along the arrows of the architecture and nothing else`() throws {
    for file in try SourceFile.all {
      let allowed = try #require(
        Self.arrows[file.module], "\(file.module) is not in the table of TidyTests")
      for (number, line) in file.lines {
        guard let imported = line.importedModule else { continue }
        let isAllowed =
          allowed.contains(imported) || Self.system.contains(imported)
          || Self.libraries[file.module]?.contains(imported) == true
        #expect(isAllowed, "\(file.path):\(number): \(file.module) must not know \(imported)")
      }
    }
  }

  @Test func `the server of HTTP and the domain do without Foundation's weight where they can`()
    throws
  {
    for file in try SourceFile.all where ["HTTPServer", "JSON"].contains(file.module) {
      for (number, line) in file.lines {
        #expect(
          line.importedModule != "Foundation", "\(file.path):\(number): not here; use Glibc")
      }
    }
  }

  /// What is not written, and what is written instead.
  static let banned: [(text: String, instead: String)] = [
    ("try!", "handle the error"), ("as!", "use as? or a type that needs no cast"),
    ("fatalError(", "precondition for our own faults, an error for everybody else's"),
    ("print(", "Console in OvertCLI, a Logger elsewhere"),
    ("Mutex(", "Locked, which the thread sanitizer understands"),
    ("PQexec(", "PostgresConnection.run, which binds its values"),
    ("Query(stringLiteral", "a literal"),
  ]

  @Test func `banned constructs do not stand in the sources`() throws {
    for file in try SourceFile.all {
      for (number, line) in file.lines where !line.isComment {
        for (text, instead) in Self.banned where line.contains(word: text) {
          let isTheOnePlace = text == "PQexec(" && file.path.hasSuffix("PostgresConnection.swift")
          #expect(isTheOnePlace, "\(file.path):\(number): not '\(text)'; \(instead)")
        }
      }
    }
  }

  @Test func `whoever vouches for safety says why`() throws {
    for file in try SourceFile.all {
      for (number, line) in file.lines where !line.isComment {
        guard line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") else {
          continue
        }
        let near = file.lines.filter { abs($0.number - number) <= 4 }.map(\.text)
        #expect(
          near.contains { $0.isComment && $0.contains("because") },
          "\(file.path):\(number): the proof ('… because …') belongs right beside it")
      }
    }
  }

  @Test func `swallowed errors are explained`() throws {
    for file in try SourceFile.all {
      for (number, line) in file.lines where line.contains("try? ") && !line.isComment {
        let near = file.lines.filter { (number - 4...number).contains($0.number) }.map(\.text)
        #expect(
          near.contains { $0.contains("//") },
          "\(file.path):\(number): say why it is right to lose the error")
      }
    }
  }

  @Test func `no rule is named in the sources`() throws {
    let ids = try RuleFile.all.map(\.id)
    #expect(ids.count >= 25)
    for file in try SourceFile.all {
      for (number, line) in file.lines where !line.isComment {
        for id in ids where line.contains("\"\(id)\"") {
          Issue.record("\(file.path):\(number): \(id) is data, not code")
        }
      }
    }
  }

  @Test func `a rule's id is its path`() throws {
    for rule in try RuleFile.all {
      let line = rule.text.split(separator: "\n").first { $0.hasPrefix("id:") }
      let id = line?.dropFirst(3).split(separator: "#").first?
        .trimmingCharacters(in: .whitespaces)
      #expect(id == rule.id, "\(rule.path)")
    }
  }

  @Test func `migrations are numbered without a gap and all of them are carried`() throws {
    // Roles belong to the whole server: they are no step of the schema.
    let files = TestData.repositoryFiles("Migrations/sql").filter { $0 != "roles.sql" }
    #expect(!files.isEmpty)
    let source = String(
      decoding: try TestData.repositoryBytes("Migrations/Migrations.swift"), as: UTF8.self)
    for (index, file) in files.enumerated() {
      let number = index + 1
      let expected = String(repeating: "0", count: 4 - "\(number)".count) + "\(number)_"
      #expect(file.hasPrefix(expected), "\(file) should begin with \(expected)")
      let name = file.dropFirst(5).dropLast(4)
      #expect(source.contains("Migration(\(number), \"\(name)\""), "\(file) is not in the list")
    }
  }

  @Test func `every module has its tests`() throws {
    let folders = Set(TestData.repositoryFiles("Tests"))
    for module in Self.arrows.keys {
      #expect(folders.contains(module + "Tests"), "Tests/\(module)Tests is missing")
    }
  }

  @Test func `nothing names a path of one machine`() throws {
    let pattern = ["/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/", "../sha" + "red"]
    // Rules are not looked at: they name paths that agents reach for.
    for folder in ["Sources", "Tests", "Migrations", "docker", "README.md", "Package.swift"] {
      for path in try Files.below(folder) where !path.contains(".build") {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
          continue
        }
        for word in pattern where text.contains(word) { Issue.record("\(path) names \(word)") }
      }
    }
  }
}

/// One Swift file of the product.
struct SourceFile {
  let module: String
  let path: String
  let lines: [(number: Int, text: String)]

  static var all: [SourceFile] {
    get throws {
      try Files.below("Sources").filter { $0.hasSuffix(".swift") }.map { path in
        let parts = path.split(separator: "/").map(String.init)
        let module = parts.firstIndex(of: "Sources").map { parts[$0 + 1] } ?? "?"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return SourceFile(
          module: module, path: path,
          lines: lines.enumerated().map { ($0 + 1, String($1)) })
      }
    }
  }
}

/// One rule file, with the id that its place gives it.
struct RuleFile {
  let id: String
  let path: String
  let text: String

  static var all: [RuleFile] {
    get throws {
      let root = TestData.repositoryRoot + "/Rules/"
      return try Files.below("Rules").compactMap { path in
        let parts = path.dropFirst(root.count).split(separator: "/")
        guard parts.count == 2, parts[0] != "charters", path.hasSuffix(".yaml") else {
          return nil
        }
        return RuleFile(
          id: "\(parts[0]).\(parts[1].dropLast(5))", path: path,
          text: try String(contentsOfFile: path, encoding: .utf8))
      }
    }
  }
}

enum Files {
  /// The files below a folder of the repository, or the file itself, as full paths.
  static func below(_ path: String) throws -> [String] {
    let root = TestData.repositoryRoot + "/" + path
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: root, isDirectory: &isFolder) else {
      return []
    }
    guard isFolder.boolValue else { return [root] }
    let paths = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return paths.map { root + "/" + $0 }.filter { path in
      var isFolder: ObjCBool = false
      return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        && !isFolder.boolValue
    }.sorted()
  }
}

extension String {
  fileprivate var isComment: Bool { trimmingCharacters(in: .whitespaces).hasPrefix("//") }

  /// The module that an import line names.
  fileprivate var importedModule: String? {
    let words = split(separator: " ").map(String.init)
    guard let index = words.firstIndex(of: "import"), words.indices.contains(index + 1),
      words[..<index].allSatisfy({ ["internal", "package", "public", "@testable"].contains($0) })
    else { return nil }
    return words[index + 1]
  }

  /// Whether a text stands here that is not the end of a longer word.
  fileprivate func contains(word: String) -> Bool {
    var rest = self[...]
    while let range = rest.firstRange(of: word) {
      let before = range.lowerBound == startIndex ? nil : self[index(before: range.lowerBound)]
      if !(before.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." } ?? false) {
        return true
      }
      rest = rest[range.upperBound...]
    }
    return false
  }
}
