internal import Oversight

/// A reviewer's work on the queue: what is on the screen, what has been said of it, and what is to
/// be done next. Pure; both front ends drive it.
struct ReviewSession {
  enum Key: Equatable {
    case character(Character)
    case up, down, pageUp, pageDown, home, end
    case enter, escape, backspace
    case interrupt
  }

  /// What whoever drives the session is to do.
  enum Effect: Equatable {
    case claim
    case submit
    case undo(review: String)
    case release(skip: String?)
    case editNote
    case quit
  }

  enum Mode: Equatable {
    case reading
    /// A reason is asked for.
    case skipping
    case searching(String)
    case naming(String)
    case help
    /// The verdict is stored; what was hidden is shown until any key.
    case revealed(String)
    /// There is nothing to look at.
    case idle
  }

  /// In which verdicts of a new item do nothing: whoever typed ahead did not mean it.
  static let settleSeconds = 0.3
  private static let undoMax = 20

  private(set) var item: ReviewItem?
  private(set) var held: ReviewQueueClient.Held?
  private(set) var labels = ReviewQueueClient.Labels()
  private(set) var mode = Mode.idle
  /// The last thing that happened, one line.
  private(set) var notice = ""
  /// Index of the finding that stands out.
  private(set) var finding: Int?
  private(set) var place = ReviewLayout.Place(block: 0, line: 0)
  private(set) var layout: ReviewLayout?
  private(set) var done = 0
  private var isFolded = true
  private var width = 80
  private var height = 24
  private var shownAt = 0.0
  private var search = ""
  /// Ids of one's own reviews, the last at the end.
  private(set) var reviews: [String] = []

  /// Lines that the transcript has on the screen.
  var transcriptHeight: Int { max(3, height - 6 - min(2, item?.reasons.count ?? 0)) }

  mutating func resize(width: Int, height: Int) {
    guard width != self.width || height != self.height || layout == nil else { return }
    (self.width, self.height) = (width, height)
    relayout()
  }

  /// Columns beside the text: the gutter and the track.
  static let margins = 6

  private mutating func relayout() {
    guard let item else { return layout = nil }
    // What stands at the top stays there, as near as its block.
    let block = place.block
    let made = ReviewLayout(item, width: max(20, width - Self.margins), isFolded: isFolded)
    made.current = finding
    layout = made
    place = made.place(ReviewLayout.Place(block: block, line: 0), moved: 0)
  }

  // MARK: What comes from the server

  mutating func show(_ item: ReviewItem?, _ held: ReviewQueueClient.Held?, at time: Double) {
    self.item = item
    self.held = held
    labels = ReviewQueueClient.Labels()
    finding = nil
    isFolded = true
    place = ReviewLayout.Place(block: 0, line: 0)
    shownAt = time
    mode = item == nil ? .idle : .reading
    relayout()
    if let item, !item.findings.isEmpty { select(0) }
  }

  /// A review was stored.
  mutating func stored(_ review: String, revealed: String) -> [Effect] {
    reviews.append(review)
    if reviews.count > Self.undoMax { reviews.removeFirst() }
    done += 1
    notice = "stored \(labels.verdict)\(labels.severity.map { " \($0)" } ?? "") - z to undo"
    let isBlind = item?.isBlind ?? false
    item.map { notice += " (\(VisibleText.line($0.externalID, limit: 40)))" }
    guard isBlind else { return [.claim] }
    mode = .revealed(revealed)
    return []
  }

  /// The item is held no more.
  mutating func release() { held = nil }

  mutating func undone() {
    _ = reviews.popLast()
    done = max(0, done - 1)
    notice = "taken back: judge it again"
  }

  mutating func tell(_ notice: String) { self.notice = notice }
  mutating func write(note: String) {
    labels.note = note
    self.notice = note.isEmpty ? "no note" : "note kept"
  }

  // MARK: Keys

  mutating func press(_ key: Key, at time: Double) -> [Effect] {
    if key == .interrupt { return [.release(skip: nil), .quit] }
    switch mode {
    case .idle: return pressIdle(key)
    case .help:
      mode = item == nil ? .idle : .reading
      return []
    case .revealed:
      mode = .reading
      return [.claim]
    case .skipping: return pressSkip(key)
    case .searching(let text): return type(key, text) { $0.find($1) }
    case .naming(let text): return type(key, text) { $0.name($1) }
    case .reading: return pressReading(key, time)
    }
  }

  private mutating func pressIdle(_ key: Key) -> [Effect] {
    switch key {
    case .character("q"): return [.quit]
    case .character("z"): return undo()
    case .character("?"):
      mode = .help
      return []
    default: return [.claim]
    }
  }

  private func undo() -> [Effect] {
    reviews.last.map { [.undo(review: $0)] } ?? []
  }

  private mutating func pressReading(_ key: Key, _ time: Double) -> [Effect] {
    switch key {
    case .up: move(-1)
    case .down: move(1)
    case .pageUp: move(-transcriptHeight + 1)
    case .pageDown, .character(" "): move(transcriptHeight - 1)
    case .home, .character("g"): place = layout?.start ?? place
    case .end, .character("G"): place = layout?.end(transcriptHeight) ?? place
    // Enter never decides.
    case .enter, .escape, .backspace, .interrupt: break
    case .character(let character): return pressReading(character, time)
    }
    return []
  }

  private mutating func pressReading(_ key: Character, _ time: Double) -> [Effect] {
    switch key {
    case "t", "f", "b", "u":
      guard time - shownAt >= Self.settleSeconds else { return [] }
      return decide(key)
    case "j": place = layout?.message(from: place, isForward: true) ?? place
    case "k": place = layout?.message(from: place, isForward: false) ?? place
    case "n": select((finding ?? -1) + 1)
    case "p": select((finding ?? 0) - 1)
    case "+": mark(true)
    case "-": mark(false)
    case "1", "2", "3", "4", "5":
      labels.severity = Self.severities[(key.wholeNumberValue ?? 1) - 1]
      notice = "severity \(labels.severity ?? "")"
    case "c": mode = .naming("")
    case "s": mode = .skipping
    case "m": return [.editNote]
    case "z": return undo()
    case "r":
      isFolded.toggle()
      relayout()
    case "/": mode = .searching("")
    case "N": find(search)
    case "o": notice = "/v1/episodes/\(item?.id ?? "") (overt report page.html --episode …)"
    case "?": mode = .help
    case "q": return [.release(skip: nil), .quit]
    default: notice = "'\(VisibleText.line(String(key)))' does nothing; ? for help"
    }
    return []
  }

  static let severities = ["info", "low", "medium", "high", "critical"]

  private mutating func decide(_ key: Character) -> [Effect] {
    let verdicts: [Character: String] = [
      "t": "true_positive", "f": "false_positive", "b": "benign_but_notable", "u": "unsure",
    ]
    labels.verdict = verdicts[key] ?? ""
    // What the server would ask for.
    let isGrave = labels.severity.map { ["high", "critical"].contains($0) } ?? false
    if labels.note.isEmpty, key == "u" || (key == "f" && isGrave) {
      notice = "a note is needed for this: m, then the verdict again"
      return []
    }
    return [.submit]
  }

  /// Seconds that the item has been looked at.
  func seconds(at time: Double) -> Double { max(0, time - shownAt) }

  mutating func timed(at time: Double) { labels.seconds = seconds(at: time) }

  private mutating func pressSkip(_ key: Key) -> [Effect] {
    mode = .reading
    let reasons: [Character: String] = [
      "u": "unclear", "c": "conflict", "l": "too-long", "d": "upsetting",
    ]
    guard case .character(let character) = key, let reason = reasons[character] else {
      notice = "not skipped"
      return []
    }
    notice = "skipped: \(reason)"
    return [.release(skip: reason), .claim]
  }

  private mutating func type(
    _ key: Key, _ text: String, _ finish: (inout ReviewSession, String) -> Void
  ) -> [Effect] {
    var text = text
    switch key {
    case .character(let character): text.append(character)
    case .backspace: text = String(text.dropLast())
    case .enter:
      mode = .reading
      finish(&self, text)
      return []
    default:
      mode = .reading
      return []
    }
    if case .searching = mode { mode = .searching(text) } else { mode = .naming(text) }
    return []
  }

  private mutating func find(_ words: String) {
    search = words
    guard let layout, let found = layout.search(words, from: place, isForward: true) else {
      return notice = "not found: \(VisibleText.line(words, limit: 40))"
    }
    place = found
    notice = "found; N for the next"
  }

  private mutating func name(_ text: String) {
    let names = text.split { $0 == " " || $0 == "," }.map(String.init)
    labels.categories = names
    notice = names.isEmpty ? "no category" : "categories \(names.joined(separator: " "))"
  }

  private mutating func move(_ count: Int) {
    guard let layout, !layout.isEmpty else { return }
    place = layout.place(place, moved: count)
  }

  private mutating func select(_ index: Int) {
    guard let item, !item.findings.isEmpty else { return notice = "no findings" }
    let index = (index + item.findings.count) % item.findings.count
    finding = index
    layout?.current = index
    if let found = layout?.place(of: item.findings[index].span) {
      place = layout?.place(found, moved: -2) ?? found
    }
  }

  private mutating func mark(_ isTrue: Bool) {
    guard let item, let finding else { return notice = "no finding is chosen; n chooses one" }
    labels.findings[item.findings[finding].id] = isTrue
    notice = "finding \(finding + 1) is \(isTrue ? "true" : "false")"
  }
}
