import Foundation
import HTTPClient
import TestSupport
import Testing

/// Two servers on one database, both under load: nothing is done twice, nobody waits for ever, and
/// neither takes all the work.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)))
struct TwoServersTests {
  private static let clientsEach = 4
  private static let episodes = 400
  /// What each of two does at least.
  private static let fairShare = 0.2

  @Test func `two servers share the work, and nothing is done twice`() throws {
    let database = try TestDatabase()
    let endpoint = try StubEndpoint { _, _ in
      StubEndpoint.completion(StubEndpoint.verdict("violation", 92))
    }
    defer { endpoint.close() }
    // One rule, and a policy that asks the monitor about everything.
    let rules = try TemporaryFolder()
    let rule = "reward-hacking/special-case-tests.yaml"
    try rules.write(try TestData.repositoryBytes("Rules/\(rule)"), to: rule)
    let policy = String(decoding: try TestData.repositoryBytes("Rules/policy.yaml"), as: UTF8.self)
      .replacing("unsure: [0.5, 0.95]", with: "unsure: [0, 1]")
    try rules.write(Array(policy.utf8), to: "policy.yaml")
    let states = [try StateFolder(), try StateFolder()]
    let servers = try states.map { state in
      try RunningServer(
        databaseURL: database.url, state: state, arguments: ["--rules", rules.path],
        environment: [
          "OVERT_MONITOR_URL": endpoint.url, "OVERT_MONITOR_MODEL": "stub",
          "OVERT_AUDIT_KEY": Self.key,
        ])
    }
    let clients = servers.enumerated().map { number, server in
      PostingClients(count: Self.clientsEach, prefix: "server-\(number)", Self.poster(to: server))
    }
    // Both take in the same episodes as well: each is stored once.
    let both = servers.map { server in
      PostingClients(count: 1, prefix: "both", Self.poster(to: server))
    }
    let all = clients + both
    try Wait.until("\(Self.episodes) episodes", seconds: 60) {
      clients.reduce(0) { $0 + $1.acknowledgedCount } >= Self.episodes
        && both.allSatisfy { $0.acknowledgedCount >= 20 }
    }
    for group in all {
      #expect(group.stop())
      #expect(group.wrongAnswers.isEmpty)
    }
    try Wait.until("every job is finished", seconds: 120, pauseMilliseconds: 50) {
      try database.run("SELECT count(*) FROM monitor_jobs WHERE finished_at IS NULL") == "0\n"
    }
    for server in servers {
      #expect(server.terminate().status == 0)
      #expect(!server.errors.contains("deadlock"))
    }

    // No deadlock, and no name twice.
    #expect(
      try database.run(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == "0\n")
    let names = Set(all.flatMap { $0.acknowledged.keys })
    #expect(try database.run("SELECT count(*) FROM episodes") == "\(names.count)\n")
    let ids = Set(both[0].acknowledged.filter { both[1].acknowledged[$0.key] != nil }.keys)
    for name in ids { #expect(both[0].acknowledged[name] == both[1].acknowledged[name]) }
    #expect(ids.count >= 20)
    // No job twice.
    #expect(
      try database.run("SELECT count(*) FROM monitor_jobs WHERE outcome <> 'scored'") == "0\n")
    #expect(
      try database.run(
        """
        SELECT count(*) FROM (SELECT episode_id FROM monitor_calls WHERE outcome = 'answered'
          GROUP BY episode_id HAVING count(*) > 4) AS repeated
        """) == "0\n")
    #expect(try database.run("SELECT max(attempts) FROM monitor_jobs") == "1\n")
    // Fair shares of what came, and of the jobs.
    for group in clients {
      let share = Double(group.acknowledgedCount) / Double(Self.episodes)
      #expect(share > Self.fairShare)
    }
    let shares = try database.run(
      "SELECT count(*)::float8 / sum(count(*)) OVER () FROM monitor_jobs GROUP BY worker")
    let jobs = shares.split(separator: "\n").compactMap { Double($0) }
    #expect(jobs.count == 2)
    #expect(jobs.allSatisfy { $0 > Self.fairShare })
    // One log, which the checkpoints of both cover.
    let kept = states.flatMap { state -> [UInt8] in
      let path = state.path + "/audit/checkpoints.jsonl"
      return FileManager.default.contents(atPath: path).map { Array($0) } ?? []
    }
    let folder = try TemporaryFolder()
    try folder.write(kept, to: "all.jsonl")
    let audit = try OvertProgram.run(
      [
        "audit", "verify", folder.path + "/all.jsonl", "--database-url", database.url,
        "--state-dir", states[0].path,
      ], environment: ["OVERT_AUDIT_KEY": Self.key])
    #expect(audit.status == 0, "\(audit.output)\(audit.errors)")
    #expect(!audit.output.contains("not yet signed"))
  }

  /// A key that servers share.
  private static let key: String = {
    // A key that cannot be made fails every command that is given it.
    (try? Command.run("openssl", ["genpkey", "-algorithm", "ed25519"]).output) ?? ""
  }()

  private static func poster(to server: RunningServer) -> @Sendable () -> PostingClients.Poster {
    let (url, token) = (server.url, server.token)
    return {
      let client = HTTPClient(url: url, token: token)
      return { name in
        // What has no answer is posted again.
        guard let answer = try? client.post("/v1/episodes", Document.flagged(name)) else {
          return .refused("no answer")
        }
        guard [200, 201].contains(answer.status), let id = answer.string("id") else {
          return answer.status == 503
            ? .refused("503") : .wrong("\(answer.status) \(answer.problem ?? "")")
        }
        return .acknowledged(id: id)
      }
    }
  }
}
