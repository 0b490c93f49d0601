import Cryptography
import TestSupport
import Testing

/// The tree of RFC 6962, against the test vectors of the Certificate Transparency project
/// (`merkle_tree_test.cc`) and against itself.
struct MerkleTreeTests {
  static let entries: [[UInt8]] = [
    [], [0], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43], Array(0x50...0x57),
    Array(0x60...0x6F),
  ]
  static let roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]

  @Test func `roots equal the published ones`() {
    var frontier = MerkleFrontier()
    #expect(frontier.root == MerkleTree.empty)
    #expect(
      MerkleTree.empty.hexadecimal
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    for (entry, root) in zip(Self.entries, Self.roots) {
      frontier.append(MerkleTree.leaf(entry))
      #expect(frontier.root.hexadecimal == root)
    }
  }

  /// The root of a range, straight from the definition.
  private static func node(_ leaves: [Digest], _ level: Int, _ index: Int) -> Digest {
    var hashes = Array(leaves[index << level..<(index + 1) << level])
    while hashes.count > 1 {
      hashes = stride(from: 0, to: hashes.count, by: 2).map {
        MerkleTree.node(hashes[$0], hashes[$0 + 1])
      }
    }
    return hashes[0]
  }

  @Test func `every inclusion proof verifies, and no other record's does`() {
    let leaves = (0..<67).map { MerkleTree.leaf([UInt8($0)]) }
    for size in 1...leaves.count {
      let root = MerkleTree.root(size: size) { Self.node(leaves, $0, $1) }
      for index in 0..<size {
        let proof = MerkleTree.inclusionProof(of: index, size: size) {
          Self.node(leaves, $0, $1)
        }
        func verifies(_ leaf: Digest, at index: Int, _ proof: [Digest]) -> Bool {
          MerkleTree.verifies(leaf, at: index, size: size, root: root, proof: proof)
        }
        #expect(verifies(leaves[index], at: index, proof))
        #expect(!verifies(leaves[(index + 1) % leaves.count], at: index, proof))
        #expect(!verifies(leaves[index], at: size, proof))
        #expect(!verifies(leaves[index], at: index, proof + [root]))
        if !proof.isEmpty { #expect(!verifies(leaves[index], at: index, proof.dropLast())) }
      }
    }
  }

  @Test func `every consistency proof verifies, and none to another history`() {
    let leaves = (0..<40).map { MerkleTree.leaf([UInt8($0)]) }
    var others = leaves
    others[3] = MerkleTree.leaf([99])
    func root(_ leaves: [Digest], _ size: Int) -> Digest {
      MerkleTree.root(size: size) { Self.node(leaves, $0, $1) }
    }
    for size in 1...leaves.count {
      for earlier in 1...size {
        let proof = MerkleTree.consistencyProof(from: earlier, to: size) {
          Self.node(leaves, $0, $1)
        }
        let (before, after) = (root(leaves, earlier), root(leaves, size))
        #expect(MerkleTree.verifies(from: earlier, before, to: size, after, proof: proof))
        guard earlier > 3 else { continue }
        let forged = root(others, earlier)
        #expect(!MerkleTree.verifies(from: earlier, forged, to: size, after, proof: proof))
        let rewritten = root(others, size)
        #expect(!MerkleTree.verifies(from: earlier, before, to: size, rewritten, proof: proof))
      }
    }
  }

  @Test func `forged proofs of random hashes never verify`() {
    var random = SeededGenerator(seed: 6962)
    let root = MerkleTree.leaf([1])
    for _ in 0..<2000 {
      let size = Int.random(in: 1...1000, using: &random)
      let proof = (0..<Int.random(in: 0...12, using: &random)).map { _ in
        Digest(of: [UInt8.random(in: 0...255, using: &random)])
      }
      let leaf = Digest(of: [UInt8.random(in: 0...255, using: &random)])
      #expect(
        !MerkleTree.verifies(
          leaf, at: Int.random(in: 0..<size, using: &random), size: size, root: root, proof: proof))
    }
  }

  @Test func `a frontier tells of each complete tree once, and can be taken up again`() throws {
    let leaves = (0..<70).map { MerkleTree.leaf([UInt8($0)]) }
    var frontier = MerkleFrontier()
    var told: [String: Digest] = [:]
    for leaf in leaves {
      frontier.append(leaf) { height, index, hash in
        #expect(told.updateValue(hash, forKey: "\(height)/\(index)") == nil)
      }
      let resumed = try #require(MerkleFrontier(size: frontier.size, roots: frontier.roots))
      #expect(resumed == frontier)
    }
    for (name, hash) in told {
      let numbers = name.split(separator: "/").compactMap { Int($0) }
      #expect(hash == Self.node(leaves, numbers[0], numbers[1]))
    }
    #expect(told.count == 35 + 17 + 8 + 4 + 2 + 1)
    #expect(MerkleFrontier(size: 3, roots: [leaves[0]]) == nil)
  }
}
