@testable internal import Compression
@testable internal import HTTPServer
internal import Importers
internal import Oversight
@testable internal import RuleEngine

/// What hostile bytes are tried on. A target ends or traps: each states what must hold for any bytes.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A connection: heads, framing, bodies, pipelining.
  case request
  /// Chunk framing and trailers alone.
  case chunked
  /// Content codings.
  case coding
  /// Documents that are to be episodes.
  case episode
  /// Archives of Inspect.
  case archive
  /// Traces of OpenTelemetry in protobuf.
  case traces
  /// Rule files.
  case rule
  /// Policy files.
  case policy

  package func run(_ bytes: [UInt8]) {
    switch self {
    case .request: request(bytes)
    case .chunked: chunked(bytes)
    case .coding: coding(bytes)
    case .episode: episode(bytes)
    case .archive: archive(bytes)
    case .traces: traces(bytes)
    case .rule: rule(bytes)
    case .policy: policy(bytes)
    }
  }

  /// The beginning of an input, for whoever has to look into it.
  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.prefix(4096).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Cuts bytes into pieces of sizes that the bytes themselves decide.
  private func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
    var state: UInt32 = bytes.prefix(64).reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    var pieces: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      state = state &* 1_664_525 &+ 1_013_904_223
      let piece = rest.prefix(1 + Int(state >> 24) % 37)
      pieces.append(Array(piece))
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }

  /// However bytes are cut, the same comes of them.
  private func request(_ bytes: [UInt8]) {
    var whole = Conversation()
    whole.receive(bytes)
    var cut = Conversation()
    for piece in pieces(bytes) { cut.receive(piece) }
    precondition(
      whole.withoutContinue == cut.withoutContinue && whole.faults == cut.faults,
      "the cut changes the answer to \(hexadecimal(bytes))")
    whole.end()
  }

  private func chunked(_ bytes: [UInt8]) {
    let whole = decode([bytes])
    precondition(
      whole == decode(pieces(bytes)), "the cut changes the body of \(hexadecimal(bytes))")
  }

  private func decode(_ pieces: [[UInt8]]) -> String {
    let bounds = ChunkedDecoder.Bounds(
      bodyBytesMax: 4096, extensionBytesMax: 64, trailerBytesMax: 128, trailerFieldsMax: 4)
    var decoder = ChunkedDecoder()
    var body: [UInt8] = []
    do throws(HTTPError) {
      for piece in pieces {
        var used = 0
        while used < piece.count, !decoder.isComplete {
          let step = try decoder.decode(piece.span.extracting(used...), bounds)
          precondition(step.used > 0, "a step that uses nothing never ends")
          body += piece[used...][(used + step.data.lowerBound)..<(used + step.data.upperBound)]
          used += step.used
        }
      }
    } catch {
      return error.code.rawValue
    }
    precondition(body.count <= 4096, "the bound holds")
    return "\(decoder.isComplete) \(body)"
  }

  /// The first byte chooses the coding.
  private func coding(_ bytes: [UInt8]) {
    let coding: ContentCoding = (bytes.first ?? 0) & 1 == 0 ? .gzip : .zstd
    let content = Array(bytes.dropFirst())
    let whole = decompress([content], coding)
    precondition(
      whole == decompress(pieces(content), coding),
      "the cut changes the content of \(hexadecimal(bytes))")
  }

  private func decompress(_ pieces: [[UInt8]], _ coding: ContentCoding) -> [UInt8]? {
    var content: [UInt8] = []
    do {
      let decompressor = try Decompressor(coding, bytesMax: 1 << 20, ratioMax: 200)
      for piece in pieces { try decompressor.decode(piece.span, into: &content) }
      // What is cut off and what is wrong are refused alike: which of both the bytes are may depend
      // on how they are cut, as a library that waits for a whole block sees its faults later.
      return decompressor.isComplete ? content : nil
    } catch {
      return nil
    }
  }

  /// A document is episodes or is refused; what is taken can be judged, and read again it is the
  /// same.
  private func episode(_ bytes: [UInt8]) {
    let importer = EpisodeImporter()
    guard let episodes = try? importer.episodes(bytes) else { return }
    precondition(
      (try? importer.episodes(bytes)) == episodes, "the same bytes are the same episodes")
    let policy = Policy(
      version: "", scorers: [:], flagSeverity: .low, unreadable: [], requiresReasoning: false)
    for episode in episodes {
      let coverage = Evaluator(scorers: [], policy: policy).evaluate(episode).coverage
      precondition(
        coverage.turns == coverage.reasoningFull + coverage.reasoningSummary
          + coverage.reasoningMissing + coverage.reasoningNone, "every turn is counted once")
    }
  }

  /// An archive is refused, or each of its samples is read or refused by itself.
  private func archive(_ bytes: [UInt8]) {
    let archive = try? InspectArchive(byteCount: bytes.count) { range in
      range.lowerBound >= 0 && range.upperBound <= bytes.count ? Array(bytes[range]) : nil
    }
    for sample in archive?.samples ?? [] where sample.byteCount <= 1 << 20 {
      guard let document = try? archive?.document(sample) else { continue }
      episode(document)
    }
  }

  /// A request is refused, or is JSON whose spans can be put together to a document again.
  private func traces(_ bytes: [UInt8]) {
    guard let json = try? OTLPTranscoder.json(traces: bytes) else { return }
    guard let spans = try? OTLPSpans(json: json) else {
      preconditionFailure("what was transcoded is JSON: \(hexadecimal(bytes))")
    }
    let documents = spans.spans.compactMap(\.document)
    if !documents.isEmpty { episode(OTLPSpans.conversation(documents)) }
  }

  /// A file is a rule without complaints, or is complained of.
  private func rule(_ bytes: [UInt8]) {
    let source = String(decoding: bytes, as: UTF8.self)
    let (rule, diagnostics) = RuleDecoder.read(source, file: "rule.yaml", expectedID: nil)
    precondition(rule != nil || !diagnostics.isEmpty, "who is refused is told why")
    for diagnostic in diagnostics { _ = diagnostic.rendered(source: source) }
  }

  private func policy(_ bytes: [UInt8]) {
    let source = String(decoding: bytes, as: UTF8.self)
    // Refused or read, the gate's files as well.
    _ = try? GateDecoder.policy(source, file: "gate.yml")
    _ = try? GateDecoder.suppressions(source, file: "ignore.yml")
    do {
      _ = try PolicyDecoder.read(source, file: "policy.yaml")
    } catch {
      precondition(!error.diagnostics.isEmpty, "who is refused is told why")
      for diagnostic in error.diagnostics { _ = diagnostic.rendered(source: source) }
    }
  }
}

extension Conversation {
  /// Whether a client is told to continue depends on how fast it sends.
  fileprivate var withoutContinue: String {
    summary.split(separator: " ").filter { $0 != "100" }.joined(separator: " ")
  }
}
