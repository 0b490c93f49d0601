internal import Foundation
internal import Importers
internal import Oversight

/// Where a document stands.
struct DocumentPlace: Sendable, Equatable, CustomStringConvertible {
  /// The path as it was given or found.
  let file: String
  /// From 1, in a file of lines; nil in others.
  var line: Int?
  /// Its name in an archive.
  var sample: String?
  /// From 1, of an episode in a document of several.
  var number: Int?

  var description: String {
    file + (line.map { ":\($0)" } ?? "") + (sample.map { ":\($0)" } ?? "")
      + (number.map { "#\($0)" } ?? "")
  }
}

/// One document to judge, and where it came from.
struct ScanDocument: Sendable {
  let place: DocumentPlace
  let content: Content

  var source: String { place.description }

  enum Content: Sendable {
    case document([UInt8])
    /// Lines that belong together.
    case records([UInt8])
    /// Read where it is judged.
    case sample(InspectArchive, InspectArchive.Sample)
    /// One sample of a large log, read where it is judged.
    case cut(InspectLogCutter.Outline, Range<Int>, ArchiveFile)
    /// What stands there is no document.
    case unreadable(ImportError)
  }

  init(_ place: DocumentPlace, bytes: [UInt8]) { self.init(place, content: .document(bytes)) }

  init(_ place: DocumentPlace, content: Content) {
    self.place = place
    self.content = content
  }

  /// Bytes that it takes in memory when it is judged.
  var byteCount: Int {
    switch content {
    case .document(let bytes), .records(let bytes): bytes.count
    case .sample(_, let sample): sample.byteCount
    case .cut(_, let range, _): range.count
    case .unreadable: 0
    }
  }

  /// The bytes of the document as they stand in the file, or as the archive's pieces make them.
  func bytes() throws(ImportError) -> [UInt8] {
    switch content {
    case .document(let bytes), .records(let bytes): return bytes
    case .sample(let archive, let sample): return try archive.document(sample)
    case .cut(let outline, let range, let file):
      return try outline.document(range) { file.read($0) }
    case .unreadable(let error): throw error
    }
  }

  /// The episodes in it, with the bytes that they are of.
  func episodes(
    _ importer: EpisodeImporter, isStrict: Bool = false
  ) throws(ImportError) -> (episodes: [Episode], bytes: [UInt8]) {
    let bytes = try bytes()
    guard case .records = content else {
      return (try importer.episodes(bytes, isStrict: isStrict), bytes)
    }
    let lines = bytes.split(separator: 0x0A).filter { $0.contains { !$0.isJSONSpace } }
    return (try importer.episodes(records: lines, isStrict: isStrict), bytes)
  }
}

/// What is wrong with a path that was given.
struct ScanInputError: Error {
  let message: String
}

/// The files behind the paths of a command line, read piece by piece so that memory stays bounded
/// however large they are.
struct ScanInput {
  /// Files of lines, by extension; other files hold one document.
  private static let lineExtensions: Set = ["jsonl", "ndjson", "jsonlines"]
  private static let documentExtensions: Set = ["json", "traj"]
  private static let archiveExtensions: Set = ["eval"]
  /// Lines that are looked at to tell what a file of lines is.
  private static let sniffedLinesMax = 16
  /// Bytes that are read at once; the largest document of a file of lines.
  private static let blockBytes = 4 << 20
  /// A log from this size on is read sample by sample, on all cores.
  private static let cutBytesMin = 8 << 20
  static let documentBytesMax = 64 << 20

  let files: [String]
  /// Paths that are not there, or folders that cannot be listed.
  let missing: [String]
  /// Files in folders that hold no transcripts, by their extension.
  let skipped: Int

  /// - Parameter paths: files, folders, or `-` for standard input.
  init(_ paths: [String]) {
    var files: [String] = []
    var missing: [String] = []
    var skipped = 0
    for path in paths {
      var isFolder: ObjCBool = false
      guard
        unsafe path == "-" || FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      else {
        missing.append(path)
        continue
      }
      guard isFolder.boolValue else {
        files.append(path)
        continue
      }
      let (found, unlisted) = Self.files(below: path)
      missing += unlisted
      let usable = found.filter(Self.isTranscript)
      skipped += found.count - usable.count
      files += usable
    }
    self.files = files
    self.missing = missing
    self.skipped = skipped
  }

  /// The files below a folder, and the folders among them that cannot be listed.
  private static func files(below folder: String) -> (files: [String], unlisted: [String]) {
    // A link is not entered by itself.
    let target = URL(fileURLWithPath: folder).resolvingSymlinksInPath()
    var unlisted: [String] = []
    let enumerator = FileManager.default.enumerator(
      at: target, includingPropertiesForKeys: [.isDirectoryKey],
      errorHandler: { url, _ in
        unlisted.append(url.path)
        return true
      })
    let base = folder.hasSuffix("/") ? folder : folder + "/"
    var files: [String] = []
    while let url = enumerator?.nextObject() as? URL {
      var isFolder: ObjCBool = false
      guard unsafe FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder),
        !isFolder.boolValue
      else { continue }
      files.append(base + url.path.dropFirst(target.path.count).drop { $0 == "/" })
    }
    return (files.sorted(), enumerator == nil ? [folder] : unlisted)
  }

  private static func isTranscript(_ path: String) -> Bool {
    let name = (path as NSString).pathExtension.lowercased()
    return [lineExtensions, documentExtensions, archiveExtensions].contains { $0.contains(name) }
  }

  /// Reads a file and hands over its documents in order, some at a time.
  ///
  /// - Throws: ``ScanInputError`` if it cannot be read to its end.
  func read(_ file: String, _ body: ([ScanDocument]) throws -> Void) throws {
    let handle = try Self.open(file)
    defer { if file != "-" { try? handle.close() } }  // Closing a file that was only read.
    let name = (file as NSString).pathExtension.lowercased()
    if Self.documentExtensions.contains(name) {
      if let samples = try Self.cut(handle, file) { return try body(samples) }
      return try body([try Self.whole(handle, file)])
    }
    if Self.archiveExtensions.contains(name) { return try body(Self.samples(handle, file)) }
    try readLines(handle, file, sniffs: !Self.lineExtensions.contains(name), body)
  }

  /// A file as one document.
  ///
  /// - Throws: ``ScanInputError`` if it cannot be read, or is too large.
  static func document(_ file: String) throws -> ScanDocument {
    let handle = try open(file)
    defer { if file != "-" { try? handle.close() } }  // Closing a file that was only read.
    return try whole(handle, file)
  }

  private static func open(_ file: String) throws -> FileHandle {
    if file == "-" { return .standardInput }
    guard let handle = FileHandle(forReadingAtPath: file) else {
      throw ScanInputError(message: "\(file) cannot be read")
    }
    return handle
  }

  private static func whole(_ handle: FileHandle, _ file: String) throws -> ScanDocument {
    var bytes: [UInt8] = []
    while let block = try handle.read(upToCount: blockBytes), !block.isEmpty {
      bytes += block
      guard bytes.count <= documentBytesMax else {
        throw ScanInputError(message: "\(file) is larger than \(documentBytesMax >> 20) MiB")
      }
    }
    return ScanDocument(DocumentPlace(file: file), bytes: bytes)
  }

  /// The samples of a large log of Inspect; nil if the file is small, or something else.
  private static func cut(_ handle: FileHandle, _ path: String) throws -> [ScanDocument]? {
    guard let file = ArchiveFile(handle), file.byteCount > cutBytesMin else { return nil }
    var cutter = InspectLogCutter()
    for start in stride(from: 0, to: file.byteCount, by: blockBytes) {
      guard let block = file.read(start..<min(start + blockBytes, file.byteCount)) else {
        throw ScanInputError(message: "\(path) cannot be read to its end")
      }
      cutter.take(block[...])
    }
    guard let outline = cutter.finish() else { return nil }
    var documents = outline.samples.enumerated().map { index, range in
      let place = DocumentPlace(file: path, number: index + 1)
      guard range.count <= documentBytesMax else {
        let message = "The sample is larger than \(documentBytesMax >> 20) MiB."
        return ScanDocument(place, content: .unreadable(ImportError(.tooLarge, message)))
      }
      return ScanDocument(place, content: .cut(outline, range, file))
    }
    if outline.isCutOff {
      documents.append(
        ScanDocument(
          DocumentPlace(file: path, number: outline.samples.count + 1),
          content: .unreadable(ImportError(.malformed, "The log breaks off."))))
    }
    return documents
  }

  /// The samples of an archive; they are read when they are judged.
  private static func samples(_ handle: FileHandle, _ file: String) -> [ScanDocument] {
    let archive: InspectArchive
    do throws(ImportError) {
      archive = try InspectArchive(file: file, handle: handle)
    } catch {
      return [ScanDocument(DocumentPlace(file: file), content: .unreadable(error))]
    }
    return archive.samples.map { sample in
      ScanDocument(
        DocumentPlace(file: file, sample: sample.name), content: .sample(archive, sample))
    }
  }

  /// - Parameter sniffs: whether the file may be one document over many lines: it is, if its first
  ///   line alone is not a document.
  private func readLines(
    _ handle: FileHandle, _ file: String, sniffs: Bool, _ body: ([ScanDocument]) throws -> Void
  ) throws {
    var lines = LineReader(file: file)
    var isFirst = true
    while let block = try handle.read(upToCount: Self.blockBytes), !block.isEmpty {
      if isFirst, sniffs, Self.isOneDocument(block) {
        let rest = try Self.whole(handle, file)
        return try body([
          ScanDocument(DocumentPlace(file: file), bytes: Array(block) + (try rest.bytes()))
        ])
      }
      if isFirst, Self.holdsRecords(block) {
        let rest = try Self.whole(handle, file)
        let bytes = Array(block) + (try rest.bytes())
        return try body([ScanDocument(DocumentPlace(file: file), content: .records(bytes))])
      }
      isFirst = false
      try body(lines.take(block))
      guard lines.pendingCount <= Self.documentBytesMax else {
        throw ScanInputError(
          message: "\(file): a line is longer than \(Self.documentBytesMax >> 20) MiB")
      }
    }
    try body(lines.finish())
  }

  /// Whether the first lines are records that belong together.
  private static func holdsRecords(_ block: Data) -> Bool {
    let lines = Array(block.prefix(blockBytes)).split(separator: 0x0A, maxSplits: sniffedLinesMax)
    // The last one may go on in the next block.
    let whole = lines.count > 1 ? lines.dropLast() : lines[...]
    return EpisodeImporter().areRecords(Array(whole))
  }

  private static func isOneDocument(_ block: Data) -> Bool {
    guard let start = block.firstIndex(where: { !$0.isJSONSpace }) else { return false }
    let line = block[start...].prefix { $0 != 0x0A }
    guard block.count > line.count else { return true }
    return line.last(where: { !$0.isJSONSpace }) != UInt8(ascii: "}")
  }
}

/// Cuts a stream of bytes into lines that are not blank.
private struct LineReader {
  private let file: String
  private var pending: [UInt8] = []
  private var number = 0

  init(file: String) { self.file = file }

  var pendingCount: Int { pending.count }

  mutating func take(_ block: Data) -> [ScanDocument] {
    var documents: [ScanDocument] = []
    var rest = Array(block)[...]
    while let end = rest.firstIndex(of: 0x0A) {
      pending += rest[..<end]
      rest = rest[(end + 1)...]
      append(to: &documents)
    }
    pending += rest
    return documents
  }

  mutating func finish() -> [ScanDocument] {
    var documents: [ScanDocument] = []
    append(to: &documents)
    return documents
  }

  private mutating func append(to documents: inout [ScanDocument]) {
    number += 1
    defer { pending.removeAll(keepingCapacity: true) }
    guard pending.contains(where: { !$0.isJSONSpace }) else { return }
    documents.append(ScanDocument(DocumentPlace(file: file, line: number), bytes: pending))
  }
}

extension UInt8 {
  fileprivate var isJSONSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}

extension InspectArchive {
  /// - Parameter handle: of a file that can be read at any place; it is kept as long as the archive.
  fileprivate init(file: String, handle: FileHandle) throws(ImportError) {
    guard let copy = ArchiveFile(handle) else {
      throw ImportError(.malformed, "The archive cannot be read at any place.")
    }
    try self.init(byteCount: copy.byteCount) { copy.read($0) }
  }
}

/// A file that is read at any place, by any number of threads at once.
final class ArchiveFile: Sendable {
  private let descriptor: Int32
  let byteCount: Int

  /// nil if it is no file with places.
  init?(_ handle: FileHandle) {
    descriptor = dup(handle.fileDescriptor)
    // Both descriptors share one place in the file, which others go on from.
    let place = lseek(descriptor, 0, SEEK_CUR)
    byteCount = Int(lseek(descriptor, 0, SEEK_END))
    lseek(descriptor, place, SEEK_SET)
    guard descriptor >= 0, byteCount >= 0 else {
      close(descriptor)
      return nil
    }
  }

  deinit { close(descriptor) }

  /// nil if not all of it is there.
  func read(_ range: Range<Int>) -> [UInt8]? {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else { return nil }
    var done = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while done < range.count, let start = buffer.baseAddress {
        let got = unsafe pread(
          descriptor, start + done, range.count - done, off_t(range.lowerBound + done))
        guard got > 0 else { break }
        done += got
      }
      count = done
    }
    return done == range.count ? bytes : nil
  }
}
