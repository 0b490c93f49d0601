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
  private static let connectSeconds = 5.0
  private static let totalSeconds = 120.0

  private let url: String
  private let token: String?
  private let caFile: String?
  private let handle: UnsafeMutableRawPointer?
  private let reply = ReplyCollector(bytesMax: replyBytesMax)

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
    reply.clear()
    let code = unsafe perform(handle, body)
    guard code == CURLE_OK else {
      throw HTTPClientError(
        message: reply.isTooLarge
          ? "The answer is too large." : unsafe String(cString: curl_easy_strerror(code)))
    }
    return unsafe reply.reply(of: handle)
  }

  private func prepare(_ handle: UnsafeMutableRawPointer, _ method: String, _ path: String) {
    unsafe overt_curl_set_string(handle, CURLOPT_URL, url + path)
    unsafe overt_curl_set_string(handle, CURLOPT_CUSTOMREQUEST, method)
    unsafe Transport.set(
      on: handle, connectSeconds: Self.connectSeconds, totalSeconds: Self.totalSeconds)
    if let caFile { unsafe overt_curl_set_string(handle, CURLOPT_CAINFO, caFile) }
    unsafe reply.attach(to: handle)
  }

  private func perform(_ handle: UnsafeMutableRawPointer, _ body: [UInt8]?) -> CURLcode {
    guard let body else { return unsafe curl_easy_perform(handle) }
    return unsafe body.withUnsafeBytes { bytes in
      unsafe overt_curl_set_body(handle, bytes.baseAddress, bytes.count)
      return unsafe curl_easy_perform(handle)
    }
  }
}
