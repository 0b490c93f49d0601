internal import Foundation
internal import Glibc

/// Where words go: stdout is data, stderr is everything else.
enum Console {
  /// Writes data. A reader that has gone away (`| head`) ends the program as it ends others.
  static func write(_ text: String) {
    var text = text
    text.withUTF8 { unsafe writeAll(1, $0) }
  }

  static func line(_ text: String = "") { write(text + "\n") }

  static func data(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBufferPointer { unsafe writeAll(1, $0) }
  }

  /// Tells what went wrong.
  static func error(_ message: String) { note("overt: " + message) }

  /// Tells what is going on.
  static func note(_ message: String) {
    var text = message + "\n"
    text.withUTF8 { unsafe writeAll(2, $0) }
  }

  static var isErrorTerminal: Bool { isatty(2) == 1 }
  static var isOutputTerminal: Bool { isatty(1) == 1 }

  /// Replaces the line of progress on a terminal; says nothing elsewhere.
  static func progress(_ message: String) {
    guard isErrorTerminal else { return }
    var text = "\r\u{1B}[K" + message
    text.withUTF8 { unsafe writeAll(2, $0) }
  }

  private static func writeAll(_ descriptor: Int32, _ bytes: UnsafeBufferPointer<UInt8>) {
    var rest = unsafe bytes[...]
    while unsafe !rest.isEmpty {
      let written = unsafe Glibc.write(
        descriptor, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0 {
        if errno == EINTR { continue }
        guard descriptor == 1 else { return }
        if errno == EPIPE { Glibc.exit(128 + SIGPIPE) }
        // Data that was not written must not look like data that was.
        error("the output cannot be written")
        Glibc.exit(ExitStatus.operational.rawValue)
      }
      unsafe rest = rest.dropFirst(written)
    }
  }
}

/// Colours of severities, on a terminal that wants them (https://no-color.org).
struct Palette {
  private let isOn: Bool

  init(isTerminal: Bool) {
    isOn = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty ?? true
  }

  func bold(_ text: String) -> String { paint(text, "1") }
  func dim(_ text: String) -> String { paint(text, "2") }

  func severity(_ word: String, _ text: String) -> String {
    switch word {
    case "critical", "high": paint(text, "1;31")
    case "medium": paint(text, "33")
    case "incomplete": paint(text, "35")
    case "clear": paint(text, "32")
    default: text
    }
  }

  private func paint(_ text: String, _ code: String) -> String {
    isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
