import Compression
import Foundation
import Testing

@testable import HTTPServer

@Suite struct LimitSettingTests {
  @Test func `every limit has a name of its own and a default in its range`() {
    let limits = Limits()
    let mirror = Mirror(reflecting: limits)
    #expect(Limits.settings.count == mirror.children.count)
    #expect(Set(Limits.settings.map(\.name)).count == Limits.settings.count)
    for setting in Limits.settings {
      #expect(setting.range.contains(setting.value(of: limits)), "\(setting.name)")
    }
  }

  @Test func `a limit can be changed within its range and is itself alone`() {
    for setting in Limits.settings {
      var limits = Limits()
      #expect(setting.set(setting.range.lowerBound, in: &limits))
      #expect(setting.value(of: limits) == setting.range.lowerBound)
      for other in Limits.settings where other.name != setting.name {
        #expect(other.value(of: limits) == other.value(of: Limits()))
      }
      let before = limits
      #expect(!setting.set(setting.range.lowerBound - 0.5, in: &limits))
      #expect(!setting.set(setting.range.upperBound * 2, in: &limits))
      #expect(limits == before)
    }
  }
}

@Suite struct AcceptEncodingTests {
  @Test(arguments: [
    ("gzip", true), ("GZIP", true), ("x-gzip", true), ("deflate, gzip;q=0.5", true),
    ("*", true), ("br, *;q=0.1", true), ("gzip;q=1.0, identity; q=0.5", true),
    ("", false), ("identity", false), ("br", false), ("gzip;q=0", false), ("gzip; q=0.000", false),
    ("*;q=0", false), ("gzip;q=0, *", false), ("gzip;q=x", false), ("gzipped", false),
  ])
  func `gzip is sent to who asks for it`(value: String, isAccepted: Bool) throws {
    let head = try head("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: \(value)\r\n\r\n")
    #expect(head.fields.accepts(.gzip) == isAccepted)
  }

  @Test func `nothing is nothing, and lines add up`() throws {
    #expect(try !head("GET / HTTP/1.1\r\nHost: a\r\n\r\n").fields.accepts(.gzip))
    let two = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n"
    #expect(try head(two).fields.accepts(.gzip))
  }
}

@Suite struct ServiceManagerTests {
  @Test func `sockets are taken only if they are meant for this process`() {
    let process = "\(getpid())"
    let mine = ServiceManager(["LISTEN_PID": process, "LISTEN_FDS": "2"])
    #expect(mine.listeners == [3, 4])
    for environment in [
      [:], ["LISTEN_FDS": "2"], ["LISTEN_PID": "1", "LISTEN_FDS": "2"],
      ["LISTEN_PID": process, "LISTEN_FDS": "0"], ["LISTEN_PID": process, "LISTEN_FDS": "-1"],
      ["LISTEN_PID": process, "LISTEN_FDS": "1000000"], ["LISTEN_PID": process],
    ] {
      #expect(ServiceManager(environment).listeners.isEmpty)
    }
  }

  @Test func `a watchdog is served only if it watches this process`() {
    #expect(ServiceManager(["WATCHDOG_USEC": "3000000"]).watchdogSeconds == 3)
    #expect(
      ServiceManager(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"]).watchdogSeconds == nil)
    #expect(ServiceManager([:]).watchdogSeconds == nil)
  }

  @Test(arguments: [false, true])
  func `the manager is told`(isAbstract: Bool) throws {
    let name = "/tmp/overt-test-\(UUID().uuidString)"
    let socket = try DatagramSocket(name, isAbstract: isAbstract)
    let manager = ServiceManager(["NOTIFY_SOCKET": isAbstract ? "@" + name : name])
    manager.notify(.ready)
    #expect(socket.receive() == "READY=1")
    manager.notify(.reloading)
    #expect(socket.receive().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    manager.notify(.stopping)
    #expect(socket.receive() == "STOPPING=1")
    ServiceManager([:]).notify(.ready)
    ServiceManager(["NOTIFY_SOCKET": "/nowhere/at/all"]).notify(.ready)
  }
}

/// What a service manager listens on.
private final class DatagramSocket {
  private let descriptor: Int32
  private let path: String?

  init(_ name: String, isAbstract: Bool) throws {
    path = isAbstract ? nil : name
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = (isAbstract ? [0] : []) + Array(name.utf8)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe bind(descriptor, generic, size)
      }
    }
    guard result == 0 else { throw RawClient.Failure(what: "bind: \(errno)") }
  }

  deinit {
    close(descriptor)
    if let path { unsafe unlink(path) }
  }

  func receive() -> String {
    var buffer = [UInt8](repeating: 0, count: 1000)
    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }
}
