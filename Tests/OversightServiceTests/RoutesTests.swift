import HTTPServer
import JSON
import Oversight
import Testing

@testable import OversightService

@Suite struct RoutesTests {
  @Test func `paths find their routes and their arguments`() {
    guard case .found(let route, let arguments) = Routes.match(.get, "/v1/episodes/ep_1") else {
      Issue.record("not found")
      return
    }
    #expect(arguments == ["ep_1"])
    #expect(route.scope == .episodesRead)
    guard case .found(_, let none) = Routes.match(.post, "/v1/episodes:batch") else {
      Issue.record("not found")
      return
    }
    #expect(none.isEmpty)
  }

  @Test(arguments: ["/", "/v1", "/v1/", "/v1/episodes/", "/v2/episodes", "/v1/episodes/a/b/c"])
  func `other paths are unknown`(path: String) {
    guard case .unknown = Routes.match(.get, path) else {
      Issue.record("\(path) is known")
      return
    }
  }

  @Test func `a wrong method is told the right ones`() {
    guard case .wrongMethod(let allowed) = Routes.match(.put, "/v1/episodes") else {
      Issue.record("not refused")
      return
    }
    #expect(Set(allowed) == ["GET", "HEAD", "POST"])
  }

  @Test func `only what must be open to everybody is`() {
    let open = Routes.all.filter { $0.scope == nil }.map { route in
      route.segments.reduce(into: "") { path, segment in
        if case .literal(let text) = segment { path += "/" + text }
      }
    }
    #expect(Set(open) == ["/livez", "/readyz", "/openapi.json", "/v1/limits"])
  }

  @Test func `every route is described in openapi json, and nothing else is`() throws {
    let described = try JSONParser().parse(PackageResources.openapi_json) { root, _ in
      #expect(root["openapi"]?.string?.hasPrefix("3.1") == true)
      var operations: Set<String> = []
      for path in root["paths"]?.eachField.map({ $0 }) ?? [] {
        for operation in path.value.eachField {
          guard let method = operation.key.string, method != "parameters" else { continue }
          operations.insert("\(method.uppercased()) \(normalised(path.key.string ?? ""))")
        }
      }
      return operations
    }
    let routes = Routes.all.map { route in
      let path = route.segments.reduce(into: "") { path, segment in
        switch segment {
        case .literal(let text): path += "/" + text
        case .any: path += "/{}"
        }
      }
      return "\(route.method) \(path)"
    }
    #expect(described == Set(routes))
  }

  private func normalised(_ path: String) -> String {
    path.split(separator: "/").reduce(into: "") { $0 += "/" + ($1.hasPrefix("{") ? "{}" : $1) }
  }
}
