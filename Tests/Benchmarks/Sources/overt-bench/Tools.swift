internal import Foundation
internal import Glibc

struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
}

/// A program that runs beside the benchmark, ended with it.
final class Peer {
  private let process = Process()
  var identifier: Int32 { process.processIdentifier }

  /// - Parameter isPinned: whether it keeps to a processor that the load leaves alone.
  init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    isPinned: Bool = false
  ) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = (isPinned ? Tool.pin(1) : []) + [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  deinit { stop() }

  func stop() {
    guard process.isRunning else { return }
    process.terminate()
    process.waitUntilExit()
  }
}

enum Tool {
  /// What makes a command keep to a processor, where there are several: without it the scheduler
  /// moves server and load about, and rounds differ by a tenth.
  static func pin(_ processor: Int) -> [String] {
    ProcessInfo.processInfo.activeProcessorCount > 1 ? ["taskset", "-c", "\(processor)"] : []
  }

  /// Runs a program to its end and takes what it prints.
  @discardableResult
  static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    guard process.terminationStatus == 0 else {
      throw BenchmarkError(description: "\(program) failed: \(text)")
    }
    return text
  }

  /// CPU seconds of a program that runs to its end; what it prints is lost.
  static func cpuSeconds(_ program: String, _ arguments: [String]) throws -> Double {
    func children() -> Double {
      var usage = rusage()
      getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
      let micro = Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
      return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + micro / 1e6
    }
    let before = children()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    // ripgrep ends with 1 where nothing matches.
    guard process.terminationStatus <= 1 else {
      throw BenchmarkError(description: "\(program) ended with \(process.terminationStatus)")
    }
    return children() - before
  }

  /// A folder for the time of the run that PostgreSQL's user may pass through.
  static func folder() throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/overt-bench-\(getpid())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    chmod(path, 0o711)
    return path
  }

  /// A port that was free a moment ago.
  static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        guard bind(descriptor, pointer, size) == 0, getsockname(descriptor, pointer, &size) == 0
        else { return 0 }
        return 1
      }
    }
    guard port == 1 else { throw BenchmarkError(description: "no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  /// Waits until something listens on a port.
  static func awaitPort(_ port: Int) throws {
    for _ in 0..<1000 {
      if (try? run("curl", ["-s", "-o", "/dev/null", "http://127.0.0.1:\(port)/livez"])) != nil {
        return
      }
      usleep(20_000)
    }
    throw BenchmarkError(description: "nothing answers on port \(port)")
  }

  /// CPU seconds, of user and system, of a process and the children that it has now.
  static func cpuSeconds(of process: Int32) throws -> Double {
    let own = try cpuTicks(of: process)
    let children = try? run("pgrep", ["-P", "\(process)"]).split(separator: "\n")
    let theirs = (children ?? []).compactMap { Int32($0) }.map { (try? cpuTicks(of: $0)) ?? 0 }
    return (own + theirs.reduce(0, +)) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func cpuTicks(of process: Int32) throws -> Double {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    // The name may hold spaces; the fields begin behind its closing bracket.
    guard let end = text.lastIndex(of: ")") else { return 0 }
    let fields = text[text.index(end, offsetBy: 2)...].split(separator: " ")
    return (Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)
  }

  /// Bytes of memory that a process and its children have to themselves or share, each shared page
  /// in parts (PSS).
  static func memoryBytes(of process: Int32) throws -> Double {
    let children = try? run("pgrep", ["-P", "\(process)"]).split(separator: "\n")
    let all = [process] + (children ?? []).compactMap { Int32($0) }
    return all.reduce(0.0) { sum, process in
      let text =
        (try? String(contentsOfFile: "/proc/\(process)/smaps_rollup", encoding: .utf8)) ?? ""
      let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
      let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
      return sum + kilobytes * 1024
    }
  }

  /// This program.
  static let ownProgram = "/proc/\(getpid())/exe"

  /// A program that was built beside this one.
  static func sibling(_ name: String) -> String {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent(name).path
  }

  /// CPU seconds of the calling thread.
  static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// Connections on which one request was answered and then nothing happens.
final class IdleConnections {
  private var descriptors: [Int32] = []

  init(port: Int, count: Int) throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    var buffer = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<count {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard descriptor >= 0, result == 0 else {
        throw BenchmarkError(description: "connection \(descriptors.count) failed: \(errno)")
      }
      descriptors.append(descriptor)
      _ = send(descriptor, request, request.utf8.count, 0)
      _ = recv(descriptor, &buffer, buffer.count, 0)
    }
  }

  deinit { for descriptor in descriptors { close(descriptor) } }
}

/// A load from wrk.
struct Load {
  let requests: Double
  let errors: Int
  /// Milliseconds within which 99 of 100 requests were answered.
  let p99: Double

  /// - Parameters:
  ///   - script: Lua that makes the requests.
  ///   - isPinned: whether it keeps to the first processor.
  init(
    port: Int, path: String, seconds: Int, connections: Int, script: String,
    isPinned: Bool = false
  ) throws {
    let command = (isPinned ? Tool.pin(0) : []) + ["wrk"]
    let text = try Tool.run(
      command[0],
      command.dropFirst() + [
        "-t", "1", "-c", "\(connections)", "-d", "\(seconds)s", "-s", script, "--latency",
        "http://127.0.0.1:\(port)\(path)",
      ])
    let line = text.split(separator: "\n").first { $0.contains(" requests in ") }
    requests = line.flatMap { $0.split(separator: " ").first.flatMap { Double($0) } } ?? 0
    errors = text.contains("Non-2xx") ? 1 : 0
    let slow = text.split(separator: "\n").lazy.map { $0.split(separator: " ") }
      .first { $0.first == "99%" }
    p99 = slow?.last.map { Self.milliseconds(String($0)) } ?? .nan
    guard requests > 0, errors == 0, !p99.isNaN else {
      throw BenchmarkError(description: "the load failed:\n\(text)")
    }
  }

  /// A time as wrk writes it: `12.34us`, `1.2ms`, `1.01s`.
  private static func milliseconds(_ text: String) -> Double {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000)] where text.hasSuffix(unit) {
      return (Double(text.dropLast(unit.count)) ?? .nan) * factor
    }
    return .nan
  }
}
