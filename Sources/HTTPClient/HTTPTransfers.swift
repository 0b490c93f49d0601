internal import CCurl
internal import Glibc
internal import Threads

/// A request to any server.
package struct HTTPCall: Sendable {
  package var url: String
  package var body: [UInt8]
  /// Besides the length, as `Name: value`.
  package var fields: [String]
  package var connectSeconds = 5.0
  /// In which the whole answer must have come, however it trickles.
  package var totalSeconds = 120.0
  package var replyBytesMax = 4 << 20

  package init(url: String, body: [UInt8], fields: [String]) {
    self.url = url
    self.body = body
    self.fields = fields
  }
}

/// Why a call brought no answer.
package enum HTTPCallFailure: Error, Sendable, Equatable {
  /// No connection: the request has not been sent.
  case unreachable(String)
  /// It may have been sent.
  case timeout
  case replyTooLarge
  case broken(String)
  /// The transfers are closed.
  case closed
}

/// Many calls at once on one thread of their own (libcurl's multi interface). Connections are kept
/// and shared; no redirect is followed.
@safe
package final class HTTPTransfers: @unchecked Sendable {
  // @unchecked Sendable because the multi handle is used by the one thread alone, but for
  // `curl_multi_wakeup`, which any thread may call; what is shared besides is in `Locked`.
  package typealias Result = Swift.Result<HTTPReply, HTTPCallFailure>

  private struct Inbox {
    var waiting: [Transfer] = []
    var isClosed = false
  }

  private let multi: UnsafeMutableRawPointer?
  private let inbox = Locked(Inbox())
  private var thread: ThreadGroup?

  /// - Parameter connectionsMax: kept and used at once.
  package init(connectionsMax: Int = 64) {
    curl_global_init(Int(CURL_GLOBAL_DEFAULT))
    unsafe multi = curl_multi_init()
    unsafe overt_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connectionsMax)
    unsafe overt_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connectionsMax)
    thread = ThreadGroup([{ [unowned self] in run() }], name: "overt-transfers")
  }

  /// Starts a call. The completion runs on the transfers' thread and must not block.
  package func send(_ call: HTTPCall, _ completion: @escaping @Sendable (Result) -> Void) {
    let transfer = Transfer(call, completion)
    let isTaken = inbox.withLock { inbox in
      guard !inbox.isClosed else { return false }
      inbox.waiting.append(transfer)
      return true
    }
    guard isTaken else { return completion(.failure(.closed)) }
    unsafe curl_multi_wakeup(multi)
  }

  /// Starts a call and waits for its end.
  package func send(_ call: HTTPCall) -> Result {
    let answer = Answer()
    send(call) { answer.put($0) }
    return answer.take()
  }

  /// Ends all calls and the thread. Blocks.
  package func close() {
    inbox.withLock { $0.isClosed = true }
    unsafe curl_multi_wakeup(multi)
    thread?.join()
    thread = nil
  }

  deinit {
    close()
    unsafe curl_multi_cleanup(multi)
  }

  private func run() {
    var active: [UnsafeMutableRawPointer: Transfer] = unsafe [:]
    while true {
      let (new, isClosed) = inbox.withLock { inbox in
        defer { inbox.waiting = [] }
        return (inbox.waiting, inbox.isClosed)
      }
      if isClosed {
        for transfer in new { transfer.completion(.failure(.closed)) }
        unsafe active.forEach { handle, transfer in
          unsafe curl_multi_remove_handle(multi, handle)
          transfer.completion(.failure(.closed))
        }
        return
      }
      for transfer in new {
        guard let handle = unsafe transfer.prepared() else {
          transfer.completion(.failure(.broken("libcurl cannot be started")))
          continue
        }
        unsafe active[handle] = transfer
        unsafe curl_multi_add_handle(multi, handle)
      }
      var running: Int32 = 0
      unsafe curl_multi_perform(multi, &running)
      var code = CURLE_OK
      while let handle = unsafe overt_curl_ended(multi, &code) {
        unsafe curl_multi_remove_handle(multi, handle)
        if let transfer = unsafe active.removeValue(forKey: handle) { transfer.finish(code) }
      }
      unsafe curl_multi_poll(multi, nil, 0, 1000, nil)
    }
  }
}

/// A result that one thread waits for.
private final class Answer: Sendable {
  private let queue = WorkQueue<HTTPTransfers.Result>(countMax: 1)

  func put(_ result: HTTPTransfers.Result) { _ = queue.put(result) }
  func take() -> HTTPTransfers.Result { queue.take(atMost: 1).first ?? .failure(.closed) }
}

/// One call under way. Touched by the transfers' thread alone once it is on its way.
@safe
private final class Transfer: @unchecked Sendable {
  // @unchecked Sendable because it is handed from the caller to the transfers' thread once.
  let completion: @Sendable (HTTPTransfers.Result) -> Void
  private let call: HTTPCall
  private var handle: UnsafeMutableRawPointer?
  private var list: UnsafeMutablePointer<curl_slist>?
  private let reply: ReplyCollector
  private let body: UnsafeMutableRawBufferPointer

  init(_ call: HTTPCall, _ completion: @escaping @Sendable (HTTPTransfers.Result) -> Void) {
    self.call = call
    self.completion = completion
    reply = ReplyCollector(bytesMax: call.replyBytesMax)
    unsafe body = .allocate(byteCount: max(1, call.body.count), alignment: 1)
    unsafe body.copyBytes(from: call.body)
  }

  deinit {
    unsafe curl_easy_cleanup(handle)
    unsafe curl_slist_free_all(list)
    unsafe body.deallocate()
  }

  /// The handle of the request; nil if there can be none.
  func prepared() -> UnsafeMutableRawPointer? {
    guard let handle = unsafe curl_easy_init() else { return nil }
    unsafe self.handle = handle
    for field in ["Expect:"] + call.fields { unsafe list = curl_slist_append(list, field) }
    unsafe overt_curl_set_list(handle, CURLOPT_HTTPHEADER, list)
    unsafe overt_curl_set_string(handle, CURLOPT_URL, call.url)
    unsafe overt_curl_set_string(handle, CURLOPT_ACCEPT_ENCODING, "")
    unsafe Transport.set(
      on: handle, connectSeconds: call.connectSeconds, totalSeconds: call.totalSeconds)
    unsafe overt_curl_set_body(handle, body.baseAddress, call.body.count)
    unsafe reply.attach(to: handle)
    return unsafe handle
  }

  func finish(_ code: CURLcode) {
    completion(result(code))
  }

  private func result(_ code: CURLcode) -> HTTPTransfers.Result {
    if code == CURLE_OK, let handle = unsafe handle {
      return unsafe .success(reply.reply(of: handle))
    }
    if reply.isTooLarge { return .failure(.replyTooLarge) }
    let words = unsafe String(cString: curl_easy_strerror(code))
    switch code {
    case CURLE_OPERATION_TIMEDOUT: return .failure(.timeout)
    case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY,
      CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION:
      return .failure(.unreachable(words))
    default: return .failure(.broken(words))
    }
  }
}
