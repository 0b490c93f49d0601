import Testing

@testable import HTTPServer

/// What a parser made of a run of bytes.
enum ParsingOutcome: Equatable {
  case complete(count: Int)
  case incomplete
  case failed(HTTPError.Code)
}

/// Parses `bytes` whole.
func outcome(_ bytes: [UInt8], _ limits: Limits = Limits()) -> ParsingOutcome {
  var parser = RequestParser()
  return outcome(&parser, bytes, limits)
}

private func outcome(
  _ parser: inout RequestParser, _ bytes: [UInt8], _ limits: Limits
) -> ParsingOutcome {
  do throws(HTTPError) {
    switch try parser.parse(bytes.span, limits) {
    case .incomplete: return .incomplete
    case .complete(_, let count): return .complete(count: count)
    }
  } catch {
    return .failed(error.code)
  }
}

/// Parses `bytes` as it grows by one byte at a time; answers what ended it.
func outcomeByteByByte(_ bytes: [UInt8], _ limits: Limits = Limits()) -> ParsingOutcome {
  var parser = RequestParser()
  for count in 0...bytes.count {
    let result = outcome(&parser, Array(bytes[..<count]), limits)
    if result != .incomplete { return result }
  }
  return .incomplete
}

/// Expects a head to be accepted: whole, byte by byte with "more" at every prefix, and with
/// trailing bytes that must be left over.
func expectAccepted(
  _ text: String, _ limits: Limits = Limits(), sourceLocation: SourceLocation = #_sourceLocation
) {
  let bytes = Array(text.utf8)
  let wanted = ParsingOutcome.complete(count: bytes.count)
  #expect(outcome(bytes, limits) == wanted, sourceLocation: sourceLocation)
  #expect(outcomeByteByByte(bytes, limits) == wanted, sourceLocation: sourceLocation)
  #expect(outcome(bytes + Array("\r\n\0x".utf8), limits) == wanted, sourceLocation: sourceLocation)
}

/// Expects a head to be refused with `code`, however it is cut.
func expectRefused(
  _ bytes: [UInt8], _ code: HTTPError.Code, _ limits: Limits = Limits(),
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let wanted = ParsingOutcome.failed(code)
  #expect(outcome(bytes, limits) == wanted, sourceLocation: sourceLocation)
  #expect(outcomeByteByByte(bytes, limits) == wanted, sourceLocation: sourceLocation)
  #expect(outcome(bytes + Array("\r\n\0x".utf8), limits) == wanted, sourceLocation: sourceLocation)
}

/// The head that `text` is.
func head(_ text: String) throws -> RequestHead {
  let bytes = Array(text.utf8)
  var parser = RequestParser()
  guard case .complete(let head, bytes.count) = try parser.parse(bytes.span, Limits()) else {
    throw HTTPError(.malformedField)
  }
  return head
}
