import MartletCore
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
        let value = Hash64.mix(seed &+ count.wrappingAdd(Hash64.increment, ordering: .relaxed).newValue)
        return value == 0 ? next() : value
    }
}
