import Oversight
import Testing

@Suite struct QuotaTests {
  @Test(arguments: ["requests=600/60", "bytes=1/86400", "requests=1/1"])
  func `a quota is written as it is read`(text: String) {
    #expect(Quota(text)?.description == text)
  }

  @Test(arguments: [
    "", "requests", "requests=", "requests=1", "requests=1/", "requests=0/60", "requests=-1/60",
    "requests=1/0", "requests=1/86401", "words=1/60", "requests=1/60/60", "requests=1=1/60",
    "requests=99999999999999999999/60", " requests=1/60",
  ])
  func `what is none is refused`(text: String) {
    #expect(Quota(text) == nil)
  }
}
