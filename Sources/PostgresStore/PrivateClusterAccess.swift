internal import CPostgres

extension PrivateCluster {
  /// The connection string of a private cluster that a server runs; nil if none answers.
  package static func runningURL(in folder: String) -> String? {
    let url = url(in: ClusterLayout(folder: folder))
    return unsafe PQping(url) == PQPING_OK ? url : nil
  }

  /// Whether a private cluster was made in a state folder.
  package static func isInitialised(in folder: String) -> Bool {
    ClusterLayout(folder: folder).isInitialised
  }

  static func url(in layout: ClusterLayout) -> String {
    "host=\(layout.sockets) user=overt dbname=overt"
  }
}
