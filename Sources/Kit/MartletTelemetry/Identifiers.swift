import Synchronization

/// Generates ids for requests and spans. They are not secret, so system randomness is used only once, as a seed.
enum Identifiers {
    private static let seed = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    /// Returns a number that is unique in this process and almost certainly among all processes; never 0.
    ///
    /// Applies the finalizer of SplitMix64 to a counter: a bijection, so that no number repeats within 2⁶⁴ calls.
    static func next() -> UInt64 {
        var value = seed &+ count.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return value == 0 ? next() : value
    }
}
