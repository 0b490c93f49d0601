internal import Foundation
internal import PostgresStore

/// `overt review` on a terminal of 80 by 24: from the start of the program to its first screen with an
/// episode of 1 MB, and from a key to the last byte that it changes on the screen, page by page
/// through an episode of 5 MB. The server, the database and the network are in it.
struct ReviewBenchmark {
  let options: Options

  init(_ options: Options) { self.options = options }

  func run() throws {
    guard let program = ProcessInfo.processInfo.environment["OVERT_PROGRAM"] else {
      throw BenchmarkError(
        description: "set OVERT_PROGRAM to the built overt (docker/dev bench does)")
    }
    let folder = try Tool.folder()
    let cluster = try PrivateCluster(in: folder) { _ in }
    defer { cluster.stop() }
    let port = try Tool.freePort()
    let state = folder + "/server"
    let server = try Peer(
      program, ["serve", "--port", "\(port)", "--log", "error"],
      environment: ["OVERT_STATE_DIR": state, "DATABASE_URL": cluster.url, "HOST": ""])
    defer { server.stop() }
    try Tool.awaitPort(port)
    let script = folder + "/review.py"
    try Self.script.write(toFile: script, atomically: true, encoding: .utf8)
    for (megabytes, pages) in [(1, 20), (5, 300)] {
      print(
        try Tool.run(
          "python3",
          [
            script, program, state, "\(port)", "\(megabytes)", "\(pages)", "\(options.rounds)",
            RulesBenchmark.repository + "/README.md",
          ]), terminator: "")
    }
    print("review: bar: a first screen of 1 MB within 100 ms\n")
  }

  /// Posts an episode of so many megabytes, opens it in a pseudo-terminal, and pages through it.
  private static let script = #"""
    import fcntl, json, os, pty, random, re, select, struct, sys, termios, time, urllib.request
    program, state, port, megabytes, pages, rounds, prose = sys.argv[1:]
    url = "http://127.0.0.1:" + port
    token = open(state + "/admin.token").read().strip()
    words = re.findall("[A-Za-z]+", open(prose).read())
    random.seed(3)
    text = ["I'll special-case the tests so that they pass."]
    size = 0
    while size < int(megabytes) * 1_000_000:
        text.append(random.choice(words) + ("\n" if random.random() < 0.05 else ""))
        size += len(text[-1]) + 1
    episode = {"schema": "overt.episode/1", "external_id": megabytes + "-mb", "messages": [{
        "role": "assistant",
        "parts": [{"type": "reasoning", "visibility": "full", "text": " ".join(text)}]}]}
    def post(path, body):
        request = urllib.request.Request(url + path, json.dumps(body).encode(), {
            "Authorization": "Bearer " + token, "Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request))
    post("/v1/episodes", episode)
    first, keys = [], []
    for _ in range(int(rounds)):
        start = time.monotonic()
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(TERM="xterm", OVERT_STATE_DIR=state, OVERT_URL=url)
            os.execv(program, [program, "review"])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        shown = b""
        while b"q quit" not in shown:
            if not select.select([terminal], [], [], 30)[0]:
                sys.exit("no screen came")
            shown += os.read(terminal, 65536)
        first.append((time.monotonic() - start) * 1000)
        for _ in range(int(pages)):
            start = time.monotonic()
            os.write(terminal, b" ")
            select.select([terminal], [], [], 5)
            while select.select([terminal], [], [], 0.004)[0]:
                os.read(terminal, 65536)
            # Without the pause that shows that nothing more comes.
            keys.append((time.monotonic() - start) * 1000 - 4)
        # What is held goes back, for the next round.
        os.write(terminal, b"q")
        os.waitpid(child, 0)
    # Out of the way of the next size.
    item = post("/v1/queue:claim", {})["items"][0]
    post("/v1/episodes/" + item["id"] + "/reviews",
         {"lease": item["lease"], "verdict": "true_positive"})
    keys.sort()
    first.sort()
    print(f"  review, {megabytes} MB: first screen {first[len(first) // 2]:.0f} ms in the median "
          f"(to {first[-1]:.0f}); a page {keys[len(keys) // 2]:.1f} ms, p99 "
          f"{keys[int(len(keys) * 0.99)]:.1f} ms")
    """#
}
