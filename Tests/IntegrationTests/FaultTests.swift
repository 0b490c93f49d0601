import Foundation
import Glibc
import HTTPClient
import TestSupport
import Testing

/// Something goes wrong while clients post: whatever was acknowledged is there exactly once, the
/// audit log is whole, and the server goes on by itself.
///
/// `OVERT_FAULT_ROUNDS=N` runs N rounds, the faults in turn, from the seed `OVERT_FAULT_SEED`.
@Suite(
  .enabled(if: PostgresCluster.isPresent, Comment(rawValue: PostgresCluster.absence)), .serialized)
struct FaultTests {
  enum Fault: String, CaseIterable, Sendable {
    case serverKilled
    case backendKilled
    case postmasterKilled
    case cutBeforeCommit
    case cutAfterCommit
    case diskFull
    case replicaPromoted

    /// Those that this machine can have.
    static var possible: [Fault] { allCases.filter { $0 != .diskFull || SmallDisk.isPossible } }
  }

  private static let clientCount = 8
  /// Acknowledgements after a fault, and the time that they may take.
  private static let furtherCount = 30
  private static let furtherSeconds = 30.0
  /// In which the audit log must have caught up.
  private static let auditSeconds = 30.0

  /// Of the long form; 0 where it is not wanted.
  private static let rounds = number("OVERT_FAULT_ROUNDS").map { Int(clamping: $0) } ?? 0

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  @Test(.timeLimit(.minutes(20)), arguments: Fault.allCases.filter { $0 != .diskFull })
  func `a fault loses nothing that was acknowledged, and doubles nothing`(fault: Fault) {
    runOnce(fault)
  }

  @Test(
    .enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.absence)),
    .timeLimit(.minutes(20)))
  func `a full disk loses nothing that was acknowledged, and doubles nothing`() {
    runOnce(.diskFull)
  }

  @Test(
    .enabled(if: FaultTests.rounds > 0, "OVERT_FAULT_ROUNDS is not set: one round of each fault"),
    .timeLimit(.minutes(600)))
  func `many faults lose nothing that was acknowledged, and double nothing`() {
    let first = Self.number("OVERT_FAULT_SEED") ?? UInt64.random(in: 0...0xFFFF_FFFF)
    print("FaultTests: \(Self.rounds) rounds; OVERT_FAULT_SEED=\(first) repeats them")
    if !SmallDisk.isPossible { print("FaultTests: \(SmallDisk.absence)") }
    let faults = Fault.possible
    var sites: [Fault: FaultSite] = [:]
    defer { for site in sites.values { site.end() } }
    for index in 0..<Self.rounds {
      let fault = faults[index % faults.count]
      let site = run(fault, seed: first &+ UInt64(index), on: sites.removeValue(forKey: fault))
      sites[fault] = site
    }
  }

  /// A round with the seed of all short tests.
  private func runOnce(_ fault: Fault) {
    run(fault, seed: SeededGenerator().seed, on: nil)?.end()
  }

  /// Runs a round.
  ///
  /// - Parameter site: of an earlier round of the same fault.
  /// - Returns: the site if it is still of use.
  @discardableResult
  private func run(_ fault: Fault, seed: UInt64, on earlier: FaultSite?) -> FaultSite? {
    let start = Date()
    print("FaultTests: \(fault), seed \(seed)")
    var site = earlier
    do {
      let ready = try site ?? FaultSite(fault)
      site = ready
      try round(ready, seed: seed)
      let seconds = (Date().timeIntervalSince(start) * 10).rounded() / 10
      print("FaultTests: \(fault), seed \(seed): \(seconds) s")
      guard !ready.isSpent else {
        ready.end()
        return nil
      }
      return ready
    } catch {
      Issue.record("\(fault), seed \(seed): \(error)\(site?.serverErrors ?? "")")
      site?.end()
      return nil
    }
  }

  private func round(_ site: FaultSite, seed: UInt64) throws {
    let place = "\(site.fault), seed \(seed)"
    var generator = SeededGenerator(seed: seed)
    let server = try site.startServer()
    let clients = PostingClients(
      count: Self.clientCount, prefix: "\(site.fault)-\(seed)", Self.poster(to: server))
    defer { clients.stop() }
    try clients.awaitAcknowledged(Int.random(in: 20...120, using: &generator))
    try site.strike(&generator, clients)
    try clients.awaitAcknowledged(
      clients.acknowledgedCount + Self.furtherCount, within: Self.furtherSeconds
    ) { try site.tend() }
    #expect(clients.stop(), "clients hang (\(place))")
    #expect(clients.wrongAnswers.isEmpty, "\(place)")
    site.acknowledged.merge(clients.acknowledged) { first, _ in first }
    try Wait.until("the audit log catches up", seconds: Self.auditSeconds, pauseMilliseconds: 50) {
      // A database that is still recovering has not caught up.
      (try? site.query(
        """
        SELECT EXISTS (SELECT FROM audit_checkpoints) AND NOT EXISTS (SELECT FROM audit_queue)
        """)) == "t"
    }
    let status = site.stopServer()
    #expect(status == 0, "the server's end (\(place))")
    try expectExactlyOnce(site, place)
    let audit = try OvertProgram.run(
      ["audit", "verify", "--database-url", site.checkURL, "--state-dir", site.state.path])
    #expect(audit.status == 0, "\(audit.output)\(audit.errors) (\(place))")
  }

  private func expectExactlyOnce(_ site: FaultSite, _ place: String) throws {
    let rows = try site.query("SELECT external_id, id FROM episodes")
    let stored = rows.split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
    #expect(Set(stored.map { $0[0] }).count == stored.count, "doubled (\(place))")
    let ids = Dictionary(stored.map { ($0[0], $0[1]) }) { first, _ in first }
    let lost = site.acknowledged.filter { ids[$0.key] != $0.value }
    #expect(lost.isEmpty, "lost or changed (\(place))")
    let withoutText = try site.query(
      """
      SELECT count(*) FROM episodes WHERE NOT EXISTS (
        SELECT FROM episode_contents WHERE episode_id = episodes.id)
      """)
    #expect(withoutText == "0", "episodes without their text (\(place))")
  }

  /// Makes what a client posts with.
  private static func poster(to server: RunningServer) -> @Sendable () -> PostingClients.Poster {
    let (url, token) = (server.url, server.token)
    return {
      let client = HTTPClient(url: url, token: token)
      return { name in Self.post(name, client) }
    }
  }

  private static func post(_ name: String, _ client: HTTPClient) -> PostingClients.Attempt {
    let answer: Answer
    do {
      answer = try client.post("/v1/episodes", Document.flagged(name))
    } catch {
      // No connection, or one that ended before the answer: its fate is not known.
      return .refused("\(error)")
    }
    switch answer.status {
    case 200, 201:
      guard let id = answer.string("id") else { return .wrong("an answer without an id") }
      return .acknowledged(id: id)
    case 503: return .refused("503 \(answer.problem ?? "")")
    default: return .wrong("\(answer.status) \(answer.problem ?? "")")
    }
  }
}

/// Where rounds of one fault happen: a PostgreSQL, what it needs to fail, and a server on it.
private final class FaultSite {
  let fault: FaultTests.Fault
  let state: StateFolder
  /// All that was ever acknowledged here, by name.
  var acknowledged: [String: String] = [:]
  /// Whether the fault can happen once only.
  private(set) var isSpent = false

  private let rules: TemporaryFolder
  private let disk: SmallDisk?
  private let cluster: PostgresCluster
  private let standby: PostgresCluster?
  private let proxy: FaultyProxy?
  private var server: RunningServer?

  /// In which a fault must have happened.
  private static let strikeSeconds = 30.0
  /// In which a full disk is to be noticed.
  private static let fullSeconds = 2.0

  init(_ fault: FaultTests.Fault) throws {
    self.fault = fault
    state = try StateFolder()
    rules = try TemporaryFolder()
    // One rule: a server that reads it starts at once.
    for file in ["policy.yaml", "reward-hacking/special-case-tests.yaml"] {
      try rules.write(TestData.repositoryBytes("Rules/\(file)"), to: file)
    }
    let isCut = fault == .cutBeforeCommit || fault == .cutAfterCommit
    disk = fault == .diskFull ? try SmallDisk() : nil
    // The log ahead of the data must leave room for them on a small disk.
    let options = fault == .diskFull ? ["min_wal_size=32MB", "max_wal_size=48MB"] : []
    cluster = try PostgresCluster(options: options, listensOnTCP: isCut, disk: disk)
    standby = fault == .replicaPromoted ? try PostgresCluster(standbyOf: cluster) : nil
    proxy = isCut ? try FaultyProxy(to: cluster.port) : nil
  }

  /// The database as the tests look at it, past the proxy.
  var checkURL: String {
    guard let standby else { return cluster.url }
    return "host=\(cluster.socketFolder),\(standby.socketFolder) port=\(cluster.port) user=overt"
      + " dbname=overt target_session_attrs=read-write"
  }

  /// The database as the server is told of it.
  private var serverURL: String {
    guard let proxy else { return checkURL }
    return "host=127.0.0.1 port=\(proxy.port) user=overt dbname=overt sslmode=disable"
      + " gssencmode=disable"
  }

  func query(_ sql: String) throws -> String { try PostgresCluster.query(sql, on: checkURL) }

  /// What the server has complained of last.
  var serverErrors: String {
    server.map { "\nthe server's log ends:\n\($0.errors.suffix(3000))" } ?? ""
  }

  func startServer() throws -> RunningServer {
    let server = try RunningServer(
      databaseURL: serverURL, state: state, arguments: ["--rules", rules.path])
    self.server = server
    return server
  }

  /// Ends the server as an operator would; its status.
  func stopServer() -> Int32 {
    defer { server = nil }
    return server?.terminate().status ?? -1
  }

  /// Lets the fault happen, and puts right what the server cannot.
  func strike(_ generator: inout SeededGenerator, _ clients: PostingClients) throws {
    switch fault {
    case .serverKilled: try restartServer()
    case .backendKilled: try cluster.killABackend(&generator)
    case .postmasterKilled:
      try cluster.kill9()
      try cluster.start()
    case .cutBeforeCommit: try cut(.beforeCommit, &generator)
    case .cutAfterCommit: try cut(.afterCommit, &generator)
    case .diskFull: try fillDisk(&generator, clients)
    case .replicaPromoted:
      isSpent = true
      try cluster.kill9()
      try standby?.promote()
    }
  }

  /// Keeps alive what an operator would, while the server finds its way back.
  func tend() throws {
    if fault == .diskFull { try cluster.revive() }
  }

  /// Ends everything, also in the middle of a round.
  func end() {
    server?.kill()
    server = nil
    proxy?.close()
    standby?.end()
    cluster.end()
    disk?.unmount()
  }

  /// Kills the server, and starts it where clients look for it.
  private func restartServer() throws {
    guard let old = server, let port = old.url.split(separator: ":").last else {
      throw CommandError(message: "no server runs")
    }
    old.kill()
    server = try RunningServer(
      databaseURL: serverURL, state: state,
      arguments: ["--rules", rules.path, "--port", String(port)])
  }

  private func cut(_ moment: FaultyProxy.Moment, _ generator: inout SeededGenerator) throws {
    guard let proxy else { return }
    let count = Int.random(in: 1...4, using: &generator)
    let before = proxy.commitCutCount
    proxy.cutCommits(count, at: moment, after: Int.random(in: 0...5, using: &generator))
    try Wait.until("\(count) commits are cut", seconds: Self.strikeSeconds) {
      proxy.commitCutCount >= before + count
    }
    // And now and then more trouble on top of it.
    if generator.isOne(in: 3) { try proxy.cutAll() }
    if generator.isOne(in: 3) {
      proxy.blackHole(seconds: Double.random(in: 0.1...1, using: &generator))
    }
  }

  /// Fills the disk until somebody notices and a moment longer, and makes room again.
  private func fillDisk(
    _ generator: inout SeededGenerator, _ clients: PostingClients
  ) throws {
    guard let disk else { return }
    defer { disk.empty() }
    let before = clients.refusalCount
    let longer = Double.random(in: 0...0.5, using: &generator)
    var end = Date().addingTimeInterval(Self.fullSeconds)
    var isNoticed = false
    while Date() < end {
      // What PostgreSQL frees meanwhile is taken too.
      try disk.fill()
      if !isNoticed, clients.refusalCount > before {
        isNoticed = true
        end = Date().addingTimeInterval(longer)
      }
      usleep(5_000)
    }
  }
}
