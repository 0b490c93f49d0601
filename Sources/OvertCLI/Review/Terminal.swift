internal import Foundation
internal import Glibc

/// The terminal as a grid of lines, in raw mode: what is typed comes key by key, and what was there
/// before is there again afterwards, however the program ends.
final class Terminal {
  /// Why waiting for a key ended.
  enum Event: Equatable {
    case key(ReviewSession.Key)
    case resize
    case timeout
    /// Nobody types any more, or the program is to end.
    case end
  }

  private let hasAlternateScreen: Bool
  private let isStyled: Bool
  private var shown: [String] = []
  private var pending: [UInt8] = []

  /// What is to be put back, and where handlers write: signals become bytes, because a handler may do
  /// little more than write.
  private struct Shared {
    var saved: termios?
    var isRaw = false
    var usesAlternateScreen = false
    var pipes: (read: Int32, write: Int32) = (-1, -1)
  }

  // nonisolated(unsafe) because the main thread alone changes it; a handler, which interrupts that
  // thread, only reads a descriptor that was set before it was installed.
  nonisolated(unsafe) private static var shared = Shared()

  /// - Returns: nil where there is no terminal to take over.
  init?(hasAlternateScreen: Bool) {
    guard isatty(0) == 1, isatty(1) == 1 else { return nil }
    var state = termios()
    guard unsafe tcgetattr(0, &state) == 0 else { return nil }
    self.hasAlternateScreen = hasAlternateScreen
    isStyled =
      ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty ?? true
    unsafe Self.shared.saved = state
    unsafe Self.shared.usesAlternateScreen = hasAlternateScreen
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return nil }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    unsafe Self.shared.pipes = (ends[0], ends[1])
    for number in [SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGCONT] {
      signal(number) { number in
        var byte = UInt8(truncatingIfNeeded: number)
        _ = unsafe write(Terminal.shared.pipes.write, &byte, 1)
      }
    }
    atexit { Terminal.restore() }
    enter()
  }

  deinit { Terminal.restore() }

  private func enter() {
    guard var state = unsafe Self.shared.saved else { return }
    unsafe cfmakeraw(&state)
    // Lines still end where they should for what others print.
    state.c_oflag |= tcflag_t(OPOST)
    unsafe tcsetattr(0, TCSAFLUSH, &state)
    unsafe Self.shared.isRaw = true
    // The other screen; no cursor; no brackets around what is pasted.
    Console.write((hasAlternateScreen ? "\u{1B}[?1049h" : "") + "\u{1B}[?25l\u{1B}[?2004l\u{1B}[2J")
    shown = []
  }

  /// Puts everything back; does nothing the second time.
  static func restore() {
    guard unsafe shared.isRaw, var state = unsafe shared.saved else { return }
    unsafe shared.isRaw = false
    let text =
      "\u{1B}[0m\u{1B}[?25h" + (unsafe shared.usesAlternateScreen ? "\u{1B}[?1049l" : "\r\n")
    let bytes = Array(text.utf8)
    // A terminal that is gone needs nothing.
    _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
    unsafe tcsetattr(0, TCSAFLUSH, &state)
  }

  /// Lets another program have the terminal.
  func suspended(_ body: () throws -> Void) rethrows {
    Self.restore()
    defer { enter() }
    try body()
  }

  var size: (width: Int, height: Int) {
    var size = winsize()
    guard unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (max(20, Int(size.ws_col)), max(8, Int(size.ws_row)))
  }

  /// Shows lines, writing only those that have changed.
  func show(_ lines: [[ReviewLayout.Run]]) {
    var output = ""
    for (index, line) in lines.enumerated() {
      let text = ReviewScreen.rendered(line, isStyled: isStyled)
      if index < shown.count, shown[index] == text { continue }
      output += "\u{1B}[\(index + 1);1H\u{1B}[0m\u{1B}[K" + text
    }
    shown = lines.map { ReviewScreen.rendered($0, isStyled: isStyled) }
    if !output.isEmpty { Console.write(output) }
  }

  /// Forgets what is shown: another size, or another program, has changed it.
  func invalidate() {
    shown = []
    Console.write("\u{1B}[2J")
  }

  // MARK: Keys

  /// The next key, or what else happens within some seconds.
  func next(seconds: Double) -> Event {
    let deadline = Date().addingTimeInterval(seconds)
    while true {
      if let key = takeKey(isComplete: false) { return .key(key) }
      let left = deadline.timeIntervalSinceNow
      guard left > 0 else { return .timeout }
      var entries = [
        pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
        pollfd(fd: unsafe Self.shared.pipes.read, events: Int16(POLLIN), revents: 0),
      ]
      // The rest of an escape sequence comes at once, or it is the key by itself.
      let isPartial = !pending.isEmpty
      let milliseconds = isPartial ? 50 : Int32(min(left * 1000 + 1, 60_000))
      let count = unsafe poll(&entries, 2, milliseconds)
      if count == 0, isPartial, let key = takeKey(isComplete: true) { return .key(key) }
      if count <= 0 { continue }
      if entries[1].revents != 0, let event = takeSignal() { return event }
      if entries[0].revents != 0 {
        var buffer = [UInt8](repeating: 0, count: 1024)
        let read = unsafe Glibc.read(0, &buffer, buffer.count)
        guard read > 0 else { return .end }
        pending += buffer.prefix(read)
      }
    }
  }

  private func takeSignal() -> Event? {
    var byte: UInt8 = 0
    guard unsafe Glibc.read(Self.shared.pipes.read, &byte, 1) == 1 else { return nil }
    switch Int32(byte) {
    case SIGWINCH: return .resize
    case SIGCONT:
      enter()
      return .resize
    default: return .end
    }
  }

  /// - Parameter isComplete: whether nothing more comes: a lone escape is a key.
  private func takeKey(isComplete: Bool) -> ReviewSession.Key? {
    while let first = pending.first {
      switch first {
      case 0x1B:
        guard let (key, count) = Self.sequence(pending, isComplete) else { return nil }
        pending.removeFirst(count)
        if let key { return key }
      case 0x1A:
        // Ctrl-Z: the terminal as it was, until somebody continues the program.
        pending.removeFirst()
        Self.restore()
        raise(SIGSTOP)
      case 0x03, 0x04:
        pending.removeFirst()
        return .interrupt
      case 0x0D, 0x0A:
        pending.removeFirst()
        return .enter
      case 0x7F, 0x08:
        pending.removeFirst()
        return .backspace
      case 0..<0x20: pending.removeFirst()
      default:
        let count = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard pending.count >= count || isComplete else { return nil }
        let text = String(decoding: pending.prefix(count), as: UTF8.self)
        pending.removeFirst(min(count, pending.count))
        if let character = text.first { return .character(character) }
      }
    }
    return nil
  }

  /// The key that an escape sequence stands for (nil if none that is known), and its bytes; nil
  /// where more has to come.
  private static func sequence(
    _ bytes: [UInt8], _ isComplete: Bool
  ) -> (ReviewSession.Key?, Int)? {
    guard bytes.count > 1 else { return isComplete ? (.escape, 1) : nil }
    guard bytes[1] == UInt8(ascii: "[") || bytes[1] == UInt8(ascii: "O") else {
      return (.escape, 1)
    }
    guard let end = bytes.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
      return isComplete ? (.escape, bytes.count) : nil
    }
    let keys: [String: ReviewSession.Key] = [
      "A": .up, "B": .down, "H": .home, "F": .end, "5~": .pageUp, "6~": .pageDown, "1~": .home,
      "4~": .end,
    ]
    return (keys[String(decoding: bytes[2...end], as: UTF8.self)], end + 1)
  }
}
