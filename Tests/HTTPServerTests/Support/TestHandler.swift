import Cryptography
import Foundation
import HTTPServer
import Threads

/// A service with one behaviour a path.
final class TestHandler: RequestHandler {
  /// Paths of all requests that were handled, in order.
  let paths = Locked<[String]>([])
  /// Responders of requests to `/hold`.
  let held = Locked<[Responder]>([])
  /// Signalled for each request to `/hold`.
  let holding = DispatchSemaphore(value: 0)

  func admit(_ head: RequestHead) -> Admission {
    switch head.path {
    case "/refused":
      .refuse(Response(.unauthorized, fields: [.init("www-authenticate", "Bearer")]))
    case "/small": .accept(bodyBytesMax: 10)
    default: .accept(bodyBytesMax: nil)
    }
  }

  func answersWhileStopping(_ head: RequestHead) -> Bool { head.path == "/get" }

  func handle(_ request: Request, _ responder: Responder) {
    paths.withLock { $0.append(request.path) }
    switch request.path {
    case "/get", "/post", "/small": responder.send(echo(request))
    case "/thread":
      let response = echo(request)
      Thread.detachNewThread { responder.send(response) }
    case "/twice":
      responder.send(echo(request))
      responder.send(.text(.internalServerError, "never"))
    case "/drop": break
    case "/drop-later": Thread.detachNewThread { [responder] in _ = responder }
    case "/hold":
      held.withLock { $0.append(responder) }
      holding.signal()
    case "/large":
      responder.send(Response(.ok, body: [UInt8](repeating: UInt8(ascii: "x"), count: 8 << 20)))
    case "/nothing": responder.send(Response(.noContent))
    default: responder.send(.text(.notFound, "not found"))
    }
  }

  private func echo(_ request: Request) -> Response {
    switch request.method {
    case .get, .head, .post: .json(.ok, request.body)
    default: .text(.methodNotAllowed, "method")
    }
  }
}

/// Runs `body` against a server on a free port, and stops it.
func withServer<Result>(
  _ listening: Server.Listening = .address(host: "127.0.0.1", port: 0), limits: Limits = Limits(),
  loops: Int = 1, tls: TLSContext? = nil, handler: TestHandler = TestHandler(),
  _ body: (Server, TestHandler) throws -> Result
) throws -> Result {
  let server = try Server(
    listening, limits: limits, loops: loops, tls: tls, handler: handler)
  server.start()
  defer { server.stop(graceSeconds: 0) }
  return try body(server, handler)
}
