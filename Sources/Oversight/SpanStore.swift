/// A span of a trace that waits for the others of its conversation.
package struct SpanRecord: Sendable, Equatable {
  package var project: String
  package var traceID: String
  package var spanID: String
  package var conversation: String
  /// Whether it has no parent: then its trace has ended.
  package var isRoot: Bool
  /// Nanoseconds since 1970, as its producer says.
  package var start: Int64
  /// nil if it tells nothing of a model.
  package var document: [UInt8]?

  package init(
    project: String, traceID: String, spanID: String, conversation: String, isRoot: Bool,
    start: Int64, document: [UInt8]?
  ) {
    self.project = project
    self.traceID = traceID
    self.spanID = spanID
    self.conversation = conversation
    self.isRoot = isRoot
    self.start = start
    self.document = document
  }
}

/// The spans of a conversation that has come to rest, leased to who puts them together.
package struct SpanConversation: Sendable, Equatable {
  package var project: String
  package var conversation: String
  /// Episodes that came of it before.
  package var parts: Int
  /// Spans that waited when it was leased; those beyond what is put together at once are among them.
  package var waiting: Int
  /// In the order of time.
  package var spans: [Span]

  package struct Span: Sendable, Equatable {
    package var traceID: String
    package var spanID: String
    package var document: [UInt8]

    package init(traceID: String, spanID: String, document: [UInt8]) {
      self.traceID = traceID
      self.spanID = spanID
      self.document = document
    }
  }

  package init(
    project: String, conversation: String, parts: Int, waiting: Int, spans: [Span]
  ) {
    self.project = project
    self.conversation = conversation
    self.parts = parts
    self.waiting = waiting
    self.spans = spans
  }
}

/// Where spans wait. Calls return at once; results come through completions.
package protocol SpanStore: Sendable {
  /// Keeps spans; those that are known change nothing. Success means that they are on disk.
  func add(_ spans: [SpanRecord], _ completion: @escaping Completion<Void>)

  /// Takes conversations that have come to rest: a span without a parent is there and for some time
  /// no other came, or none came for long.
  ///
  /// - Parameters:
  ///   - quietSeconds: without another span, once a trace has ended.
  ///   - idleSeconds: without another span, whatever is missing.
  func claimConversations(
    quietSeconds: Double, idleSeconds: Double, count: Int,
    _ completion: @escaping Completion<[SpanConversation]>)

  /// Marks the spans of a conversation as put together.
  ///
  /// - Parameter problem: why they are no episode; then they are kept as they are.
  func finish(
    _ conversation: SpanConversation, problem: String?, _ completion: @escaping Completion<Void>)
}
