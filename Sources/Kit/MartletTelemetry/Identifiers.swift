import MartletCore
import Synchronization

/// Generates ids for requests and spans. They are not secret, so system randomness is used only once, as a seed.
enum Identifiers {
    private static let seed = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    /// Returns a number that is unique in this process and almost certainly among all processes; never 0.
    ///
    /// Applies the finalizer of SplitMix64 to a counter: a bijection, so that no number repeats within 2⁶⁴ calls.
    static func next() -> UInt64 {
        let value = Hash64.mix(seed &+ count.wrappingAdd(Hash64.increment, ordering: .relaxed).newValue)
        return value == 0 ? next() : value
    }
}
