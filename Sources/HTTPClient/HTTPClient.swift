internal import CCurl
internal import Glibc

/// What a server answered.
package struct HTTPReply: Sendable {
  package let status: Int
  package let body: [UInt8]
  /// The header fields as they came; names in lower case.
  package let fields: [(name: String, value: String)]

  /// The value of the first field with this name, which is given in lower case.
  package subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

  package var isSuccess: Bool { (200..<300).contains(status) }

  /// The field of a header line; nil for the status line and the last one.
  static func field(_ line: String) -> (name: String, value: String)? {
    guard let colon = line.firstIndex(of: ":") else { return nil }
    let value = line[line.index(after: colon)...].filter { $0 != "\r\n" && $0 != "\n" }
    return (line[..<colon].lowercased(), String(value.drop { $0 == " " || $0 == "\t" }))
  }
}

/// Why there is no answer.
package struct HTTPClientError: Error, Sendable, Equatable {
  /// What happened, as a sentence; libcurl's words.
  package let message: String
}

/// A client of one server, through libcurl: one request at a time over a kept connection.
///
/// Follows no redirects, speaks http and https only, and asks no proxy for loopback addresses.
@safe
package final class HTTPClient {
  /// Bytes of an answer that are taken.
  private static let replyBytesMax = 512 << 20
  private static let connectMilliseconds = 5_000
  private static let totalMilliseconds = 120_000

  private let url: String
  private let token: String?
  private let caFile: String?
  private let handle: UnsafeMutableRawPointer?
  private var reply: [UInt8] = []
  private var fields: [(name: String, value: String)] = []
  private var isReplyTooLarge = false

  /// - Parameters:
  ///   - url: the server's, such as `http://127.0.0.1:8080`.
  ///   - token: sent as a bearer token with each request.
  ///   - caFile: certificates in PEM to trust instead of the system's.
  package init(url: String, token: String?, caFile: String? = nil) {
    self.caFile = caFile
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.token = token
    unsafe handle = curl_easy_init()
  }

  deinit { unsafe curl_easy_cleanup(handle) }

  /// Sends a request and waits for the answer.
  ///
  /// - Parameters:
  ///   - path: with its query, beginning with a slash.
  ///   - more: header fields besides, as `Name: value`.
  package func send(
    _ method: String, _ path: String, contentType: String = "application/json",
    body: [UInt8]? = nil, fields more: [String] = []
  ) throws(HTTPClientError) -> HTTPReply {
    guard let handle = unsafe handle else {
      throw HTTPClientError(message: "libcurl cannot be started.")
    }
    unsafe curl_easy_reset(handle)
    var fields = ["Expect:", "Accept: application/json"]
    if let token { fields.append("Authorization: Bearer \(token)") }
    if body != nil { fields.append("Content-Type: \(contentType)") }
    fields += more
    var list: UnsafeMutablePointer<curl_slist>?
    for field in fields { unsafe list = curl_slist_append(list, field) }
    defer { unsafe curl_slist_free_all(list) }
    unsafe overt_curl_set_list(handle, CURLOPT_HTTPHEADER, list)
    unsafe prepare(handle, method, path)
    reply = []
    self.fields = []
    isReplyTooLarge = false
    let code = unsafe perform(handle, body)
    guard code == CURLE_OK else {
      throw HTTPClientError(
        message: isReplyTooLarge
          ? "The answer is too large." : unsafe String(cString: curl_easy_strerror(code)))
    }
    return HTTPReply(status: unsafe overt_curl_status(handle), body: reply, fields: self.fields)
  }

  private func prepare(_ handle: UnsafeMutableRawPointer, _ method: String, _ path: String) {
    unsafe overt_curl_set_string(handle, CURLOPT_URL, url + path)
    unsafe overt_curl_set_string(handle, CURLOPT_CUSTOMREQUEST, method)
    unsafe overt_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    unsafe overt_curl_set_string(handle, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1")
    unsafe overt_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    unsafe overt_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
    unsafe overt_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Self.connectMilliseconds)
    unsafe overt_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Self.totalMilliseconds)
    if let caFile { unsafe overt_curl_set_string(handle, CURLOPT_CAINFO, caFile) }
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe overt_curl_set_writer(
      handle,
      { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        return unsafe Unmanaged<HTTPClient>.fromOpaque(context).takeUnretainedValue()
          .take(UnsafeRawBufferPointer(start: bytes, count: size * count))
      }, context)
    unsafe overt_curl_set_header_writer(
      handle,
      { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
        unsafe Unmanaged<HTTPClient>.fromOpaque(context).takeUnretainedValue()
          .takeHeader(String(decoding: line, as: UTF8.self))
        return size * count
      }, context)
  }

  private func perform(_ handle: UnsafeMutableRawPointer, _ body: [UInt8]?) -> CURLcode {
    guard let body else { return unsafe curl_easy_perform(handle) }
    return unsafe body.withUnsafeBytes { bytes in
      unsafe overt_curl_set_body(handle, bytes.baseAddress, bytes.count)
      return unsafe curl_easy_perform(handle)
    }
  }

  private func takeHeader(_ line: String) {
    // The status line of a new response: what came before belongs to an interim one.
    if line.hasPrefix("HTTP/") { fields = [] }
    if let field = HTTPReply.field(line) { fields.append(field) }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard reply.count + bytes.count <= Self.replyBytesMax else {
      isReplyTooLarge = true
      return 0
    }
    unsafe reply.append(contentsOf: bytes)
    return bytes.count
  }
}
