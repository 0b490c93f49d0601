/// Writes response heads as bytes (RFC 9112 §4, RFC 9110 §6.6.1 and §8.6). No I/O.
struct ResponseEncoder {
  /// What must be known besides the response.
  struct Context {
    /// What the Connection field says.
    enum Persistence { case close, keepAlive, implied }

    var persistence: Persistence
    /// Whether the request was HEAD.
    var isHead: Bool
  }

  /// The `100 Continue` that lets a client send its body (RFC 9110 §15.2.1).
  static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  private static let copiedBodyBytesMax = 16 * 1024

  /// The response encoded last, up to its body if that is large.
  private(set) var bytes: [UInt8] = []
  /// The status line and the Date line encoded last, for this status and second.
  private var opening: [UInt8] = []
  private var openingStatus = Status.ok
  private var openingSeconds: Int64 = .min

  /// Encodes a response into `bytes`: its head, and its body too if it is small, since one run of
  /// bytes is cheaper to send than two. Answers what is to be sent after `bytes`.
  ///
  /// Most responses are of one status in any second, so the two lines that these decide are kept.
  mutating func encode(
    _ response: Response, _ context: Context, unixSeconds: Int64
  ) -> [UInt8] {
    bytes.removeAll(keepingCapacity: true)
    encodeHead(response, context, unixSeconds)
    guard !context.isHead, !response.status.isBodyless else { return [] }
    guard response.body.count <= Self.copiedBodyBytesMax else { return response.body }
    bytes.append(contentsOf: response.body)
    return []
  }

  private mutating func encodeHead(
    _ response: Response, _ context: Context, _ unixSeconds: Int64
  ) {
    refreshOpening(response.status, unixSeconds)
    bytes.append(contentsOf: opening)
    for field in response.fields { append(field) }
    if !response.status.isBodyless {
      bytes.append("content-length: ")
      append(response.body.count)
      bytes.append("\r\n")
    }
    switch context.persistence {
    case .close: bytes.append("connection: close\r\n")
    case .keepAlive: bytes.append("connection: keep-alive\r\n")
    case .implied: break
    }
    bytes.append("\r\n")
  }

  private mutating func refreshOpening(_ status: Status, _ unixSeconds: Int64) {
    guard unixSeconds != openingSeconds || status != openingStatus else { return }
    openingSeconds = unixSeconds
    openingStatus = status
    let date = HTTPDate.text(unixSeconds: unixSeconds)
    opening = Array("HTTP/1.1 \(status.code) \(status.reason)\r\ndate: \(date)\r\n".utf8)
  }

  private mutating func append(_ field: Response.Field) {
    bytes.append(field.name)
    bytes.append(": ")
    let start = bytes.count
    bytes.append(field.value)
    for index in start..<bytes.count where !bytes[index].isFieldValueByte {
      bytes[index] = .space
    }
    bytes.append("\r\n")
  }

  private mutating func append(_ number: Int) {
    var power = 1
    while number / power >= 10 { power *= 10 }
    while power > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / power % 10))
      power /= 10
    }
  }
}
