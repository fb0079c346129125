import MartletCore
import MartletSystem
import Synchronization
public import Testing

/// Random numbers that can be had again (SplitMix64).
///
/// A test that looks for surprises starts from ``seedOfRun`` and has the trait ``Testing/Trait/seeded``. One that only needs
/// bytes without a pattern gives a seed of its own.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Another one in each run, unless `MARTLET_TEST_SEED` names it.
    public static let seedOfRun: UInt64 =
        getenv("MARTLET_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: .min ... .max)

    public init(seed: UInt64 = seedOfRun) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= Hash64.increment
        return Hash64.mix(state)
    }

    /// Bytes without a pattern.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

extension Trait where Self == IssueHandlingTrait {
    /// A failure names the seed with which it can be repeated.
    public static var seeded: Self {
        .compactMapIssues { issue in
            var issue = issue
            issue.comments.append("repeat it with MARTLET_TEST_SEED=\(SeededRandom.seedOfRun)")
            return issue
        }
    }
}

/// A name that nothing else has: for keys, schemas, sockets and folders that tests beside each other make.
public func uniqueName(_ prefix: String) -> String {
    prefix + String(UInt64.random(in: .min ... .max), radix: 36)
}
