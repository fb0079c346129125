import Synchronization

/// The names that metrics and logs know routes by. A name keeps its slot when the configuration is read again, so that
/// requests under way are counted where they belong.
final class RouteLabels: Sendable {
    private let names = Mutex(["(invalid)", "(unmatched)", "(site)"])

    func label(_ name: String) -> RouteLabel {
        names.withLock { names in
            if let slot = names.firstIndex(of: name) { return RouteLabel(slot: slot) }
            names.append(name)
            return RouteLabel(slot: names.count - 1)
        }
    }

    /// All names so far, by slot.
    var all: [String] { names.withLock { $0 } }
}
