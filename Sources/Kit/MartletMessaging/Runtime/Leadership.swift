import Synchronization

/// Whether this instance leads the instances of its service.
final class Leadership: Sendable {
    private let state = Atomic(false)
    /// Set when ``isLeader`` has changed.
    let changed = Signal()

    var isLeader: Bool { state.load(ordering: .acquiring) }

    /// - Returns: whether it has changed.
    @discardableResult
    func set(_ isLeader: Bool) -> Bool {
        let hasChanged = state.exchange(isLeader, ordering: .acquiringAndReleasing) != isLeader
        if hasChanged { changed.set() }
        return hasChanged
    }
}
