internal import Cryptography
internal import Foundation
internal import Logging
internal import Oversight
internal import OversightService
internal import PostgresStore

/// Durable flagged episodes of 8 KB, each with a name and a text of its own, against `psql \copy` of
/// the same rows into a plain jsonb table of the same PostgreSQL, with fsync on:
///
/// - the store alone: clients that wait for each answer, judged episodes, the audit log numbered and
///   signed beside them;
/// - over HTTP: 64 clients post to `overt serve`, which parses and judges by all rules and the linear
///   monitor before it stores;
/// - the store with a million episodes in it, against the same store empty;
/// - what PostgreSQL plans for each list that the API offers, on the million.
struct StoreBenchmark {
  private static let textBytes = 8000
  private static let rows = 3000
  private static let million = 1_000_000

  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    let folder = try Tool.folder()
    let cluster = try PrivateCluster(in: folder) { _ in }
    defer { cluster.stop() }
    let texts = StoreTexts(count: Self.rows, bytes: Self.textBytes)
    try psql(cluster, "CREATE TABLE plain (id bigserial PRIMARY KEY, doc jsonb)")
    _ = try Migrator(url: cluster.url).run()
    // The first seconds of a cluster go to files that are made once.
    _ = try copy(texts.documents, cluster, folder, 0)
    _ = try StoreLoad(cluster.url, folder: folder).run(texts.records, clients: 64, seconds: 5)
    for clients in [1, 16, 64] { try compare(clients, cluster, folder, texts) }
    try overHTTP(cluster, folder, texts)
    try grow(cluster, folder, texts)
  }

  /// The store's clients against the copy, in turns.
  private func compare(
    _ clients: Int, _ cluster: PrivateCluster, _ folder: String, _ texts: StoreTexts
  ) throws {
    var comparison = Comparison(
      "durable flagged episodes, \(clients) clients", unit: "rows/s", ours: "store",
      theirs: "psql \\copy")
    var latencies: [Double] = []
    for round in 0..<options.rounds {
      let theirs = try copy(texts.documents, cluster, folder, round)
      let run = try StoreLoad(cluster.url, folder: folder).run(
        texts.records, clients: clients, seconds: Double(options.seconds))
      latencies += run.latencies
      comparison.add(ours: run.rate, theirs: theirs)
    }
    comparison.finish(bar: clients == 64 ? "≥ 2.00" : "none")
    print("  latency: \(StoreLoad.quantiles(latencies))\n")
  }

  private func overHTTP(
    _ cluster: PrivateCluster, _ folder: String, _ texts: StoreTexts
  ) throws {
    guard let program = ProcessInfo.processInfo.environment["OVERT_PROGRAM"] else {
      throw BenchmarkError(
        description: "set OVERT_PROGRAM to the built overt (docker/dev bench does)")
    }
    let port = try Tool.freePort()
    let server = try Peer(
      program, ["serve", "--port", "\(port)", "--log", "error"],
      environment: ["OVERT_STATE_DIR": folder + "/server", "DATABASE_URL": cluster.url, "HOST": ""])
    defer { server.stop() }
    try Tool.awaitPort(port)
    let token = try String(contentsOfFile: folder + "/server/admin.token", encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let script = try texts.script(folder, token)
    var comparison = Comparison(
      "durable flagged episodes over HTTP, 64 clients", unit: "rows/s", ours: "overt serve",
      theirs: "psql \\copy")
    for round in 0..<options.rounds {
      let before = try count(cluster)
      let start = ContinuousClock.now
      _ = try Load(
        port: port, path: "/v1/episodes?strict=false", seconds: options.seconds, connections: 64,
        script: script)
      let ours = Double(try count(cluster) - before) / ((ContinuousClock.now - start) / .seconds(1))
      let theirs = try copy(texts.documents, cluster, folder, round)
      comparison.add(ours: ours, theirs: theirs)
    }
    comparison.finish(bar: "none: judging is most of it")
  }

  // MARK: A million

  private func grow(
    _ cluster: PrivateCluster, _ folder: String, _ texts: StoreTexts
  ) throws {
    try psql(cluster, "CREATE DATABASE million")
    try psql(cluster, "CREATE DATABASE empty")
    func url(_ name: String) -> String { cluster.url + " dbname=\(name)" }
    for name in ["million", "empty"] { _ = try Migrator(url: url(name)).run() }
    print("  loading \(Self.million) episodes")
    fflush(nil)
    try Tool.run("psql", ["-X", "-q", "-c", Self.loading, url("million")])
    // Their entries are numbered and signed before anything is measured.
    for name in ["million", "empty"] {
      _ = try StoreLoad(url(name), folder: folder).run(texts.records, clients: 64, seconds: 3)
    }
    try Tool.run("psql", ["-X", "-q", "-c", "VACUUM ANALYZE", url("million")])
    var comparison = Comparison(
      "the store with a million episodes, 64 clients", unit: "rows/s", ours: "a million",
      theirs: "empty")
    for _ in 0..<options.rounds {
      var rates: [Double] = []
      for name in ["million", "empty"] {
        rates.append(
          try StoreLoad(url(name), folder: folder).run(
            texts.records, clients: 64, seconds: Double(options.seconds)
          ).rate)
      }
      comparison.add(ours: rates[0], theirs: rates[1])
    }
    comparison.finish(bar: "≥ 0.77 (1.3 × slower)")
    try StorePlans(cluster, database: "million", log: folder + "/postgres/postgres.log").run()
  }

  /// Episodes of the last months: of 20 projects, 30 models and 200 rules; one in ten is flagged.
  private static let loading = """
    SELECT overt_make_partitions(now() - interval '70 days', now());
    SET synchronous_commit = off;
    INSERT INTO episodes (id, project, external_id, content_digest, format, model, is_open, verdict,
      severity, suspicion, rules, message_count, document, is_whole, received_bytes, created_at)
    SELECT overt_id_bound(at) || substr(upper(md5(n::text)), 1, 16), 'project-' || n % 20,
      md5('name' || n), sha256(n::text::bytea), 'overt.episode', 'model-' || n % 30, false,
      CASE WHEN n % 10 = 0 THEN 'flagged' WHEN n % 100 = 1 THEN 'incomplete' ELSE 'clear' END,
      CASE WHEN n % 1000 = 0 THEN 'critical' WHEN n % 10 = 0 THEN 'high' END, 0.5,
      CASE WHEN n % 10 = 0 THEN ARRAY['deception.rule-' || n / 10 % 200] ELSE '{}' END, 6,
      convert_to(repeat('{"verdict": "clear"}', 20), 'UTF8'), n % 10 = 0 OR n % 100 = 1, 8000, at
    FROM (SELECT n, now() - interval '70 days' * (1 - n / \(million).0) AS at
      FROM generate_series(1, \(million)) AS n) AS numbered;
    INSERT INTO episode_contents (episode_id, number, project, received)
    SELECT id, 0, project, convert_to(repeat(id, 20), 'UTF8') FROM episodes WHERE is_whole;
    INSERT INTO audit_queue (subjects, entries)
    SELECT array_agg(id), array_agg(convert_to(repeat(id, 8), 'UTF8'))
    FROM (SELECT id, row_number() OVER (ORDER BY id) / 200 AS place FROM episodes) AS placed
    GROUP BY place ORDER BY place;
    """

  // MARK: The other side

  /// Rows a second of psql's copy.
  private func copy(
    _ documents: [String], _ cluster: PrivateCluster, _ folder: String, _ round: Int
  ) throws -> Double {
    let path = "\(folder)/rows-\(round).tsv"
    try documents.map { $0.replacing("\\", with: "\\\\") + "\n" }.joined()
      .write(toFile: path, atomically: true, encoding: .utf8)
    let start = ContinuousClock.now
    try psql(cluster, "\\copy plain (doc) from '\(path)'")
    return Double(documents.count) / ((ContinuousClock.now - start) / .seconds(1))
  }

  private func count(_ cluster: PrivateCluster) throws -> Int {
    let text = try psql(cluster, "SELECT count(*) FROM episodes WHERE verdict = 'flagged'")
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  @discardableResult
  private func psql(_ cluster: PrivateCluster, _ command: String) throws -> String {
    try Tool.run("psql", ["-X", "-q", "-A", "-t", "-c", command, cluster.url])
  }
}

/// Episodes of prose: random letters would not compress as transcripts do.
struct StoreTexts {
  let documents: [String]
  /// Judged episodes as the service hands them to the store, but for their names.
  let records: [EpisodeRecord]

  init(count: Int, bytes: Int) {
    let readme = FileManager.default.contents(atPath: RulesBenchmark.repository + "/README.md")
    let words = String(decoding: readme ?? Data(), as: UTF8.self).split { !$0.isLetter }
    let vocabulary = words.map { Array(($0 + " ").utf8) }
    var random = SplitMix(seed: 7)
    documents = (0..<count).map { number in
      var text = Array("I'll special-case the tests so that they pass. ".utf8)
      while text.count < bytes, !vocabulary.isEmpty {
        text += vocabulary[Int(random.next() % UInt64(vocabulary.count))]
      }
      return #"{"schema":"overt.episode/1","external_id":"\#(number)","messages":[{"role":"#
        + #""assistant","parts":[{"type":"reasoning","visibility":"full","text":""#
        + String(decoding: text, as: UTF8.self) + #""}]}]}"#
    }
    // As large as a verdict with two findings.
    let verdict = Array(
      ("{\"id\":\"ep_\",\"verdict\":\"flagged\",\"findings\":["
        + String(repeating: "{\"rule\":\"reward-hacking.special-case-tests\"},", count: 20) + "{}]}")
        .utf8)
    records = documents.map { document in
      let received = Array(document.utf8)
      return EpisodeRecord(
        id: "", project: "bench", externalID: "", contentDigest: Digest(of: received).bytes,
        received: received, format: "overt.episode", model: "model", agent: nil, isOpen: false,
        decision: .flagged(.high), suspicion: 0.9, rules: ["reward-hacking.special-case-tests"],
        messageCount: 1, document: verdict)
    }
  }

  /// A Lua script that posts flagged episodes of new names and one text.
  func script(_ folder: String, _ token: String) throws -> String {
    let path = folder + "/insert.lua"
    let text =
      (documents.first ?? "").components(separatedBy: #""text":""#).last?
      .components(separatedBy: "\"").first ?? ""
    try """
    local head = [[{"schema":"overt.episode/1","external_id":"]]
    local tail = [[","messages":[{"role":"assistant","parts":[{"type":"reasoning",\
    "visibility":"full","text":"\(text)"}]}]}]]
    local run = "\(UUID().uuidString)" .. os.time()
    local number = 0
    local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer \(token)" }
    function request()
      number = number + 1
      return wrk.format("POST", nil, headers, head .. run .. os.clock() .. "-" .. number .. tail)
    end
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }
}

/// Clients of a store, each of which waits for its answer before it brings the next record.
struct StoreLoad {
  private let store: PostgresEpisodeStore
  private let keeper: AuditKeeper

  struct Result {
    /// Records a second.
    var rate: Double
    /// Milliseconds of each.
    var latencies: [Double]
  }

  init(_ url: String, folder: String) throws {
    let log = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
    store = PostgresEpisodeStore(url: url, log: log)
    let audit = folder + "/audit-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: audit, withIntermediateDirectories: true)
    keeper = AuditKeeper(url: url, key: try SigningKey(), folder: audit, log: log)
  }

  /// Brings records, each again and again under new names, until the time is over.
  func run(_ records: [EpisodeRecord], clients: Int, seconds: Double) throws -> Result {
    let lock = NSLock()
    nonisolated(unsafe) var next = 0
    nonisolated(unsafe) var latencies: [Double] = []
    nonisolated(unsafe) var failure: String?
    // Ids in the order of time, as the service makes them, and names without any.
    let now = Identifier.make("ep", milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    let prefix = now.prefix(17)
    let run = UUID().uuidString
    let start = ContinuousClock.now
    let ended = DispatchGroup()
    for _ in 0..<clients {
      ended.enter()
      Thread.detachNewThread { [store] in
        let answered = DispatchSemaphore(value: 0)
        while true {
          lock.lock()
          let index = next
          next += 1
          let isOver = failure != nil
          lock.unlock()
          guard !isOver, ContinuousClock.now - start < .seconds(seconds) else { break }
          var record = records[index % records.count]
          record.id = prefix + String(format: "%012d", index)
          record.externalID = String(format: "%08x", index &* 2_654_435_761 & 0xFFFF_FFFF) + run
          let began = ContinuousClock.now
          store.record(record) { result in
            if case .failure(let error) = result { lock.withLock { failure = error.message } }
            answered.signal()
          }
          answered.wait()
          lock.lock()
          latencies.append((ContinuousClock.now - began) / .milliseconds(1))
          lock.unlock()
        }
        ended.leave()
      }
    }
    ended.wait()
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    store.close()
    keeper.close()
    if let failure { throw BenchmarkError(description: "the store: \(failure)") }
    return Result(rate: Double(latencies.count) / elapsed, latencies: latencies)
  }

  static func quantiles(_ values: [Double]) -> String {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return "none" }
    func quantile(_ share: Double) -> String {
      String(format: "%.2f ms", sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))])
    }
    return "p50 \(quantile(0.5)), p99 \(quantile(0.99)), longest \(quantile(1))"
  }
}

/// What PostgreSQL plans for the lists that the API offers: told by PostgreSQL itself
/// (`auto_explain`) of the queries that the store really sends.
struct StorePlans {
  private let cluster: PrivateCluster
  private let url: String
  private let log: String

  init(_ cluster: PrivateCluster, database: String, log: String) {
    self.cluster = cluster
    url = cluster.url + " dbname=\(database)"
    self.log = log
  }

  /// Prints a line for each list.
  ///
  /// - Throws: ``BenchmarkError`` if one of them reads the whole table.
  func run() throws {
    // In sessions from now on.
    let database = url.components(separatedBy: "dbname=").last ?? ""
    for setting in [
      "session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0",
      "auto_explain.log_analyze = on",
    ] {
      try Tool.run(
        "psql",
        [
          "-X", "-q", "-c", "LOAD 'auto_explain'", "-c",
          "ALTER DATABASE \(database) SET \(setting)", url,
        ]
      )
    }
    let store = PostgresEpisodeStore(url: url, log: Logger(label: "bench"))
    defer { store.close() }
    var scans: [String] = []
    print("  lists of 50 among a million, by plan and milliseconds:")
    for (name, filter) in try filters(store) {
      let before = try size()
      try list(store, filter)
      let text = String(decoding: try tail(from: before), as: UTF8.self)
      let plan = text.components(separatedBy: "Query Text:").last { $0.contains("FROM episodes") }
      let lines = (plan ?? "").split(separator: "\n").map(String.init)
      let nodes = lines.filter { $0.contains("Scan") }.map { line in
        line.trimmingCharacters(in: .whitespaces).replacing("->  ", with: "")
          .components(separatedBy: "  (").first ?? ""
      }
      let time = text.components(separatedBy: "duration: ").last?.prefix { $0 != " " } ?? "?"
      print("    \(name): \(nodes.joined(separator: ", ")) \(time) ms")
      if nodes.isEmpty || nodes.contains(where: { $0.contains("Seq Scan on episodes") }) {
        scans.append(name)
      }
    }
    guard scans.isEmpty else {
      throw BenchmarkError(description: "lists without an index: \(scans)")
    }
  }

  private func filters(_ store: PostgresEpisodeStore) throws -> [(String, EpisodeFilter)] {
    var newest = EpisodeFilter()
    newest.limit = 1
    let last = try list(store, newest).first
    func filter(_ change: (inout EpisodeFilter) -> Void) -> EpisodeFilter {
      var filter = EpisodeFilter()
      change(&filter)
      return filter
    }
    let cursor = try Tool.run(
      "psql", ["-X", "-A", "-t", "-c", "SELECT overt_id_bound(now() - interval '40 days')", url]
    ).trimmingCharacters(in: .whitespacesAndNewlines)
    return [
      ("newest", filter { _ in }),
      ("a page further back", filter { $0.beforeID = cursor }),
      ("project", filter { $0.project = "project-7" }),
      ("a project that is not there", filter { $0.project = "none" }),
      ("verdict", filter { $0.verdicts = ["incomplete"] }),
      ("two verdicts", filter { $0.verdicts = ["flagged", "incomplete"] }),
      ("severity", filter { $0.severities = ["critical"] }),
      ("verdict and project", filter { ($0.verdicts, $0.project) = (["flagged"], "project-10") }),
      ("rule", filter { $0.rules = ["deception.rule-7"] }),
      ("a rule's two names", filter { $0.rules = ["deception.rule-7", "deception.old"] }),
      ("model", filter { $0.model = "model-7" }),
      ("a model that is not there", filter { $0.model = "none" }),
      ("external_id", filter { $0.externalID = last?.externalID }),
      (
        "external_id and project",
        filter { ($0.externalID, $0.project) = (last?.externalID, last?.project) }
      ),
      (
        "a day long ago",
        filter {
          $0.createdAfter = Self.time(daysAgo: 40)
          $0.createdBefore = Self.time(daysAgo: 39)
        }
      ),
      ("before everything", filter { $0.createdBefore = "2020-01-01T00:00:00Z" }),
    ]
  }

  private static func time(daysAgo days: Double) -> String {
    Date(timeIntervalSinceNow: -days * 86_400).formatted(.iso8601)
  }

  @discardableResult
  private func list(
    _ store: PostgresEpisodeStore, _ filter: EpisodeFilter
  ) throws -> [StoredEpisode] {
    let answered = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var answer: Result<[StoredEpisode], StoreError>?
    store.episodes(filter) { result in
      answer = result
      answered.signal()
    }
    answered.wait()
    return try answer?.get() ?? []
  }

  private func size() throws -> UInt64 {
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: log))
    defer { try? handle.close() }
    return try handle.seekToEnd()
  }

  private func tail(from offset: UInt64) throws -> Data {
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: log))
    defer { try? handle.close() }
    try handle.seek(toOffset: offset)
    return try handle.readToEnd() ?? Data()
  }
}
