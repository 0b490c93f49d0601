internal import Cryptography
internal import Evaluation
package import Foundation
package import Oversight

/// The weights of a linear monitor, as they are kept in one file.
///
/// The file: `overt.linear/1` and a line end; the length of the card as a decimal number and a line
/// end; the ``Card`` as JSON; then for each channel ``NGrams/buckets`` records of 8 bytes: the
/// bucket's inverse document frequency and one weight for each head, signed bytes in units
/// that the card names.
package struct LinearModel: Sendable {
  /// One bucket: its inverse document frequency in the lowest byte, then a signed byte for each head.
  enum Record {
    static func pack(_ rarity: UInt8, _ weights: [Int8]) -> UInt64 {
      weights.enumerated().reduce(UInt64(rarity)) { record, weight in
        record | UInt64(UInt8(bitPattern: weight.element)) << UInt64(8 * (weight.offset + 1))
      }
    }

    @inline(__always)
    static func rarity(_ record: UInt64) -> UInt64 { record & 0xFF }

    static func weight(_ record: UInt64, _ head: Int) -> Int8 {
      Int8(bitPattern: UInt8(truncatingIfNeeded: record >> UInt64(8 * (head + 1))))
    }
  }

  /// What a head tells.
  package struct Head: Codable, Sendable, Equatable {
    /// `overall`, or a category of rules.
    package var name: String
    /// What one unit of a weight byte stands for.
    package var unit: Double
    /// Turns a margin into a probability: 1/(1 + exp(−(slope · margin + intercept))) (Platt 1999).
    package var slope: Double
    package var intercept: Double
    /// Episodes that it was trained on.
    package var bad: Int
    package var benign: Int
    /// Weights of ``TextShape``, one for each of its numbers; empty where shape is not used.
    package var shape: [Double]
  }

  /// How the model does on the episodes of one source.
  package struct SourceFigures: Codable, Sendable, Equatable {
    package var source: String
    package var bad: Int
    package var benign: Int
    /// Area under the ROC curve with the source's groups split over folds; nil for one kind only.
    package var groupSplit: Double?
    /// The same with the whole source left out of the training.
    package var leftOut: Double?
  }

  /// What a person should know of a model: where it comes from and how good it is.
  package struct Card: Codable, Sendable, Equatable {
    package var heads: [Head]
    /// Inverse document frequency that one unit of a record's first byte stands for.
    package var rarityUnit: Double
    /// Mean and standard deviation of each number of ``TextShape``.
    package var shapeMeans: [Double]
    package var shapeDeviations: [Double]
    package var seed: UInt64
    /// Inverse strength of the L2 penalty.
    package var cost: Double
    package var epochs: Int
    package var trainedOn: String
    /// Digest of the labelled episodes.
    package var dataDigest: String
    /// The first 8 bytes of each episode's digest, so that nobody is measured on what it was trained
    /// on without being told.
    package var episodes: Data
    package var figures: [SourceFigures]
    /// Categories that had too few episodes for a head, with their numbers.
    package var untold: [String: Int]
  }

  package var card: Card
  /// Records of all channels, channel by channel, each as ``Record`` packs it.
  let records: [UInt64]
  /// SHA-256 of the file, `sha256:…`.
  package let version: String
  private let trainedOn: Set<UInt64>

  /// What the weights of ``Head/shape`` belong to, in order.
  package static let shapeNames = TextShape.names

  /// Heads that fit beside the rarity into a record.
  package static let headsMax = 7
  private static let magic = "overt.linear/1\n"
  private static let cardBytesMax = 1 << 20
  static let recordCount = MonitoredChannel.allCases.count * NGrams.buckets

  init(card: Card, records: [UInt64]) throws {
    self.card = card
    self.records = records
    trainedOn = Self.marks(card.episodes)
    version = Digest(of: try Self.encoded(card, records)).description
  }

  /// Whether the model was trained on an episode.
  package func wasTrained(on episode: Episode) -> Bool {
    trainedOn.contains(Self.mark(episode.spokenText))
  }

  static func mark(_ spokenText: String) -> UInt64 {
    Digest(of: spokenText).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func marks(_ data: Data) -> Set<UInt64> {
    let bytes = [UInt8](data)
    return Set(
      stride(from: 0, to: bytes.count - 7, by: 8).map {
        bytes[$0..<$0 + 8].reduce(0) { $0 << 8 | UInt64($1) }
      })
  }

  /// The model as a file.
  package func encoded() throws -> [UInt8] { try Self.encoded(card, records) }

  private static func encoded(_ card: Card, _ records: [UInt64]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = try encoder.encode(card)
    var bytes = Array(magic.utf8) + Array("\(json.count)\n".utf8) + json
    bytes.reserveCapacity(bytes.count + records.count * 8)
    for record in records {
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: record >> shift))
      }
    }
    return bytes
  }

  /// Reads a file.
  ///
  /// - Throws: ``ModelError`` if it is no model, or not of this form.
  package init(_ bytes: [UInt8]) throws(ModelError) {
    guard bytes.starts(with: Self.magic.utf8) else { throw .notAModel }
    var index = Self.magic.utf8.count
    var length = 0
    while index < bytes.count, (0x30...0x39).contains(bytes[index]), length <= Self.cardBytesMax {
      length = length * 10 + Int(bytes[index] - 0x30)
      index += 1
    }
    guard index < bytes.count, bytes[index] == 0x0A, length > 0, length <= Self.cardBytesMax,
      bytes.count == index + 1 + length + Self.recordCount * 8
    else { throw .truncated }
    index += 1
    do {
      card = try JSONDecoder().decode(Card.self, from: Data(bytes[index..<index + length]))
    } catch {
      throw .badCard
    }
    let shapes = TextShape.count
    guard (1...Self.headsMax).contains(card.heads.count), card.heads[0].name == "overall",
      card.rarityUnit > 0, card.rarityUnit.isFinite,
      [card.shapeMeans, card.shapeDeviations].allSatisfy({ $0.count == shapes }),
      card.shapeDeviations.allSatisfy({ $0 > 0 }),
      card.heads.allSatisfy({ $0.isFinite && ($0.shape.isEmpty || $0.shape.count == shapes) })
    else { throw .badCard }
    let start = index + length
    records = unsafe bytes.withUnsafeBytes { raw in
      (0..<Self.recordCount).map { record in
        unsafe UInt64(
          littleEndian: raw.loadUnaligned(fromByteOffset: start + record * 8, as: UInt64.self))
      }
    }
    trainedOn = Self.marks(card.episodes)
    version = Digest(of: bytes).description
  }
}

extension LinearModel.Head {
  fileprivate var isFinite: Bool {
    ([unit, slope, intercept] + shape).allSatisfy(\.isFinite)
  }

  /// - Parameter margin: what the weights sum up to.
  /// - Returns: 0…1.
  package func probability(_ margin: Double) -> Double {
    1 / (1 + exp(-(slope * margin + intercept)))
  }
}

/// Why a file is no linear model.
package enum ModelError: Error, CustomStringConvertible {
  case notAModel, truncated, badCard

  package var description: String {
    switch self {
    case .notAModel: "it is no linear model (overt.linear/1)"
    case .truncated: "it is cut short, or longer than its card says"
    case .badCard: "its card cannot be read, or does not fit the weights"
    }
  }
}
