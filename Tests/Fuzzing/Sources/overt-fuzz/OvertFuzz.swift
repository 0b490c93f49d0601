internal import FuzzTargets
internal import Glibc

/// libFuzzer's own driver, which is what its `main` calls: the package manager wants to name ours.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Runs one fuzz target under libFuzzer, with libFuzzer's own arguments. `OVERT_FUZZ_TARGET` names
/// the target.
@main
enum OvertFuzz {
  fileprivate static let target: FuzzTarget = {
    let name = getenv("OVERT_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
      let message = "OVERT_FUZZ_TARGET is one of \(known)\n"
      write(2, message, message.utf8.count)
      exit(64)
    }
    return target
  }()

  static func main() {
    _ = target
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(
      runDriver(&count, &arguments) { start, count in
        OvertFuzz.target.run(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
      })
  }
}
