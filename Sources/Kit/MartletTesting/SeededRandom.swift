import Synchronization
public import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

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
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
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
