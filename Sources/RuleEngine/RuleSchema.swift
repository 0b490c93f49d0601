internal import Foundation
internal import Oversight

/// The JSON Schema of rule files, for editors. What a schema cannot say (bounded patterns, `none`
/// inside `all`) is the reader's to say.
package enum RuleSchema {
  /// The schema, as a file.
  package static var text: String {
    let options: JSONSerialization.WritingOptions = [
      .prettyPrinted, .sortedKeys, .withoutEscapingSlashes,
    ]
    // What is built here is always an object of JSON's types.
    let data = (try? JSONSerialization.data(withJSONObject: schema, options: options)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  private typealias Object = [String: any Sendable]

  private static var schema: Object {
    [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": "Overt rule (overt.rule/1)",
      "type": "object",
      "additionalProperties": false,
      "required": [
        "schema", "id", "version", "title", "status", "severity", "confidence", "applies-to",
        "description", "created", "match", "message", "tests",
      ],
      "properties": [
        "schema": ["const": "overt.rule/1"],
        "id": [
          "type": "string", "maxLength": 128,
          "pattern": "^(" + Rule.categories.sorted().joined(separator: "|") + ")\\.[a-z0-9-]+$",
          "description": "<category>.<name>, equal to the file's path.",
        ] as Object,
        "version": text(pattern: "^[0-9]+\\.[0-9]+\\.[0-9]+$"),
        "title": text("One line: what the rule finds."),
        "status": words(Rule.Status.self), "severity": words(Severity.self),
        "confidence": words(Confidence.self), "applies-to": appliesTo,
        "description": text("What it finds and why that matters."),
        "references": texts, "false-positives": texts, "authors": texts, "tags": texts,
        "created": text(pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        "modified": text(pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        "related": list([
          "type": "object", "additionalProperties": false, "required": ["id", "type"],
          "properties": ["id": text(), "type": words(Rule.Relation.Kind.self)] as Object,
        ]),
        "match": ["$ref": "#/$defs/condition"],
        "message": text("{{evidence}} stands for the matched text."),
        "tests": [
          "type": "object", "additionalProperties": false, "required": ["match", "no-match"],
          "properties": [
            "match": ["$ref": "#/$defs/cases"], "no-match": ["$ref": "#/$defs/cases"],
            "undecided": ["$ref": "#/$defs/cases"],
          ] as Object,
        ] as Object,
      ] as Object,
      "$defs": [
        "condition": condition, "leaf": leaf(isStep: false), "step": leaf(isStep: true),
        "cases": list(["anyOf": [shortCase, longCase]]),
      ] as Object,
    ]
  }

  private static var condition: Object {
    let conditions: Object = [
      "type": "array", "minItems": 1, "items": ["$ref": "#/$defs/condition"],
    ]
    let unit = words(Condition.Unit.self)
    let number: Object = ["type": "number"]
    let bounded: Object = ["at-least": number, "at-most": number]
    let kinds: [any Sendable] = [
      ["$ref": "#/$defs/leaf"] as Object,
      object(["any": conditions], required: ["any"]),
      object(["all": conditions, "within": unit], required: ["all"]),
      object(["none": conditions], required: ["none"]),
      object(
        [
          "near": leaves("leaf"), "within": text(pattern: "^[0-9]+ (bytes?|messages?)$"),
          "ordered": ["type": "boolean"] as Object,
        ], required: ["near", "within"]),
      object(
        ["sequence": leaves("step"), "within": text(pattern: "^[0-9]+ messages?$")],
        required: ["sequence"]),
      object(
        [
          "count": ["$ref": "#/$defs/leaf"] as Object, "at-least": ["type": "integer"] as Object,
          "per-kilobyte": number, "within": unit,
        ], required: ["count"]),
      object(
        bounded.merging(scope) { first, _ in first }
          .merging(["feature": words(TextFeature.self)]) { first, _ in first },
        required: ["feature"]),
      object(scope.merging(["language": texts]) { first, _ in first }, required: ["language"]),
      object(
        bounded.merging(["latent": words(LatentMetric.self)]) { first, _ in first },
        required: ["latent"]),
    ]
    return ["anyOf": kinds]
  }

  private static func leaf(isStep: Bool) -> Object {
    var properties = scope
    properties["pattern"] = text("A regular expression of bounded width.")
    properties["phrase"] = text("Words, in either case.")
    properties["any"] = ["type": "array", "minItems": 1, "items": ["type": "object"]] as Object
    properties["unless-negated"] =
      ["type": "integer", "minimum": 1, "maximum": Negation.bytesMax] as Object
    properties["tool"] = texts
    properties["argument"] = text("The path of an argument, such as options.path.")
    if isStep {
      properties["as"] = text("Remembers the matched text.")
      properties["same-as"] = text("The remembered text stands here.")
    }
    return object(properties, required: [])
  }

  private static func leaves(_ name: String) -> Object {
    [
      "type": "array", "minItems": 2, "maxItems": StepSequence.stepsMax,
      "items": ["$ref": "#/$defs/\(name)"],
    ]
  }

  private static var shortCase: Object {
    object(
      [
        "text": text(), "because": text(), "part": words(Part.Kind.self),
        "role": words(Role.self), "visibility": words(Visibility.self), "tool": text(),
      ], required: ["text", "because"])
  }

  private static var longCase: Object {
    let message = object(
      [
        "role": words(Role.self), "text": text(), "reasoning": text(), "plan": text(),
        "tool_call": text("The arguments as JSON."), "tool_result": text(), "tool": text(),
        "visibility": words(Visibility.self), "reasoning-tokens": ["type": "integer"] as Object,
      ], required: ["role"])
    return object(["episode": list(message), "because": text()], required: ["episode", "because"])
  }

  private static var appliesTo: Object {
    object(scope, required: ["parts", "roles"])
  }

  private static var scope: Object {
    [
      "parts": list(words(Part.Kind.self)), "roles": list(words(Role.self)),
      "visibility": list(words(Visibility.self)),
    ]
  }

  private static func object(_ properties: Object, required: [String]) -> Object {
    [
      "type": "object", "additionalProperties": false, "required": required,
      "properties": properties,
    ]
  }

  private static func list(_ items: Object) -> Object {
    ["type": "array", "minItems": 1, "items": items]
  }

  private static var texts: Object { ["type": "array", "items": ["type": "string"]] }

  private static func text(_ description: String? = nil, pattern: String? = nil) -> Object {
    var text: Object = ["type": "string", "minLength": 1]
    text["description"] = description
    text["pattern"] = pattern
    return text
  }

  private static func words<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> Object
  where Word.RawValue == String {
    ["enum": Word.allCases.map(\.rawValue)]
  }
}
