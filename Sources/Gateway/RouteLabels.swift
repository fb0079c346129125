import Synchronization

/// The names that metrics and logs know routes by. A name keeps its slot when the configuration is read again, so that
/// requests under way are counted where they belong.
final class RouteLabels: Sendable {
    private struct State {
        var names = ["(invalid)", "(unmatched)", "(site)"]
        var slots: [String: Int] = ["(invalid)": 0, "(unmatched)": 1, "(site)": 2]
    }

    private let state = Mutex(State())

    func label(_ name: String) -> RouteLabel {
        state.withLock { state in
            if let slot = state.slots[name] { return RouteLabel(slot: slot) }
            state.slots[name] = state.names.count
            state.names.append(name)
            return RouteLabel(slot: state.names.count - 1)
        }
    }

    /// All names so far, by slot.
    var all: [String] { state.withLock { $0.names } }
}
