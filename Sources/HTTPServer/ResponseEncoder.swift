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
  /// Room for a head of ordinary size with a copied body.
  private static let roomBytes = 20 * 1024

  /// Where responses are encoded, in place: to append to an array piece by piece costs more than
  /// all the rest. The first `count` bytes are the response encoded last.
  private(set) var storage = [UInt8](repeating: 0, count: roomBytes)
  private(set) var count = 0
  /// The status line and the Date line encoded last, for this status and second.
  private var opening: [UInt8] = []
  private var openingStatus = Status.ok
  private var openingSeconds: Int64 = .min

  /// Encodes a response into `storage`: its head, and its body too if it is small, since one run of
  /// bytes is cheaper to send than two. Answers what is to be sent after it.
  ///
  /// Most responses are of one status in any second, so the two lines that these decide are kept.
  mutating func encode(
    _ response: Response, _ context: Context, unixSeconds: Int64
  ) -> [UInt8] {
    refreshOpening(response.status, unixSeconds)
    let hasBody = !context.isHead && !response.status.isBodyless
    let isCopied = hasBody && response.body.count <= Self.copiedBodyBytesMax
    var room = opening.count + response.fields.count * 4 + 80
    for field in response.fields { room += field.name.utf8.count + field.value.utf8.count }
    if isCopied { room += response.body.count }
    if room > storage.count { storage = [UInt8](repeating: 0, count: room) }
    count = unsafe storage.withUnsafeMutableBytes { area in
      var writer = unsafe Writer(area)
      writer.put(opening)
      for field in response.fields { writer.put(field) }
      writer.putFraming(response, context)
      if isCopied { writer.put(response.body) }
      return writer.count
    }
    return hasBody && !isCopied ? response.body : []
  }

  /// The response encoded last, up to its body if that is large.
  var bytes: [UInt8] { Array(storage[..<count]) }

  private mutating func refreshOpening(_ status: Status, _ unixSeconds: Int64) {
    guard unixSeconds != openingSeconds || status != openingStatus else { return }
    openingSeconds = unixSeconds
    openingStatus = status
    let date = HTTPDate.text(unixSeconds: unixSeconds)
    opening = Array("HTTP/1.1 \(status.code) \(status.reason)\r\ndate: \(date)\r\n".utf8)
  }
}

/// Writes one response into room that is known to be enough.
@safe
private struct Writer {
  private let area: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  init(_ area: UnsafeMutableRawBufferPointer) { unsafe self.area = area }

  private mutating func put(_ bytes: UnsafeRawBufferPointer) {
    let room = unsafe area.count - count
    precondition(bytes.count <= room, "the room was measured")
    unsafe UnsafeMutableRawBufferPointer(rebasing: area[count...]).copyMemory(from: bytes)
    count += bytes.count
  }

  mutating func put(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe put($0) }
  }

  mutating func put(_ text: StaticString) {
    unsafe put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func put(_ text: String) {
    unsafe text.utf8.span.withUnsafeBytes { unsafe put($0) }
  }

  /// A field line; bytes that could end it are written as spaces.
  mutating func put(_ field: Response.Field) {
    put(field.name)
    put(": ")
    let start = count
    put(field.value)
    var index = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(area))
      .endOfFieldValue(start..<count)
    while index < count {
      if unsafe !area[index].isFieldValueByte { unsafe area[index] = .space }
      index += 1
    }
    put("\r\n")
  }

  /// The fields that the server adds, and the head's end.
  mutating func putFraming(_ response: Response, _ context: ResponseEncoder.Context) {
    if !response.status.isBodyless {
      put("content-length: ")
      put(response.body.count)
      put("\r\n")
    }
    switch context.persistence {
    case .close: put("connection: close\r\n\r\n")
    case .keepAlive: put("connection: keep-alive\r\n\r\n")
    case .implied: put("\r\n")
    }
  }

  private mutating func put(_ number: Int) {
    var digits = 1
    var rest = number
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    rest = number
    for index in stride(from: count + digits - 1, through: count, by: -1) {
      unsafe area[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    count += digits
  }
}
