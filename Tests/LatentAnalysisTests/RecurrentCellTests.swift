import Foundation
import JSON
import TestSupport
import Testing

/// The reference cells: against vectors of the package, and by what must hold for any weights.
struct RecurrentCellTests {
  @Test func `what a cell keeps and writes are shares of one memory`() {
    var generator = SeededGenerator(seed: 11)
    func draw(_ range: ClosedRange<Double>) -> Double {
      Double.random(in: range, using: &generator)
    }
    func draws(_ count: Int, _ range: ClosedRange<Double>) -> [Double] {
      (0..<count).map { _ in draw(range) }
    }
    for _ in 0..<50 {
      let recurrent = (0..<2).map { _ in
        (0..<4).map { _ in (0..<3).map { _ in draws(3, -1...1) } }
      }
      var cell = SLSTMCell(
        heads: 2, headDimension: 3, recurrent: recurrent,
        bias: (0..<4).map { _ in draws(6, -1...1) })
      for _ in 0..<20 {
        let before = cell.readable
        // Exponential gates far from 1: without the stabiliser they would overflow.
        let step = cell.step((0..<4).map { _ in draws(6, -400...400) })
        for index in 0..<6 {
          let kept = step.retention[index]
          #expect((0...1).contains(kept))
          let expected = kept * before[index] + (1 - kept) * step.cellInput[index]
          #expect(abs(cell.readable[index] - expected) < 1e-9)
          #expect(cell.m[index] >= step.inputPre[index])
          #expect(cell.h[index].isFinite)
        }
      }
    }
  }

  @Test func `the stabiliser changes no output`() {
    var generator = SeededGenerator(seed: 12)
    func draws(_ count: Int) -> [Double] {
      (0..<count).map { _ in Double.random(in: -1.5...1.5, using: &generator) }
    }
    for _ in 0..<50 {
      var head = MLSTMHead(dimension: 4)
      var plain = Array(repeating: Array(repeating: 0.0, count: 4), count: 4)
      var normaliser = Array(repeating: 0.0, count: 4)
      for _ in 0..<12 {
        let (q, k, v, gates) = (draws(4), draws(4), draws(4), draws(2))
        let step = head.step(q: q, k: k, v: v, input: gates[0], forget: gates[1], epsilon: 0)
        let (i, f) = (exp(gates[0]), 1 / (1 + exp(-gates[1])))
        for row in 0..<4 {
          for column in 0..<4 {
            plain[row][column] = f * plain[row][column] + i * k[row] / 2 * v[column]
          }
          normaliser[row] = f * normaliser[row] + i * k[row] / 2
        }
        let product = abs(zip(q, normaliser).reduce(0) { $0 + $1.0 * $1.1 })
        for column in 0..<4 {
          let read = (0..<4).reduce(0) { $0 + q[$1] * plain[$1][column] }
          #expect(abs(step.h[column] - read / max(product, 1)) < 1e-9)
        }
        let ranks = 0.9999999...4.0000001
        #expect(ranks.contains(step.summary["eff_rank"] ?? 0))
        #expect(ranks.contains(step.summary["stable_rank"] ?? 0))
      }
    }
  }

  @Test(.enabled(if: TestData.isPresent, "OUTSIDE DATA IS ABSENT: set OVERT_TEST_DATA"))
  func `the sLSTM reproduces the test vectors`() throws {
    let vectors = try Vectors.read()
    let slstm = vectors["slstm"]
    var cell = SLSTMCell(
      heads: slstm["heads"].count, headDimension: slstm["head_dim"].count,
      recurrent: slstm["R"].list.map { $0.list.map { $0.list.map(\.numbers) } },
      bias: slstm["b"].list.map(\.numbers))
    let inputs = slstm["Wx"].list
    let steps = slstm["steps"].list
    #expect(steps.count == 6)
    for (input, expected) in zip(inputs, steps) {
      let step = cell.step(input.list.map(\.numbers))
      let state = expected["state"]
      expectEqual(cell.h, state["h"].numbers)
      expectEqual(cell.c, state["c"].numbers)
      expectEqual(cell.n, state["n"].numbers)
      expectEqual(cell.m, state["m"].numbers)
      let gates = expected["gates"]
      expectEqual(step.inputGate, gates["i_prime"].numbers)
      expectEqual(step.forgetGate, gates["f_prime"].numbers)
      expectEqual(step.outputGate, gates["o"].numbers)
      expectEqual(step.cellInput, gates["z"].numbers)
      expectEqual(step.inputPre, gates["i_pre"].numbers)
      expectEqual(step.forgetPre, gates["f_pre"].numbers)
      for (mixed, row) in zip(step.mixed, expected["Ry"].list) { expectEqual(mixed, row.numbers) }
      let summary = expected["summary"].fields
      #expect(summary.count == step.summary.count)
      for (name, value) in summary { expectEqual([step.summary[name] ?? .nan], value.numbers) }
    }
  }

  @Test(.enabled(if: TestData.isPresent, "OUTSIDE DATA IS ABSENT: set OVERT_TEST_DATA"))
  func `the mLSTM reproduces the test vectors`() throws {
    let mlstm = try Vectors.read()["mlstm"]
    let count = mlstm["heads"].count
    var heads = (0..<count).map { _ in MLSTMHead(dimension: mlstm["head_dim"].count) }
    let steps = mlstm["steps"].list
    #expect(steps.count == 6)
    for (t, expected) in steps.enumerated() {
      for head in 0..<count {
        let step = heads[head].step(
          q: mlstm["q"].list[t].list[head].numbers, k: mlstm["k"].list[t].list[head].numbers,
          v: mlstm["v"].list[t].list[head].numbers, input: mlstm["i_pre"].list[t].numbers[head],
          forget: mlstm["f_pre"].list[t].numbers[head], epsilon: 1e-6)
        let state = expected["state"]
        expectEqual(
          heads[head].memory.flatMap(\.self), state["C"].list[head].list.flatMap(\.numbers))
        expectEqual(heads[head].n, state["n"].list[head].numbers)
        expectEqual([heads[head].m], [state["m"].numbers[head]])
        expectEqual(step.h, expected["h"].list[head].numbers)
        expectEqual([step.inputGate], [expected["gates"]["i_prime"].numbers[head]])
        expectEqual([step.forgetGate], [expected["gates"]["f_prime"].numbers[head]])
        let summary = expected["summary_per_head"].list[head].fields
        #expect(summary.count == step.summary.count + 2)
        for (name, value) in summary {
          switch name {
          case "sv_top": expectEqual(Array(step.singularValues.prefix(8)), value.numbers)
          case "norm_floor": #expect(step.isOnFloor == (value.numbers == [1]))
          default: expectEqual([step.summary[name] ?? .nan], value.numbers)
          }
        }
      }
    }
  }

  private func expectEqual(_ own: [Double], _ expected: [Double]) {
    #expect(own.count == expected.count)
    for (a, b) in zip(own, expected) { #expect(abs(a - b) <= 1e-9, "\(a) and \(b)") }
  }
}

/// A JSON document as plain values.
indirect enum Vectors {
  case number(Double)
  case array([Vectors])
  case object([String: Vectors])

  static func read() throws -> Vectors {
    let bytes = try TestData.bytes("latent/test-vectors.json")
    return try JSONParser().parse(bytes) { value, _ in Vectors(value) }
  }

  private init(_ value: JSONValue) {
    switch value.kind {
    case .array: self = .array(value.eachElement.map(Vectors.init))
    case .object:
      self = .object(
        Dictionary(
          value.eachField.map { ($0.key.string ?? "", Vectors($0.value)) },
          uniquingKeysWith: { $1 }))
    case .boolean: self = .number(value.boolean == true ? 1 : 0)
    default: self = .number(value.double ?? .nan)
    }
  }

  subscript(_ key: String) -> Vectors { fields[key] ?? .array([]) }
  var fields: [String: Vectors] { if case .object(let fields) = self { fields } else { [:] } }
  var list: [Vectors] { if case .array(let list) = self { list } else { [] } }
  var count: Int { numbers.first.map { Int($0) } ?? 0 }
  var numbers: [Double] {
    switch self {
    case .number(let number): [number]
    case .array(let list): list.flatMap(\.numbers)
    case .object: []
    }
  }
}
