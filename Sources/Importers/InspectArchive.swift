internal import Compression

/// An `.eval` file of Inspect AI: a ZIP archive of samples, each one member, or many members that
/// are put together here. Every sample becomes a document by itself, so that of an archive of any
/// size one sample is in memory at a time. Any number of threads at once.
package struct InspectArchive: Sendable {
  /// One sample of the archive.
  package struct Sample: Sendable {
    /// What it is called in the archive, such as `samples/7_epoch_1`.
    package let name: String
    /// Bytes of its members when they are read.
    package let byteCount: Int
    fileprivate let shell: ZipArchive.Member
    fileprivate let sequences: [(key: String, chunks: [ZipArchive.Member])]
  }

  /// In the order of the archive.
  package let samples: [Sample]
  private let archive: ZipArchive
  /// What the log says about all of its samples, as JSON.
  private let header: [UInt8]

  /// Bytes that a sample may have.
  package static let sampleBytesMax = 1 << 30
  /// What is read of a sample: pooled wire calls are not.
  private static let sequenceNames = ["messages", "events", "attachments"]

  /// - Throws: ``ImportError`` if it is no archive of Inspect's.
  package init(
    byteCount: Int, read: @escaping @Sendable (Range<Int>) -> [UInt8]?
  ) throws(ImportError) {
    do throws(ZipError) {
      archive = try ZipArchive(byteCount: byteCount, read: read)
    } catch {
      throw ImportError(.malformed, "The archive cannot be read: \(error.message).")
    }
    var byName: [String: ZipArchive.Member] = [:]
    for member in archive.members { byName[member.name] = member }
    // A run that crashed has written no final header.
    guard let member = byName["header.json"] ?? byName["_journal/start.json"] else {
      throw ImportError(.unknownFormat, "The archive is no log of Inspect: it has no header.")
    }
    do throws(ZipError) {
      header = try archive.content(member, bytesMax: 64 << 20)
    } catch {
      throw ImportError(.malformed, "The archive's header cannot be read: \(error.message).")
    }
    samples = Self.samples(archive.members)
  }

  private static func samples(_ members: [ZipArchive.Member]) -> [Sample] {
    var chunks: [String: [String: [(start: Int, member: ZipArchive.Member)]]] = [:]
    for member in members {
      let steps = member.name.split(separator: "/", omittingEmptySubsequences: false)
      guard steps.count >= 4, steps[0] == "samples", let last = steps.last,
        last.hasSuffix(".json"), let start = Int(last.dropLast(5)), start >= 0
      else { continue }
      let prefix = steps.dropLast(2).joined(separator: "/")
      chunks[prefix, default: [:]][String(steps[steps.count - 2]), default: []]
        .append((start, member))
    }
    return members.compactMap { member in
      guard member.name.hasPrefix("samples/"), member.name.hasSuffix(".json") else { return nil }
      let whole = String(member.name.dropLast(5))
      if whole.hasSuffix("/sample") {
        let prefix = String(whole.dropLast(7))
        let sequences = sequenceNames.map { name in
          let ordered = (chunks[prefix]?[name] ?? []).sorted { $0.start < $1.start }
          return (key: name, chunks: ordered.map(\.member))
        }
        let count = sequences.flatMap(\.chunks).reduce(member.byteCount) { $0 + $1.byteCount }
        return Sample(name: prefix, byteCount: count, shell: member, sequences: sequences)
      }
      // An id may hold slashes; what belongs to a sample in pieces is none by itself.
      guard !isPiece(whole, chunks.keys) else { return nil }
      return Sample(name: whole, byteCount: member.byteCount, shell: member, sequences: [])
    }
  }

  private static func isPiece(_ name: String, _ prefixes: some Collection<String>) -> Bool {
    guard let slash = name.lastIndex(of: "/") else { return false }
    let folder = name[..<slash]
    return ["/messages", "/events", "/calls", "/attachments"].contains { folder.hasSuffix($0) }
      || ["skeleton", "metadata"].contains(String(name[name.index(after: slash)...]))
        && prefixes.contains(String(folder))
  }

  /// A sample as one document, `{"format": "inspect", "log", "sample", …}`.
  ///
  /// - Throws: ``ImportError`` if it is damaged or too large.
  package func document(_ sample: Sample) throws(ImportError) -> [UInt8] {
    guard sample.byteCount <= Self.sampleBytesMax else {
      throw ImportError(.tooLarge, "The sample is larger than \(Self.sampleBytesMax >> 20) MiB.")
    }
    var bytes = Array(#"{"format":"inspect","log":"#.utf8)
    bytes.reserveCapacity(sample.byteCount + header.count + 256)
    bytes += header
    bytes += Array(#","sample":"#.utf8)
    bytes += try content(sample.shell)
    for (key, chunks) in sample.sequences {
      bytes += Array(",\"\(key)\":[".utf8)
      var isFirst = true
      for chunk in chunks {
        // Each is an array: without its brackets they are one.
        let part = try content(chunk)
        guard let start = part.firstIndex(of: UInt8(ascii: "[")),
          let end = part.lastIndex(of: UInt8(ascii: "]")), start < end
        else { throw ImportError(.malformed, "A piece of the sample is no array.") }
        let inside = part[(start + 1)..<end]
        guard inside.contains(where: { $0 > 0x20 }) else { continue }
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes += inside
      }
      bytes.append(UInt8(ascii: "]"))
    }
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  private func content(_ member: ZipArchive.Member) throws(ImportError) -> [UInt8] {
    do throws(ZipError) {
      return try archive.content(member, bytesMax: Self.sampleBytesMax)
    } catch {
      throw ImportError(.malformed, "The sample cannot be read: \(error.message).")
    }
  }
}
