/// Where the fields are that the server itself obeys, found in one pass over a request's fields.
struct ControlFields {
  /// How often a field occurs, and where first.
  struct Occurrence {
    private(set) var count = 0
    private(set) var first: Int?

    fileprivate mutating func note(_ index: Int) {
      count += 1
      first = first ?? index
    }
  }

  private(set) var host = Occurrence()
  private(set) var expect = Occurrence()
  private(set) var connection = Occurrence()
  private(set) var contentLength = Occurrence()
  private(set) var transferEncoding = Occurrence()
  private(set) var contentEncoding = Occurrence()

  init(_ fields: HeaderFields) {
    // Few fields have a name of these lengths: comparing the length first skips nearly all.
    for index in 0..<fields.count {
      switch fields.buffer.entry(at: index).name.count {
      case 4 where fields.isNamed("host", at: index): host.note(index)
      case 6 where fields.isNamed("expect", at: index): expect.note(index)
      case 10 where fields.isNamed("connection", at: index): connection.note(index)
      case 14 where fields.isNamed("content-length", at: index): contentLength.note(index)
      case 16 where fields.isNamed("content-encoding", at: index): contentEncoding.note(index)
      case 17 where fields.isNamed("transfer-encoding", at: index): transferEncoding.note(index)
      default: break
      }
    }
  }
}
