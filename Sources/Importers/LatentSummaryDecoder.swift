internal import JSON
internal import Oversight

/// Reads a latent summary that brings its own text, `latent-summary/1`: an episode of one assistant
/// message with that text as one reasoning part, and the summary of it.
///
/// The numbers are not looked at here: they are the latent scorer's to validate.
enum LatentSummaryDecoder {
  static func read(_ root: JSONValue, _ reading: inout Reading) -> Episode {
    var episode = Episode()
    episode.source.format = "latent-summary"
    episode.externalID = root["episode_id"].flatMap { value in
      reading.at("episode_id") { EnvelopeFields.externalID(value, &$0) }
    }
    if let model = root["model"], reading.at("model", { $0.isObject(model) }) {
      let limit = EpisodeLimits.nameBytesMax
      episode.agent.model = reading.at("model") { reading in
        model["id"].flatMap { id in
          reading.at("id") { $0.optionalString(id, bytesMax: limit) }
        }
      }
      episode.agent.version = reading.at("model") { reading in
        model["version"].flatMap { version in
          reading.at("version") { $0.optionalString(version, bytesMax: limit) }
        }
      }
    }
    guard let value = root["text"] else {
      reading.at("text") {
        $0.problem(
          "required",
          "A summary becomes an episode by its text; one of a transcript that is kept elsewhere is"
            + " added to that episode (PUT /v1/episodes/{id}/latent).")
      }
      return episode
    }
    guard let text = reading.at("text", { $0.string(value) }) else { return episode }
    var message = Message(role: .assistant)
    message.parts = [.reasoning(Reasoning(visibility: .full, text: text))]
    episode.messages = [message]
    episode.latentSummaries = [nested(root)]
    return episode
  }

  /// The summary as it stands in an episode: naming the part in place of bringing its text.
  private static func nested(_ root: JSONValue) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      for field in root.eachField {
        guard let name = field.key.string, !["text", "message", "part"].contains(name) else {
          continue
        }
        writer.key(name)
        field.value.write(to: &writer)
      }
      writer.field("message", 0)
      writer.field("part", 0)
    }
    return writer.text
  }
}
