internal import HTTPServer
internal import Importers
internal import JSON

/// Telling the limits, so that a client need not find them out by being refused.
extension OversightService {
  func getLimits(_ call: Call) {
    var writer = JSONWriter()
    writer.object { writer in
      for setting in HTTPServer.Limits.settings {
        writer.field(setting.name, setting.value(of: limits))
      }
      writer.field("nesting", nestingMax)
      writer.field("batch-lines", Self.batchLinesMax)
      writer.field("line-bytes", Self.lineBytesMax)
      writer.field("messages", EpisodeLimits.messagesMax)
      writer.field("external-id-bytes", EpisodeLimits.externalIDBytesMax)
    }
    call.send(.json(.ok, writer.bytes))
  }
}
