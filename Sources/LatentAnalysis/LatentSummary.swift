/// A summary of what a model's hidden state did while a text was written: `latent-summary/1`.
/// Everything in it is the producer's word.
package struct LatentSummary: Sendable, Equatable {
  package var episodeID: String?
  package var model: Model
  /// What the spans index.
  package var source: Source
  /// In the order of the text, at most ``LatentLimits/segmentsMax``.
  package var segments: [Segment]

  /// The text that a summary's spans index.
  package enum Source: Sendable, Equatable {
    /// The summary brings it.
    case text(String)
    /// A part of the episode that the summary lies in.
    case part(message: Int, part: Int)
    /// A transcript that is kept elsewhere.
    case transcript(String)
  }

  /// The model whose state is summarised.
  package struct Model: Sendable, Equatable {
    package var id: String
    package var version: String
    package var architecture: Architecture
    package var layers: Int
    /// Floats of memory carried between tokens; nil for a key-value cache.
    package var stateDimension: Int?
    /// Longest dependency chain of one latent step, in applications of a layer, 1 or more.
    package var serialDepthPerStep: Int
    /// Labels that probes, early answers and claims tell apart, 1 to 64.
    package var labelCount: Int
    package var weightsDigest: String?
    /// Name and version of what recorded the numbers.
    package var recorder: String?
  }

  package enum Architecture: String, CaseIterable, Sendable {
    case slstm, mlstm, xlstm, gru, lstm, ssm, transformer
    case recurrentDepth = "recurrent_depth"
    case latentToken = "latent_token"
    case other

    /// Whether a state of fixed size is carried from token to token, past the text.
    package var isRecurrent: Bool {
      switch self {
      case .slstm, .mlstm, .xlstm, .gru, .lstm, .ssm: true
      case .transformer, .recurrentDepth, .latentToken, .other: false
      }
    }

    /// Whether what is kept and what is written are shares of the same gate.
    var isGated: Bool {
      switch self {
      case .slstm, .mlstm, .xlstm, .gru, .lstm: true
      case .ssm, .transformer, .recurrentDepth, .latentToken, .other: false
      }
    }
  }

  package enum Role: String, CaseIterable, Sendable {
    case input, reasoning, answer, tool
    /// Steps without any text.
    case latent
  }

  /// One stretch of text with the numbers of the state over it.
  package struct Segment: Sendable, Equatable {
    /// UTF-8 bytes of the text, half open, on character boundaries.
    package var span: Range<Int>
    package var role: Role
    package var tokens: Double
    /// Updates of the cell, loops over the depth, continuous thoughts.
    package var latentSteps: Double
    /// Label that the text states, 0 up to the model's count; nil if it states none.
    package var claim: Int?
    package var core: Core
    package var extensions: [Extension]
    /// By name; the first is the one that the metrics read.
    package var probes: [Probe]
    /// The model's own distribution over the labels when asked to answer here.
    package var earlyAnswer: [Double]?
    package var swap: Swap?
    /// Random projection of the state, 4 to 64 numbers.
    package var sketch: [Float]?
  }

  /// The numbers that every architecture has; what its state is: the page "Latent summaries".
  package struct Core: Sendable, Equatable {
    /// ‖state‖ at the end, L2.
    package var stateNorm: Double
    /// ‖state at the end − state at the start‖, L2.
    package var deltaNorm: Double
    /// Σ over steps of the steps' changes, L2.
    package var pathNorm: Double
    /// Change by the sum of both norms, 0…1.
    package var relativeDelta: Double
    /// Cosine of the end with the start, −1…1.
    package var cosine: Double
    /// Share carried over, mean over units and steps, 0…1; nil for a transformer.
    package var retention: Double?
    /// Share written, mean over units, 0…1; nil for a transformer.
    package var writeMean: Double?
    /// Share written, largest over units, 0…1; nil for a transformer.
    package var writeMax: Double?
    /// Entropy of the next token's distribution at the end, nats.
    package var nextEntropy: Double
  }

  /// A probe's distribution over the labels.
  package struct Probe: Sendable, Equatable {
    package var name: String
    package var probabilities: [Double]
    package var digest: String?
    package var trainedOnVersion: String?
    package var position: String?
  }

  /// How far the answer moves when the text, or the state, is another episode's.
  package struct Swap: Sendable, Equatable {
    /// Total variation, 0…1.
    package var textMove: Double
    /// Total variation, 0…1.
    package var latentMove: Double
    package var donorDiffers: Bool
    package var scope: String?
  }

  /// Numbers of one kind of cell, for one layer group.
  package struct Extension: Sendable, Equatable {
    package var kind: Kind
    /// Fields as they came: a number is a list of one.
    package var numbers: [String: [Double]]
    package var flags: [String: Bool] = [:]
    /// mLSTM: the leading singular values, by head.
    package var singularValues: [[Double]] = []

    package enum Kind: String, CaseIterable, Sendable {
      case slstm, mlstm, gru, lstm, residual
      case latentLoop = "latent_loop"
    }
  }
}

/// Bounds of what is read.
package enum LatentLimits {
  package static let segmentsMax = 4096
  package static let bytesMax = 8 << 20
  package static let layersMax = 32
  package static let labelsMax = 64
  package static let sketchBytesMax = 256
  package static let sketchDimensions = 4...64
  package static let headsMax = 256
  package static let nameBytesMax = 128
  /// Complaints that are told of one summary.
  package static let complaintsMax = 64
}

/// What is wrong with a summary.
package struct LatentComplaint: Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// It does not follow the schema or breaks a limit; nothing of it is measured.
    case malformed
    /// Its numbers contradict each other.
    case inconsistent
    /// Its numbers are the same whatever the text.
    case uninformative
  }

  package let kind: Kind
  /// JSON pointer into the summary, as a URI fragment.
  package let pointer: String
  /// A stable word, such as `path-below-delta`.
  package let code: String
  /// What is wrong and what was expected; holds no text of the transcript.
  package let message: String
  /// Index of the segment that it concerns.
  package let segment: Int?
}

/// What reading a summary came to.
package struct LatentReport: Sendable {
  /// nil if it is malformed.
  package let summary: LatentSummary?
  package let complaints: [LatentComplaint]
  /// Whether more was wrong than is told.
  package let isTruncated: Bool

  /// Whether nothing is wrong with it: only such a summary is measured.
  package var isSound: Bool { summary != nil && complaints.isEmpty }
}
