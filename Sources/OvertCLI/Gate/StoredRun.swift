internal import Foundation
internal import JSON
internal import Oversight

/// The episodes of a run that a server keeps, found by their labels.
struct StoredRun {
  private let client: ServerClient
  private let project: String?
  private let policy: GatePolicy
  /// Seconds to wait for verdicts that are pending.
  private let timeout: Double

  private static let pageMax = 200
  private static let pause = 2.0

  init(_ options: ClientOptions, project: String?, policy: GatePolicy, timeout: Double) throws {
    client = try ServerClient(options)
    self.project = project
    self.policy = policy
    self.timeout = timeout
  }

  /// A label as it is given, `NAME=VALUE`; nil if it is none.
  static func label(_ text: String) -> (name: String, value: String)? {
    let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.count == 2, !halves[0].isEmpty else { return nil }
    return (String(halves[0]), String(halves[1]))
  }

  /// - Throws: ``CommandFailure`` (2) if the server does not answer.
  func read(_ labels: [String]) throws -> GateRun {
    let pairs = labels.compactMap(Self.label)
    let deadline = Date().addingTimeInterval(timeout)
    var ids = try list(pairs)
    var episodes: [String: GateEpisode] = [:]
    while true {
      var pending = 0
      for (index, id) in ids.enumerated() where episodes[id]?.isPending ?? true {
        let episode = try episode(id, pairs)
        if episode.isPending { pending += 1 }
        episodes[id] = episode
        Console.progress("episode \(index + 1) of \(ids.count)")
      }
      Console.progress("")
      guard pending > 0, Date() < deadline else { break }
      Console.progress("waiting for \(pending) verdicts")
      Thread.sleep(forTimeInterval: Self.pause)
      ids = try list(pairs)
    }
    Console.progress("")
    var run = GateRun(title: labels.joined(separator: " "), policy)
    for case let episode? in ids.map({ episodes[$0] }) {
      run.note(versions: episode.versions)
      run.add(episode)
    }
    return run
  }

  /// The ids of the run, in the order of time.
  private func list(_ labels: [(name: String, value: String)]) throws -> [String] {
    let filters =
      labels.map { "&label.\(queryEscaped($0.name))=\(queryEscaped($0.value))" }.joined()
      + (project.map { "&project=\(queryEscaped($0))" } ?? "")
    var ids: [String] = []
    var cursor: String?
    repeat {
      let path = "/v1/episodes?limit=\(Self.pageMax)\(filters)"
      let next = cursor.map { "&cursor=\(queryEscaped($0))" } ?? ""
      let (page, following) = try client.send("GET", path + next) { answer, _ in
        (
          answer["data"]?.eachElement.compactMap { $0["id"]?.string } ?? [],
          answer["next_cursor"]?.string
        )
      }
      ids += page
      cursor = page.isEmpty ? nil : following
    } while cursor != nil
    return ids.reversed()
  }

  private func episode(_ id: String, _ labels: [(name: String, value: String)]) throws
    -> GateEpisode
  {
    let names = Dictionary(labels.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    let floor = GateRun(title: "", policy).floor
    return try client.send("GET", "/v1/episodes/\(queryEscaped(id))?include=episode") { answer, _ in
      GateEpisode(stored: answer, url: client.address, labels: names, floor: floor)
    }
  }
}
