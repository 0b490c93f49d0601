internal import CCurl

/// What every transfer through libcurl keeps to: http and https only, no redirects, no proxy for
/// loopback addresses, no signals, deadlines.
enum Transport {
  static func set(
    on handle: UnsafeMutableRawPointer, connectSeconds: Double, totalSeconds: Double
  ) {
    unsafe overt_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    unsafe overt_curl_set_string(handle, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1")
    unsafe overt_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    unsafe overt_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
    unsafe overt_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Int(connectSeconds * 1000))
    unsafe overt_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(totalSeconds * 1000))
  }
}

/// Takes the reply of one transfer as it comes. Must outlive the transfer; one thread at a time.
final class ReplyCollector {
  private let bytesMax: Int
  private var body: [UInt8] = []
  private var fields: [(name: String, value: String)] = []
  /// Whether the transfer was cut off since its body went beyond the bound.
  private(set) var isTooLarge = false

  /// Header fields that are taken; those beyond are left out.
  private static let fieldsMax = 200

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Forgets a reply, for the next transfer.
  func clear() {
    body = []
    fields = []
    isTooLarge = false
  }

  /// What has come of a transfer that ended well.
  func reply(of handle: UnsafeMutableRawPointer) -> HTTPReply {
    HTTPReply(status: unsafe overt_curl_status(handle), body: body, fields: fields)
  }

  /// Has a transfer's header and body come here.
  func attach(to handle: UnsafeMutableRawPointer) {
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe overt_curl_set_writer(
      handle,
      { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        return unsafe Unmanaged<ReplyCollector>.fromOpaque(context).takeUnretainedValue()
          .take(UnsafeRawBufferPointer(start: bytes, count: size * count))
      }, context)
    unsafe overt_curl_set_header_writer(
      handle,
      { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
        unsafe Unmanaged<ReplyCollector>.fromOpaque(context).takeUnretainedValue()
          .takeHeader(String(decoding: line, as: UTF8.self))
        return size * count
      }, context)
  }

  private func takeHeader(_ line: String) {
    // The status line of a new response: what came before belongs to an interim one.
    if line.hasPrefix("HTTP/") { fields = [] }
    guard let colon = line.firstIndex(of: ":"), fields.count < Self.fieldsMax else { return }
    let value = line[line.index(after: colon)...].filter { $0 != "\r\n" && $0 != "\n" }
    fields.append((line[..<colon].lowercased(), String(value.drop { $0 == " " || $0 == "\t" })))
  }

  /// - Returns: bytes that were taken; fewer end the transfer.
  private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard body.count + bytes.count <= bytesMax else {
      isTooLarge = true
      return 0
    }
    unsafe body.append(contentsOf: bytes)
    return bytes.count
  }
}
