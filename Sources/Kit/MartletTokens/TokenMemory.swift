import Crypto
import Synchronization

/// A cache of the last ``capacity`` verified tokens, by their SHA-256.
///
/// A new entry replaces the oldest one in constant time. Expired entries remain until they are replaced.
struct TokenMemory<Value: Sendable>: Sendable {
    static var capacity: Int { shardCount * shardCapacity }
    private static var shardCount: Int { 16 }
    private static var shardCapacity: Int { 3125 }

    /// Shards reduce contention between event loops, and the time that growing a table takes.
    private let shards: [Shard] = (0..<Self.shardCount).map { _ in Shard() }

    subscript(digest: SHA256.Digest) -> Value? {
        shard(of: digest).state.withLock { $0.values[digest] }
    }

    func insert(_ value: Value, for digest: SHA256.Digest) {
        shard(of: digest).state.withLock { state in
            guard state.values.updateValue(value, forKey: digest) == nil else { return }
            guard state.ring.count == Self.shardCapacity else {
                state.ring.append(digest)
                return
            }
            state.values[state.ring[state.oldest]] = nil
            state.ring[state.oldest] = digest
            state.oldest = (state.oldest + 1) % Self.shardCapacity
        }
    }

    var count: Int { shards.reduce(0) { sum, shard in sum + shard.state.withLock { $0.values.count } } }

    private func shard(of digest: SHA256.Digest) -> Shard {
        let first = digest.withUnsafeBytes { $0.first ?? 0 }
        return shards[Int(first) % Self.shardCount]
    }

    private final class Shard: Sendable {
        struct State {
            var values: [SHA256.Digest: Value] = [:]
            /// The digests in order of insertion, as a ring that starts at `oldest`.
            var ring: [SHA256.Digest] = []
            var oldest = 0
        }

        let state = Mutex(State())
    }
}
