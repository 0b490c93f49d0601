import Foundation
import Glibc
import HTTPClient
import TestSupport
import Testing
import Threads

/// The server is killed while clients post: nothing that it acknowledged is lost, nothing is
/// doubled.
@Suite(
  .enabled(if: TestDatabase.isPresent, Comment(rawValue: TestDatabase.absence)),
  .timeLimit(.minutes(20)), .serialized)
struct CrashTests {
  private static let clientCount = 8
  /// Rounds of posting and killing, each on what the last one left behind.
  private static let rounds = 3

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `kill -9 loses no acknowledged episode and doubles none`(seed: UInt64) throws {
    let database = try TestDatabase()
    let state = try StateFolder()
    var generator = SeededGenerator(seed: seed)
    let acknowledged = Locked<[String: String]>([:])
    for round in 0..<Self.rounds {
      let server = try RunningServer(databaseURL: database.url, state: state)
      let target = acknowledged.withLock(\.count) + Int.random(in: 50...400, using: &generator)
      post(to: server, round, acknowledged, until: target)
    }
    let survivor = try RunningServer(databaseURL: database.url, state: state)
    let client = HTTPClient(url: survivor.url, token: survivor.token)
    let known = acknowledged.withLock { $0 }
    #expect(known.count >= Self.rounds * 50)
    let rows = try database.run("SELECT external_id, id FROM episodes")
    let stored = rows.split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
    #expect(Set(stored.map { $0[0] }).count == stored.count, "doubled (seed \(seed))")
    let byName = Dictionary(stored.map { ($0[0], $0[1]) }) { first, _ in first }
    for (name, id) in known {
      #expect(byName[name] == id, "lost or changed: \(name) (seed \(seed))")
    }
    // What was acknowledged is known again, and its text is whole.
    for (name, id) in known.prefix(50) {
      #expect(try client.post("/v1/episodes", Document.flagged(name)).string("id") == id)
      let received = try client.get("/v1/episodes/\(id)/received").body
      #expect(received == Array(Document.flagged(name).utf8))
    }
    #expect(survivor.terminate().status == 0)
  }

  @Test func `kill -9 of the database loses no acknowledged episode, and it comes back`() throws {
    let state = try StateFolder()
    let server = try RunningServer(databaseURL: nil, state: state)
    let known = Acknowledgements()
    let clients = DispatchGroup()
    let (url, token) = (server.url, server.token)
    let over = SharedFlag()
    for number in 0..<Self.clientCount {
      DispatchQueue.global().async(group: clients) {
        let client = HTTPClient(url: url, token: token)
        for index in 0..<100_000 where !over.isSet {
          let name = "\(number)-\(index)"
          // The server itself lives: what it cannot store it refuses, and is asked again.
          while !over.isSet, let answer = try? client.post("/v1/episodes", Document.flagged(name)) {
            if [200, 201].contains(answer.status), let id = answer.string("id") {
              known.add(name, id)
              break
            }
          }
        }
      }
    }
    for _ in 0..<2 {
      let before = known.count
      while known.count < before + 100 { clients.waitBriefly() }
      let note = try String(
        contentsOfFile: state.path + "/postgres/data/postmaster.pid", encoding: .utf8)
      let process = try #require(note.split(separator: "\n").first.flatMap { pid_t($0) })
      kill(process, SIGKILL)
      while kill(process, 0) == 0 { clients.waitBriefly() }
    }
    let after = known.count
    while known.count < after + 100 { clients.waitBriefly() }
    over.set()
    clients.wait()
    let client = HTTPClient(url: url, token: token)
    for (name, id) in known.all {
      var again = try client.post("/v1/episodes", Document.flagged(name))
      // The last thread of the store may still have to notice.
      if again.status == 503 { again = try client.post("/v1/episodes", Document.flagged(name)) }
      #expect(
        again.status == 200 && again.string("id") == id, "lost or doubled: \(name), \(again.status)"
      )
    }
    #expect(server.terminate().status == 0)
  }

  /// Something that is said once, to many.
  private final class SharedFlag: Sendable {
    private let value = Locked(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
  }

  /// Posts from several clients until enough is acknowledged, kills the server in the middle of it,
  /// and waits for the clients to notice.
  private func post(
    to server: RunningServer, _ round: Int, _ acknowledged: borrowing Locked<[String: String]>,
    until target: Int
  ) {
    let box = Acknowledgements()
    let start = acknowledged.withLock(\.count)
    let clients = DispatchGroup()
    let (url, token) = (server.url, server.token)
    for number in 0..<Self.clientCount {
      DispatchQueue.global().async(group: clients) {
        let client = HTTPClient(url: url, token: token)
        for index in 0..<100_000 {
          let name = "\(round)-\(number)-\(index)"
          // A request that fails is what the server's end looks like from here.
          guard let answer = try? client.post("/v1/episodes", Document.flagged(name)) else {
            return
          }
          if answer.status == 201, let id = answer.string("id") { box.add(name, id) }
        }
      }
    }
    while box.count < target - start, clients.wait(timeout: .now() + .milliseconds(1)) == .timedOut
    {}
    server.kill()
    clients.wait()
    acknowledged.withLock { $0.merge(box.all) { first, _ in first } }
  }

  private final class Acknowledgements: Sendable {
    private let ids = Locked<[String: String]>([:])
    func add(_ name: String, _ id: String) { ids.withLock { $0[name] = id } }
    var count: Int { ids.withLock(\.count) }
    var all: [String: String] { ids.withLock { $0 } }
  }
}

extension DispatchGroup {
  /// Gives the clients a moment; whether any is still at it.
  @discardableResult
  fileprivate func waitBriefly() -> Bool {
    wait(timeout: .now() + .milliseconds(1)) == .timedOut
  }
}
