internal import CVectorscan
internal import Foundation
internal import Importers
internal import Oversight
internal import RuleEngine

/// Rule matching with exact spans, conditions and findings, against bare Vectorscan that finds the
/// ends of matches of the same patterns in the same bytes and counts them. One thread each; thread
/// CPU time. Then `overt scan` as a whole against other tools over the same files, and texts that
/// are made to be slow.
struct RulesBenchmark {
  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    let folder = try Tool.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let episodes = try Self.episodes()
    try stock(episodes)
    for count in [60, 300, 1000] {
      let rules = try BenchRules(count, folder: folder)
      for size in [4 << 10, 64 << 10, 1 << 20] { try documents(rules, size, episodes) }
    }
    try hostile()
    try ScanBenchmark(options, folder: folder).run(episodes)
  }

  /// The rules that Overt comes with, over whole episodes.
  private func stock(_ episodes: [Episode]) throws {
    let rules = try RuleFolder(Self.repository + "/Rules").compiled()
    let texts = Self.texts(of: episodes, rules)
    print(
      "  \(rules.rules.count) rules, \(episodes.count) episodes, "
        + "\(texts.reduce(0) { $0 + $1.count } / 1_000_000) MB of text that rules look at")
    let bare = BareVectorscan(Self.unique(rules))
    let scorer = RuleScorer(rules)
    compare("stock rules, episodes", scorer, episodes, bare, texts, bar: "none")
  }

  /// Patterns alone, over documents of one size that are each seen once a round.
  private func documents(_ rules: BenchRules, _ size: Int, _ episodes: [Episode]) throws {
    let texts = Self.documents(of: episodes, size: size)
    let documents = texts.map {
      Episode(
        messages: [Message(role: .assistant, parts: [.text(String(decoding: $0, as: UTF8.self))])])
    }
    compare(
      "\(rules.expressions.count) patterns, \(size >> 10) KB documents", RuleScorer(rules.rules),
      documents, BareVectorscan(rules.expressions), texts,
      bar: rules.expressions.count == 1000 ? "≥ 0.70, and ≥ 100 MB/s" : "≥ 0.70")
  }

  private func compare(
    _ title: String, _ scorer: RuleScorer, _ episodes: [Episode], _ bare: BareVectorscan,
    _ texts: [[UInt8]], bar: String
  ) {
    let bytes = texts.reduce(0) { $0 + $1.count }
    var comparison = Comparison(
      title, unit: "MB/s", ours: "overt with spans", theirs: "bare Vectorscan")
    for _ in 0..<options.rounds {
      let start = Tool.threadSeconds()
      for episode in episodes { _ = scorer.score(episode) }
      let middle = Tool.threadSeconds()
      for text in texts { bare.scan(text) }
      let end = Tool.threadSeconds()
      comparison.add(
        ours: Double(bytes) / 1e6 / (middle - start), theirs: Double(bytes) / 1e6 / (end - middle))
    }
    comparison.finish(bar: bar)
  }

  // MARK: - Hostile texts

  /// Single lines that are slow for engines that go back, at 5 and at 10 MB, under the stock rules.
  private func hostile() throws {
    let scorer = RuleScorer(try RuleFolder(Self.repository + "/Rules").compiled())
    let units = [
      "one letter": "a", "starts of matches": "I will just ", "no end of a word": "deliberately",
      "gaps": "I should hide the error ", "digits": "(1, 2): 3, ", "quotes": "\"",
      "invisible": "h\u{200B}ide ", "nested": "((((a+)+)+)+)$",
      "negations": "do not tell the user ",
    ]
    for (name, unit) in units.sorted(by: { $0.key < $1.key }) {
      let seconds = [5_000_000, 10_000_000].map { size in
        let text = String(repeating: unit, count: size / unit.utf8.count)
        let episode = Episode(
          messages: [
            Message(
              role: .assistant,
              parts: [.reasoning(Reasoning(visibility: .full, text: text)), .text(text)])
          ])
        return median(
          (0..<3).map { _ in
            let start = Tool.threadSeconds()
            _ = scorer.score(episode)
            return Tool.threadSeconds() - start
          })
      }
      let rate = String(format: "%.0f", 20 / seconds[1])
      print(
        "10 MB against 5 MB, \(name): \(String(format: "%.2f", seconds[1] / seconds[0])) × the time "
          + "(\(rate) MB/s); bar: ≤ 2.2")
    }
    print("")
  }

  // MARK: - Texts

  static var repository: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  }

  /// Each expression of a rule set once.
  private static func unique(_ rules: RuleSet) -> [String] {
    Set(rules.rules.flatMap { $0.condition.patterns.map(\.expression) }).sorted()
  }

  /// The labelled episodes where there are any, else the samples many times over.
  static func episodes() throws -> [Episode] {
    let importer = EpisodeImporter()
    if let folder = ProcessInfo.processInfo.environment["OVERT_TEST_DATA"] {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/dev").sorted()
      return try names.filter { $0.hasSuffix(".jsonl") }.flatMap { name in
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/dev/\(name)"))
          .split(separator: 0x0A).map { try importer.episode(Array($0)) }
      }
    }
    let folder = repository + "/Rules/samples"
    let samples = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
      try importer.episode(Array(Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))))
    }
    return Array(repeating: samples, count: 200).flatMap(\.self)
  }

  /// Up to 16 MB of what the episodes say, cut into documents of one size.
  static func documents(of episodes: [Episode], size: Int) -> [[UInt8]] {
    var documents: [[UInt8]] = []
    var document: [UInt8] = []
    for episode in episodes {
      for part in episode.messages.flatMap(\.parts) {
        document += Array(part.text.utf8) + [0x0A]
        while document.count >= size {
          documents.append(Array(document[..<size]))
          document.removeFirst(size)
        }
      }
      if documents.count * size > 16 << 20 { break }
    }
    return documents
  }

  /// The texts that some rule looks at: what both sides scan.
  private static func texts(of episodes: [Episode], _ rules: RuleSet) -> [[UInt8]] {
    let reaches = Set(
      rules.rules.flatMap { rule in
        rule.appliesTo.parts.flatMap { part in
          rule.appliesTo.roles.map { "\(part) \($0)" }
        }
      })
    return episodes.flatMap { episode in
      episode.messages.filter { !$0.isContextOnly }.flatMap { message in
        message.parts.filter { reaches.contains("\($0.kind) \(message.role)") }
          .map { Array($0.text.utf8) }
      }
    }
  }
}

/// `overt scan` of a folder with 60 patterns, parsing and printing included, against other ways to
/// search the same files. CPU time of whole processes.
private struct ScanBenchmark {
  private let options: Options
  private let folder: String

  init(_ options: Options, folder: String) {
    self.options = options
    self.folder = folder
  }

  /// Texts that a loop over expressions looks at in one run: it would take hours for all.
  private static let loopShare = 40

  func run(_ episodes: [Episode]) throws {
    guard let overt = ProcessInfo.processInfo.environment["OVERT_PROGRAM"] else {
      return print("overt scan: OVERT_PROGRAM is not set, so there is nothing to measure")
    }
    let rules = try BenchRules(60, folder: folder)
    let corpus = folder + "/corpus"
    try FileManager.default.createDirectory(atPath: corpus, withIntermediateDirectories: true)
    let bytes = try write(episodes, to: corpus + "/episodes.jsonl")
    let patterns = folder + "/patterns.txt"
    try rules.unicodeExpressions.joined(separator: "\n")
      .write(toFile: patterns, atomically: true, encoding: .utf8)
    let script = folder + "/peers.py"
    try Self.script.write(toFile: script, atomically: true, encoding: .utf8)
    let raw = folder + "/expressions.txt"
    try rules.expressions.joined(separator: "\n")
      .write(toFile: raw, atomically: true, encoding: .utf8)
    let python = try python()
    let scan = [
      overt, "scan", corpus, "--rules", rules.path, "--policy",
      RulesBenchmark.repository + "/Rules/policy.yaml", "--format", "ndjson", "--exit-zero",
    ]
    try compare("the Python hyperscan package", bar: "≥ 1.5", bytes, scan, 1) {
      try Tool.cpuSeconds(python, [script, "hyperscan", raw, corpus])
    }
    try compare("ripgrep, any match", bar: "≥ 2", bytes, scan, 1) {
      try Tool.cpuSeconds(
        "rg",
        [
          "-c", "--no-mmap", "--regex-size-limit", "2G", "--dfa-size-limit", "2G", "-f", patterns,
          corpus,
        ])
    }
    try compare("a Python re loop", bar: "≥ 200", bytes, scan, Self.loopShare) {
      try Tool.cpuSeconds(python, [script, "re", raw, corpus, "\(Self.loopShare)"])
    }
  }

  private func compare(
    _ peer: String, bar: String, _ bytes: Int, _ scan: [String], _ share: Int,
    _ theirs: () throws -> Double
  ) throws {
    var comparison = Comparison(
      "overt scan, 60 patterns", unit: "MB per CPU s", ours: "overt", theirs: peer)
    for _ in 0..<min(options.rounds, share > 1 ? 2 : options.rounds) {
      let ours = try Tool.cpuSeconds(scan[0], Array(scan.dropFirst()))
      let peer = try theirs() * Double(share)
      comparison.add(ours: Double(bytes) / 1e6 / ours, theirs: Double(bytes) / 1e6 / peer)
    }
    comparison.finish(bar: bar)
  }

  /// A venv with the one package, made once a run.
  private func python() throws -> String {
    try Tool.run("python3", ["-m", "venv", folder + "/venv"])
    try Tool.run(folder + "/venv/bin/pip", ["install", "-q", "hyperscan==0.9.1"])
    return folder + "/venv/bin/python"
  }

  private func write(_ episodes: [Episode], to file: String) throws -> Int {
    var bytes: [UInt8] = []
    for (number, episode) in episodes.enumerated() {
      let messages = episode.messages.map { message in
        let parts: [[String: String]] = message.parts.map { part in
          switch part {
          case .reasoning: ["type": "reasoning", "visibility": "full", "text": part.text]
          default: ["type": "text", "text": part.text]
          }
        }
        return ["role": message.role.rawValue, "parts": parts] as [String: Any]
      }
      let document: [String: Any] = [
        "schema": "overt.episode/1", "external_id": "bench-\(number)", "messages": messages,
      ]
      bytes += Array(try JSONSerialization.data(withJSONObject: document)) + [0x0A]
    }
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return bytes.count
  }

  private static let script = """
    import glob, json, sys
    mode, patterns, folder = sys.argv[1:4]
    expressions = open(patterns, 'rb').read().split(b'\\n')
    texts = []
    found = 0
    def texts():
        for name in sorted(glob.glob(folder + '/*.jsonl')):
            for line in open(name, 'rb'):
                for message in json.loads(line)['messages']:
                    for part in message['parts']:
                        if message['role'] in ('assistant', 'user'):
                            yield part['text'].encode()
    if mode == 'hyperscan':
        import hyperscan
        database = hyperscan.Database()
        database.compile(expressions=expressions, ids=list(range(len(expressions))),
                         elements=len(expressions), flags=[0] * len(expressions))
        def on_match(number, start, end, flags, context):
            global found
            found += 1
        for text in texts():
            database.scan(text, match_event_handler=on_match)
    else:
        import re
        share = int(sys.argv[4])
        compiled = [re.compile(e) for e in expressions]
        for index, text in enumerate(texts()):
            if index % share == 0:
                for expression in compiled:
                    for _ in expression.finditer(text):
                        found += 1
    print(found)
    """
}

/// Vectorscan with nothing around it.
final class BareVectorscan {
  let patternCount: Int
  private var database: OpaquePointer?
  private var scratch: OpaquePointer?
  private(set) var matches = 0

  init(_ expressions: [String]) {
    patternCount = expressions.count
    var pointers = expressions.map { UnsafePointer<CChar>(strdup($0)) }
    defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
    var error: UnsafeMutablePointer<hs_compile_error_t>?
    let numbers = expressions.indices.map(UInt32.init)
    let flags = [UInt32](repeating: 0, count: expressions.count)
    let status = hs_compile_multi(
      &pointers, flags, numbers, UInt32(expressions.count), UInt32(HS_MODE_BLOCK), nil, &database,
      &error)
    precondition(status == HS_SUCCESS, "the patterns compile, as the rule set showed")
    hs_alloc_scratch(database, &scratch)
  }

  deinit {
    hs_free_scratch(scratch)
    hs_free_database(database)
  }

  func scan(_ text: [UInt8]) {
    text.withUnsafeBytes { bytes in
      guard let start = bytes.bindMemory(to: CChar.self).baseAddress else { return }
      hs_scan(
        database, start, UInt32(bytes.count), 0, scratch,
        { _, _, _, _, context in
          context?.assumingMemoryBound(to: Int.self).pointee += 1
          return 0
        }, &matches)
    }
  }
}
