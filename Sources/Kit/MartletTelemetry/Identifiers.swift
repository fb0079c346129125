import Synchronization

/// Numbers that tell requests and spans apart. They are no secrets, so the system is asked for randomness once and not
/// in every request.
enum Identifiers {
    private static let seed = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    /// A number that this process has not given before and another one hardly ever does; never 0.
    ///
    /// The finaliser of SplitMix64 over a counter: a bijection, so that nothing repeats before 2⁶⁴ numbers.
    static func next() -> UInt64 {
        var value = seed &+ count.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return value == 0 ? next() : value
    }
}
