import Glibc

/// A listening socket as a service manager makes one, on a free port or a path.
final class ListeningSocket {
  private var descriptor: Int32
  private(set) var port: UInt16 = 0

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe bind(descriptor, generic, size) + listen(descriptor, 16)
          + getsockname(descriptor, generic, &size)
      }
    }
    guard result == 0 else { throw RawClient.Failure(what: "bind: \(errno)") }
    port = UInt16(bigEndian: address.sin_port)
  }

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe bind(descriptor, generic, size) + listen(descriptor, 16)
      }
    }
    guard result == 0 else { throw RawClient.Failure(what: "bind: \(errno)") }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Gives the descriptor away.
  func take() -> Int32 {
    defer { descriptor = -1 }
    return descriptor
  }
}
