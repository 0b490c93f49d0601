internal import Foundation
internal import Importers
internal import Oversight

/// `overt scan` and `overt gate` of folders as they lie about: a gigabyte of JSON Lines and `.eval`
/// archives, and one JSON log of 200 MB. Memory, both cores, speed beside Python's hyperscan package
/// on the same texts.
struct FolderBenchmark {
  private let options: Options

  init(_ options: Options) { self.options = options }

  /// Bytes on disk of the folder, and of the log.
  private static let folderBytes = 1_000_000_000
  private static let logBytes = 200_000_000

  func run() throws {
    guard let overt = ProcessInfo.processInfo.environment["OVERT_PROGRAM"] else {
      return print("overt scan: OVERT_PROGRAM is not set, so there is nothing to measure")
    }
    let folder = try Tool.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let episodes = try RulesBenchmark.episodes()
    var lines = Data()
    for (number, episode) in episodes.enumerated() {
      lines.append(Self.line(episode, number))
      if lines.count > 16_000_000 { break }
    }
    let base = folder + "/base.jsonl"
    try lines.write(to: URL(fileURLWithPath: base))
    let script = folder + "/make.py"
    try Self.script.write(toFile: script, atomically: true, encoding: .utf8)
    print(
      "writing a folder of \(Self.folderBytes / 1_000_000) MB and a log of "
        + "\(Self.logBytes / 1_000_000) MB")
    let made = try Tool.run(
      "python3", [script, base, folder, "\(Self.folderBytes)", "\(Self.logBytes)"])
    let sizes = made.split(separator: "\n").compactMap { Double($0) }
    guard sizes.count == 3 else { throw BenchmarkError(description: made) }
    try measure("folder, rules and linear monitor", overt, folder + "/corpus", sizes[1], bar: 300)
    try measure(
      "folder, rules alone", overt, folder + "/corpus", sizes[1], bar: 300,
      more: ["--linear-model", "none"])
    try measure(
      "one log of \(Int(sizes[2] / 1e6)) MB", overt, folder + "/log.json", sizes[2],
      bar: 3 * sizes[2] / 1_048_576)
  }

  /// - Parameters:
  ///   - bytes: that are read, after decompression.
  ///   - bar: MiB of memory.
  private func measure(
    _ name: String, _ overt: String, _ path: String, _ bytes: Double, bar: Double,
    more: [String] = []
  ) throws {
    let start = ContinuousClock.now
    let process = Process()
    process.executableURL = URL(fileURLWithPath: overt)
    process.arguments = ["scan", path, "--format", "ndjson", "--exit-zero"] + more
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    var memory = 0.0
    var cpu = 0.0
    while process.isRunning {
      memory = max(memory, Self.peak(process.processIdentifier))
      cpu = max(cpu, (try? Tool.cpuSeconds(of: process.processIdentifier)) ?? 0)
      usleep(20_000)
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw BenchmarkError(description: "overt ended with \(process.terminationStatus)")
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    func text(_ number: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", number) }
    print(
      "overt scan, \(name): \(text(memory, 0)) MiB at most (bar: ≤ \(text(bar, 0))), "
        + "\(text(cpu / seconds, 2)) cores busy, \(text(bytes / 1e6 / seconds, 0)) MB/s, "
        + "\(text(bytes / 1e6 / cpu, 0)) MB per CPU s")
  }

  /// MiB that a process has had at most.
  private static func peak(_ process: Int32) -> Double {
    // A process that has just ended has no page any more.
    let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    let words = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }) ?? []
    return words.count > 1 ? (Double(words[1]) ?? 0) / 1024 : 0
  }

  private static func line(_ episode: Episode, _ number: Int) -> Data {
    let messages = episode.messages.map { message in
      let parts = message.parts.map { part in
        let kind = part.kind == .reasoning ? "reasoning" : "text"
        return ["type": kind, "visibility": "full", "text": part.text]
      }
      return ["role": message.role.rawValue, "parts": parts] as [String: Any]
    }
    let object: [String: Any] = ["external_id": "bench-\(number)", "messages": messages]
    // Texts and names alone: it can be written.
    return ((try? JSONSerialization.data(withJSONObject: object)) ?? Data()) + Data([0x0A])
  }

  private static let script = """
    import json, os, sys, zipfile
    base, folder, folder_bytes, log_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    lines = open(base, "rb").read().splitlines()
    corpus = os.path.join(folder, "corpus")
    os.makedirs(corpus)
    disk = read = number = 0

    def sample(line, number):
        said = []
        for message in json.loads(line)["messages"]:
            content = [
                {"type": "reasoning", "reasoning": part["text"]} if part["type"] == "reasoning"
                else {"type": "text", "text": part["text"]} for part in message["parts"]]
            role = message["role"] if message["role"] in ("user", "assistant", "system") else "user"
            said.append({"role": role, "content": content})
        return json.dumps({"id": str(number), "epoch": 1, "uuid": f"u{number}", "messages": said}).encode()

    files = 0
    while disk < folder_bytes:
        files += 1
        if files % 2:
            path = os.path.join(corpus, f"{files:04}.jsonl")
            with open(path, "wb") as file:
                size = 0
                while size < 32_000_000:
                    line = lines[number % len(lines)]
                    number += 1
                    file.write(line + b"\\n")
                    size += len(line) + 1
            read += size
        else:
            path = os.path.join(corpus, f"{files:04}.eval")
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.writestr("header.json", json.dumps({"eval": {"eval_id": f"e{files}"}}))
                size = 0
                while size < 64_000_000:
                    text = sample(lines[number % len(lines)], number)
                    archive.writestr(f"samples/{number}_epoch_1.json", text)
                    number += 1
                    size += len(text)
            read += size
        disk += os.path.getsize(path)
    with open(os.path.join(folder, "log.json"), "wb") as file:
        file.write(b'{"version":2,"status":"success","eval":{"eval_id":"log"},"samples":[')
        size = 0
        while size < log_bytes:
            text = sample(lines[number % len(lines)], number)
            file.write((b"," if size else b"") + text)
            number += 1
            size += len(text) + 1
        file.write(b"]}")
    print(disk, read, size, sep="\\n")
    """
}
