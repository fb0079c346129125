import Synchronization

/// The names that metrics and logs know routes by. A name keeps its slot when the configuration is read again, so that
/// requests under way are counted where they belong.
final class RouteLabels: Sendable {
    private static let fixed = ["(invalid)", "(unmatched)", "(site)"]
    /// Of a slot that no route has.
    private static let gone = "(gone)"

    private struct State {
        var names = fixed
        var slots = Dictionary(uniqueKeysWithValues: fixed.enumerated().map { ($1, $0) })
        /// Slots whose names are gone: for the next name, and for the one after the next reload. Until then requests under
        /// way have mostly ended.
        var free: [Int] = []
        var retired: [Int] = []
    }

    private let state = Mutex(State())

    func label(_ name: String) -> RouteLabel {
        state.withLock { state in
            if let slot = state.slots[name] { return RouteLabel(slot: slot) }
            let slot = state.free.popLast() ?? state.names.count
            if slot == state.names.count { state.names.append(name) } else { state.names[slot] = name }
            state.slots[name] = slot
            return RouteLabel(slot: slot)
        }
    }

    /// All names, by slot.
    var all: [String] { state.withLock { $0.names } }

    /// Forgets all other names.
    /// - Returns: those.
    func keep(_ names: Set<String>) -> Set<String> {
        state.withLock { state in
            let gone = state.slots.filter { !names.contains($0.key) && !Self.fixed.contains($0.key) }
            state.free += state.retired
            state.retired = Array(gone.values)
            for (name, slot) in gone {
                state.names[slot] = Self.gone
                state.slots[name] = nil
            }
            return Set(gone.keys)
        }
    }
}
