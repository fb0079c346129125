import Synchronization

/// The names of routes in metrics and logs. A name keeps its slot across reloads, so that requests in progress are
/// counted under their own route.
final class RouteLabels: Sendable {
    private static let fixed = ["(invalid)", "(unmatched)", "(site)"]
    /// The name of an unused slot.
    private static let gone = "(gone)"

    private struct State {
        var names = fixed
        var slots = Dictionary(uniqueKeysWithValues: fixed.enumerated().map { ($1, $0) })
        /// Slots of removed names. Those in `free` may be reused at once, those in `retired` after the next reload: by
        /// then most requests that still use them have ended.
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

    /// Forgets all names but these.
    /// - Returns: the forgotten names.
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
