internal import Foundation
package import JSON
internal import Oversight

/// Reads and validates `latent-summary/1`. Never fails: what is wrong is told in the report.
package struct LatentDecoder {
  private var complaints: [LatentComplaint] = []
  private var isTruncated = false
  private var segment: Int?
  private var group = ""
  private var labels = 1

  package static let schema = "latent-summary/1"

  private init() {}

  /// - Parameters:
  ///   - value: the summary.
  ///   - isNested: whether it lies in an episode, and names a part in place of its text.
  ///   - text: the text of a part by the indices of message and part; nil if there is none.
  package static func report(
    _ value: JSONValue, isNested: Bool, text: (Int, Int) -> String? = { _, _ in nil }
  ) -> LatentReport {
    var decoder = LatentDecoder()
    var summary = decoder.summary(value, isNested: isNested, text)
    if !decoder.complaints.isEmpty { summary = nil }
    if let summary {
      for complaint in ConsistencyCheck.complaints(of: summary) { decoder.add(complaint) }
    }
    return LatentReport(
      summary: summary, complaints: decoder.complaints, isTruncated: decoder.isTruncated)
  }

  /// Reads one summary from its bytes.
  package static func report(
    _ bytes: [UInt8], _ parser: JSONParser, isNested: Bool,
    text: (Int, Int) -> String? = { _, _ in nil }
  ) -> LatentReport {
    guard bytes.count <= LatentLimits.bytesMax else {
      return malformed("too-large", "The limit is \(LatentLimits.bytesMax) bytes.")
    }
    do {
      return try parser.parse(bytes) { value, _ in report(value, isNested: isNested, text: text) }
    } catch {
      return malformed("not-json", error.message)
    }
  }

  private static func malformed(_ code: String, _ message: String) -> LatentReport {
    LatentReport(
      summary: nil,
      complaints: [
        LatentComplaint(
          kind: .malformed, pointer: "#", code: code, message: message, segment: nil)
      ], isTruncated: false)
  }

  private mutating func add(_ complaint: LatentComplaint) {
    if complaints.count < LatentLimits.complaintsMax {
      complaints.append(complaint)
    } else {
      isTruncated = true
    }
  }

  private mutating func complain(_ field: String, _ code: String, _ message: String) {
    let pointer = ["#", segment.map { "segments/\($0)" } ?? "", group, field]
      .filter { !$0.isEmpty }.joined(separator: "/")
    add(
      LatentComplaint(
        kind: .malformed, pointer: pointer, code: code, message: message, segment: segment))
  }
}

// MARK: - Values

extension LatentDecoder {
  private mutating func isObject(_ value: JSONValue, _ field: String) -> Bool {
    guard value.kind == .object else {
      complain(field, "wrong-type", "Expected an object, found \(value.kind.rawValue).")
      return false
    }
    if value.repeatedKey != nil {
      complain(field, "repeated-key", "A field stands twice in this object.")
      return false
    }
    return true
  }

  private mutating func required(
    _ object: JSONValue, _ key: StaticString
  ) -> JSONValue? {
    let value = object[key]
    if value == nil { complain("\(key)", "required", "The field is missing.") }
    return value
  }

  private mutating func requiredName(_ object: JSONValue, _ key: StaticString) -> String? {
    guard let value = required(object, key) else { return nil }
    return name(value, "\(key)")
  }

  private mutating func name(_ value: JSONValue, _ field: String) -> String? {
    guard let name = value.string, (1...LatentLimits.nameBytesMax).contains(name.utf8.count) else {
      complain(
        field, "wrong-type", "Expected a string of 1 to \(LatentLimits.nameBytesMax) bytes.")
      return nil
    }
    return name
  }

  /// A name, or nil for one that is absent or null.
  private mutating func optionalName(_ object: JSONValue, _ key: StaticString) -> String? {
    guard let value = object[key], !value.isNull else { return nil }
    return name(value, "\(key)")
  }

  private mutating func integer(
    _ object: JSONValue, _ key: StaticString, _ range: ClosedRange<Int>
  ) -> Int? {
    guard let value = required(object, key) else { return nil }
    guard let number = value.integer, range.contains(number) else {
      complain(
        "\(key)", "out-of-range",
        range.upperBound == .max
          ? "Expected an integer of \(range.lowerBound) or more."
          : "Expected an integer from \(range.lowerBound) to \(range.upperBound).")
      return nil
    }
    return number
  }

  private mutating func number(
    _ value: JSONValue, _ field: String, _ range: ClosedRange<Double>
  ) -> Double? {
    guard let number = value.double, number.isFinite else {
      complain(
        field, "wrong-type",
        "Expected a finite number, found \(value.kind.rawValue); NaN and infinities have no place "
          + "in a summary.")
      return nil
    }
    // Producers round to six digits.
    let slack = 1e-6
    guard range.lowerBound - slack <= number, number <= range.upperBound + slack else {
      complain(
        field, "out-of-range",
        range.upperBound == .infinity
          ? "\(number) is below \(range.lowerBound)."
          : "\(number) does not lie in \(range.lowerBound)…\(range.upperBound).")
      return nil
    }
    return min(max(number, range.lowerBound), range.upperBound)
  }

  private mutating func requiredNumber(
    _ object: JSONValue, _ key: StaticString, _ range: ClosedRange<Double>
  ) -> Double? {
    guard let value = required(object, key) else { return nil }
    return number(value, "\(key)", range)
  }

  private static let share = 0.0...1.0
  private static let positive = 0.0...Double.infinity

  /// A distribution over the model's labels.
  private mutating func distribution(_ object: JSONValue) -> [Double]? {
    guard let value = required(object, "p") else { return nil }
    guard value.kind == .array else {
      complain("p", "wrong-type", "Expected an array of \(labels) probabilities.")
      return nil
    }
    var probabilities: [Double] = []
    probabilities.reserveCapacity(labels)
    for element in value.eachElement {
      guard probabilities.count < labels else {
        probabilities.append(0)
        break
      }
      guard let number = number(element, "p/\(probabilities.count)", Self.share) else { return nil }
      probabilities.append(number)
    }
    guard probabilities.count == labels else {
      complain("p", "wrong-length", "Expected \(labels) probabilities, one for each label.")
      return nil
    }
    let sum = probabilities.reduce(0, +)
    guard abs(sum - 1) <= 1e-3 else {
      complain("p", "not-a-distribution", "The probabilities sum to \(sum); expected 1 ± 0.001.")
      return nil
    }
    return probabilities
  }

  private mutating func within<Result>(
    _ name: String, _ body: (inout LatentDecoder) -> Result
  ) -> Result {
    let outer = group
    group = outer.isEmpty ? name : "\(outer)/\(name)"
    defer { group = outer }
    return body(&self)
  }
}

// MARK: - The summary

extension LatentDecoder {
  private mutating func summary(
    _ value: JSONValue, isNested: Bool, _ text: (Int, Int) -> String?
  ) -> LatentSummary? {
    guard isObject(value, "") else { return nil }
    guard let schema = required(value, "schema") else { return nil }
    guard schema.isString("latent-summary/1") else {
      complain("schema", "unknown-schema", "Expected '\(Self.schema)'.")
      return nil
    }
    let episode = optionalName(value, "episode_id")
    let model = required(value, "model").flatMap { value in within("model") { $0.model(value) } }
    if let unit = value["offset_unit"], !unit.isString("utf8") {
      complain("offset_unit", "unknown-unit", "Spans are offsets of UTF-8 bytes: 'utf8'.")
    }
    guard let (source, sourceText) = source(value, isNested: isNested, text) else { return nil }
    if let model { labels = model.labelCount }
    guard let list = required(value, "segments") else { return nil }
    guard list.kind == .array else {
      complain("segments", "wrong-type", "Expected an array of segments.")
      return nil
    }
    guard let model else { return nil }
    var segments: [LatentSummary.Segment] = []
    var end = 0
    var sketchCount: Int?
    for (index, element) in list.eachElement.enumerated() {
      guard index < LatentLimits.segmentsMax else {
        complain("segments", "too-many", "The limit is \(LatentLimits.segmentsMax) segments.")
        break
      }
      segment = index
      if let read = readSegment(element, after: end, sourceText) {
        end = read.span.upperBound
        if let sketch = read.sketch {
          if let sketchCount, sketchCount != sketch.count {
            complain("sketch", "wrong-length", "Sketches have one length in a summary.")
          }
          sketchCount = sketch.count
        }
        segments.append(read)
      }
      segment = nil
    }
    if segments.isEmpty, complaints.isEmpty {
      complain("segments", "empty", "A summary has at least one segment.")
    }
    return LatentSummary(episodeID: episode, model: model, source: source, segments: segments)
  }

  private mutating func model(_ value: JSONValue) -> LatentSummary.Model? {
    guard isObject(value, "") else { return nil }
    let id = requiredName(value, "id")
    let version = requiredName(value, "version")
    let word = requiredName(value, "arch")
    let architecture = word.flatMap(LatentSummary.Architecture.init)
    if word != nil, architecture == nil {
      let known = LatentSummary.Architecture.allCases.map(\.rawValue).joined(separator: ", ")
      complain("arch", "unknown-enum", "Known are \(known).")
    }
    let layers = integer(value, "layers", 1...1_000_000)
    let depth = integer(value, "serial_depth_per_step", 1...1_000_000)
    let labels = integer(value, "k_labels", 1...LatentLimits.labelsMax)
    var dimension: Int?
    if let state = value["state_dim"], !state.isNull {
      dimension = integer(value, "state_dim", 1...(1 << 40))
    }
    let digest = optionalName(value, "weights_digest")
    var recorder: String?
    if let object = value["recorder"], !object.isNull, isObject(object, "recorder") {
      recorder = within("recorder") { decoder in
        let name = decoder.optionalName(object, "name")
        let version = decoder.optionalName(object, "version")
        return [name, version].compactMap(\.self).joined(separator: " ")
      }
    }
    guard let id, let version, let architecture, let layers, let depth, let labels else {
      return nil
    }
    return LatentSummary.Model(
      id: id, version: version, architecture: architecture, layers: layers,
      stateDimension: dimension, serialDepthPerStep: depth, labelCount: labels,
      weightsDigest: digest, recorder: recorder)
  }

  /// What the spans index, and its text where it is at hand.
  private mutating func source(
    _ value: JSONValue, isNested: Bool, _ text: (Int, Int) -> String?
  ) -> (LatentSummary.Source, String?)? {
    let own = value["text"].flatMap { $0.isNull ? nil : $0 }
    let transcript = value["transcript_id"].flatMap { $0.isNull ? nil : $0 }
    let hasPlace = value["message"] != nil || value["part"] != nil
    if isNested {
      guard own == nil, transcript == nil else {
        complain(
          own == nil ? "transcript_id" : "text", "not-here",
          "A summary in an episode names its text by 'message' and 'part'.")
        return nil
      }
      let message = integer(value, "message", 0...(.max))
      let part = integer(value, "part", 0...(.max))
      guard let message, let part else { return nil }
      guard let found = text(message, part) else {
        complain("message", "no-such-part", "The episode has no such message or part.")
        return nil
      }
      return (.part(message: message, part: part), found)
    }
    guard [own != nil, transcript != nil, hasPlace].count(where: \.self) == 1 else {
      complain("text", "ambiguous", "Expected exactly one of 'text' and 'transcript_id'.")
      return nil
    }
    if let own {
      guard let string = own.string else {
        complain("text", "wrong-type", "Expected a string.")
        return nil
      }
      return (.text(string), string)
    }
    guard let transcript else {
      complain("message", "not-here", "Only a summary in an episode names a message.")
      return nil
    }
    return name(transcript, "transcript_id").map { (.transcript($0), nil) }
  }
}

// MARK: - Segments

extension LatentDecoder {
  private mutating func readSegment(
    _ value: JSONValue, after end: Int, _ text: String?
  ) -> LatentSummary.Segment? {
    guard isObject(value, "") else { return nil }
    var role: LatentSummary.Role?
    if let word = required(value, "role") {
      role = word.string.flatMap(LatentSummary.Role.init)
      if role == nil {
        complain("role", "unknown-enum", "Known are input, reasoning, answer, tool, latent.")
      }
    }
    let span = span(value, role: role, after: end, text)
    let tokens = integer(value, "tokens", 0...(.max))
    let steps = integer(value, "latent_steps", 0...(.max))
    var claim: Int?
    if let stated = value["claim"], !stated.isNull {
      claim = integer(value, "claim", 0...(labels - 1))
    }
    let core = required(value, "core").flatMap { value in within("core") { $0.core(value) } }
    let early = value["early_answer"].flatMap { value in
      value.isNull
        ? nil
        : within("early_answer") { $0.isObject(value, "") ? $0.distribution(value) : nil }
    }
    let swap = value["swap"].flatMap { value in
      value.isNull ? nil : within("swap") { $0.swap(value) }
    }
    let probes = probes(value)
    let sketch = value["sketch"].flatMap { $0.isNull ? nil : self.sketch($0) }
    let extensions = extensions(value)
    guard let role, let span, let tokens, let steps, let core else { return nil }
    return LatentSummary.Segment(
      span: span, role: role, tokens: Double(tokens), latentSteps: Double(steps), claim: claim,
      core: core, extensions: extensions, probes: probes, earlyAnswer: early, swap: swap,
      sketch: sketch)
  }

  private mutating func span(
    _ value: JSONValue, role: LatentSummary.Role?, after end: Int, _ text: String?
  ) -> Range<Int>? {
    guard let list = required(value, "span") else { return nil }
    let bounds = list.eachElement.prefix(3).map(\.integer)
    guard list.kind == .array, bounds.count == 2, let lower = bounds[0], let upper = bounds[1],
      0 <= lower, lower <= upper
    else {
      complain("span", "wrong-type", "Expected [start, end] with 0 ≤ start ≤ end.")
      return nil
    }
    guard lower >= end else {
      complain(
        "span", "out-of-order",
        "It starts at byte \(lower), before the last segment's end at \(end); spans are sorted and "
          + "do not overlap.")
      return nil
    }
    if role == .latent, lower != upper {
      complain("span", "not-empty", "A latent segment has no text: its span is empty.")
    }
    if let text {
      let utf8 = text.utf8
      guard upper <= utf8.count else {
        complain("span", "out-of-text", "It ends at byte \(upper) of \(utf8.count).")
        return nil
      }
      for bound in [lower, upper] where bound < utf8.count {
        let byte = utf8[utf8.index(utf8.startIndex, offsetBy: bound)]
        guard byte & 0xC0 != 0x80 else {
          complain("span", "inside-a-character", "Byte \(bound) lies inside a character.")
          return nil
        }
      }
    }
    return lower..<upper
  }

  private mutating func core(_ value: JSONValue) -> LatentSummary.Core? {
    guard isObject(value, "") else { return nil }
    let norm = requiredNumber(value, "state_norm", Self.positive)
    let delta = requiredNumber(value, "delta_norm", Self.positive)
    let path = requiredNumber(value, "path_norm", Self.positive)
    let relative = requiredNumber(value, "rel_delta", Self.share)
    let cosine = requiredNumber(value, "cos_prev", -1...1)
    let entropy = requiredNumber(value, "next_entropy", Self.positive)
    let retention = optionalShare(value, "retention")
    let mean = optionalShare(value, "write_mean")
    let most = optionalShare(value, "write_max")
    guard let norm, let delta, let path, let relative, let cosine, let entropy else { return nil }
    return LatentSummary.Core(
      stateNorm: norm, deltaNorm: delta, pathNorm: path, relativeDelta: relative, cosine: cosine,
      retention: retention, writeMean: mean, writeMax: most, nextEntropy: entropy)
  }

  /// A share that some architectures do not have: null there.
  private mutating func optionalShare(_ object: JSONValue, _ key: StaticString) -> Double? {
    guard let value = required(object, key), !value.isNull else { return nil }
    return number(value, "\(key)", Self.share)
  }

  private mutating func swap(_ value: JSONValue) -> LatentSummary.Swap? {
    guard isObject(value, "") else { return nil }
    let text = requiredNumber(value, "text_tv", Self.share)
    let latent = requiredNumber(value, "latent_tv", Self.share)
    let donor = required(value, "donor_differs").flatMap(\.boolean)
    if value["donor_differs"] != nil, donor == nil {
      complain("donor_differs", "wrong-type", "Expected true or false.")
    }
    let scope = optionalName(value, "scope")
    if let scope, !["full_state", "residual_patch"].contains(scope) {
      complain("scope", "unknown-enum", "Known are full_state and residual_patch.")
    }
    if value["n"] != nil { _ = integer(value, "n", 1...(.max)) }
    guard let text, let latent, let donor else { return nil }
    return LatentSummary.Swap(
      textMove: text, latentMove: latent, donorDiffers: donor, scope: scope)
  }

  private mutating func probes(_ value: JSONValue) -> [LatentSummary.Probe] {
    var probes: [LatentSummary.Probe] = []
    if let one = value["probe"], !one.isNull {
      if let probe = within("probe", { $0.probe(one) }) { probes.append(probe) }
    }
    guard let many = value["probes"], !many.isNull else { return probes }
    guard many.kind == .array else {
      complain("probes", "wrong-type", "Expected an array of probes.")
      return probes
    }
    for (index, element) in many.eachElement.enumerated() {
      guard index < LatentLimits.layersMax else {
        complain("probes", "too-many", "The limit is \(LatentLimits.layersMax) probes.")
        break
      }
      if let probe = within("probes/\(index)", { $0.probe(element) }) { probes.append(probe) }
    }
    return probes
  }

  private mutating func probe(_ value: JSONValue) -> LatentSummary.Probe? {
    guard isObject(value, "") else { return nil }
    let name = requiredName(value, "name")
    let probabilities = distribution(value)
    let position = value["position"].flatMap { $0.isNull ? nil : $0.string ?? $0.text }
    guard let name, let probabilities else { return nil }
    return LatentSummary.Probe(
      name: name, probabilities: probabilities, digest: optionalName(value, "digest"),
      trainedOnVersion: optionalName(value, "trained_on_version"),
      position: position.map { String($0.prefix(LatentLimits.nameBytesMax)) })
  }

  private mutating func sketch(_ value: JSONValue) -> [Float]? {
    let expected = "Expected base64 of 4 to 64 little-endian 32-bit floats."
    guard let text = value.string, text.utf8.count <= (LatentLimits.sketchBytesMax + 2) / 3 * 4,
      let data = Data(base64Encoded: text), data.count % 4 == 0,
      LatentLimits.sketchDimensions.contains(data.count / 4)
    else {
      complain("sketch", "wrong-type", expected)
      return nil
    }
    let bytes = [UInt8](data)
    let floats = stride(from: 0, to: bytes.count, by: 4).map { start in
      Float(
        bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
    }
    guard floats.allSatisfy(\.isFinite) else {
      complain("sketch", "wrong-type", "It holds a NaN or an infinity.")
      return nil
    }
    return floats
  }
}

// MARK: - Extensions

extension LatentDecoder {
  /// The range of each number of a kind of cell; a field that is not listed is kept out.
  private static let fields: [LatentSummary.Extension.Kind: [String: ClosedRange<Double>]] = {
    let any = -Double.infinity...Double.infinity
    let atMostZero = -Double.infinity...0
    return [
      .slstm: [
        "i_log_mean": any, "i_log_max": any, "f_log_mean": any, "o_mean": share,
        "n_mean": positive, "m_mean": any, "m_max": any, "revised_frac": share,
        "mix_ratio": share,
      ],
      .mlstm: [
        "c_fro": positive, "stable_rank": positive, "eff_rank": positive,
        "delta_c_fro": positive, "i_log": any, "f_log": atMostZero, "m": any,
        "n_norm": positive, "readout_align": share,
      ],
      .gru: ["z_mean": share, "r_mean": share, "mix_ratio": share],
      .lstm: ["i_mean": share, "f_mean": share, "o_mean": share, "mix_ratio": share],
      .residual: [
        "layer": positive, "norm": positive, "delta_norm": positive, "lens_entropy": positive,
        "attn_to_reasoning": share,
      ],
      .latentLoop: [
        "steps": positive, "halting": share, "residual_first": positive,
        "residual_last": positive, "kl_last": positive,
      ],
    ]
  }()

  private mutating func extensions(_ value: JSONValue) -> [LatentSummary.Extension] {
    var extensions: [LatentSummary.Extension] = []
    for kind in LatentSummary.Extension.Kind.allCases {
      for field in value.eachField where field.key.string == kind.rawValue {
        guard !field.value.isNull else { continue }
        // One object, or one for each recorded layer.
        if field.value.kind == .array {
          for (index, element) in field.value.eachElement.enumerated() {
            guard index < LatentLimits.layersMax else {
              complain(kind.rawValue, "too-many", "The limit is \(LatentLimits.layersMax) layers.")
              break
            }
            let read = within("\(kind.rawValue)/\(index)") { $0.readExtension(element, kind) }
            if let read { extensions.append(read) }
          }
        } else if let read = within(kind.rawValue, { $0.readExtension(field.value, kind) }) {
          extensions.append(read)
        }
      }
    }
    return extensions
  }

  private mutating func readExtension(
    _ value: JSONValue, _ kind: LatentSummary.Extension.Kind
  ) -> LatentSummary.Extension? {
    guard isObject(value, "") else { return nil }
    var read = LatentSummary.Extension(kind: kind, numbers: [:])
    for field in value.eachField {
      guard let name = field.key.string, !field.value.isNull else { continue }
      if let range = Self.fields[kind]?[name] {
        if let numbers = numbers(field.value, name, range) { read.numbers[name] = numbers }
      } else if name == "sv_top" {
        read.singularValues = singularValues(field.value)
      } else if name == "norm_floor" || name == "lens_top_is_final",
        let flag = field.value.boolean
      {
        read.flags[name] = flag
      }
    }
    return read
  }

  /// A number, or one for each head.
  private mutating func numbers(
    _ value: JSONValue, _ name: String, _ range: ClosedRange<Double>
  ) -> [Double]? {
    guard value.kind == .array else { return number(value, name, range).map { [$0] } }
    var numbers: [Double] = []
    for element in value.eachElement {
      guard numbers.count < LatentLimits.headsMax else {
        complain(name, "too-many", "The limit is \(LatentLimits.headsMax) heads.")
        return nil
      }
      guard let number = number(element, "\(name)/\(numbers.count)", range) else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  private mutating func singularValues(_ value: JSONValue) -> [[Double]] {
    guard value.kind == .array else {
      complain("sv_top", "wrong-type", "Expected an array of arrays, one for each head.")
      return []
    }
    // One head may be told without the outer array.
    let isFlat = value.eachElement.allSatisfy { $0.double != nil }
    let heads = isFlat ? [value] : Array(value.eachElement.prefix(LatentLimits.headsMax))
    return heads.enumerated().map { index, head in
      let values = numbers(head, isFlat ? "sv_top" : "sv_top/\(index)", Self.positive) ?? []
      if values.count > 8 { complain("sv_top", "too-many", "The limit is 8 singular values.") }
      return values
    }
  }
}
