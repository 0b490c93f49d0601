internal import Synchronization

/// What the service has done since it started, by name and labels. Labels come from fixed sets,
/// never from what a peer sends.
final class Counters: Sendable {
  private let values = Mutex<[Key: Int]>([:])

  struct Key: Hashable {
    let name: String
    let labels: String
  }

  func add(_ name: String, _ labels: String = "", by count: Int = 1) {
    values.withLock { $0[Key(name: name, labels: labels), default: 0] += count }
  }

  func value(_ name: String, _ labels: String = "") -> Int {
    values.withLock { $0[Key(name: name, labels: labels)] ?? 0 }
  }

  /// All counters in the text format of Prometheus, with help for each name.
  func text(help: [(name: String, text: String)]) -> String {
    let values = values.withLock { $0 }
    var text = ""
    for (name, explanation) in help {
      text += "# HELP \(name) \(explanation)\n# TYPE \(name) counter\n"
      let rows = values.filter { $0.key.name == name }.sorted { $0.key.labels < $1.key.labels }
      if rows.isEmpty { text += "\(name) 0\n" }
      for (key, value) in rows {
        text += key.labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(key.labels)} \(value)\n"
      }
    }
    return text
  }
}
