import CPostgres
import Foundation
import Synchronization

/// One thread that waits for the sockets of all PostgreSQL connections of the process.
final class Reactor: Sendable {
    static let shared = Reactor()
    private static let ids = Atomic<UInt64>(0)

    /// A number for a connection. 0 is the reactor itself.
    static func nextID() -> UInt64 { ids.add(1, ordering: .relaxed).newValue }

    private let connections = Mutex<[UInt64: PostgresConnection]>([:])
    /// Whether the thread has no deadline to check and waits until it is woken.
    private let isAsleep = Atomic(false)
    private let poller = Poller()

    private init() {
        let thread = Thread { [poller] in
            // The reactor is never freed, and the thread never ends.
            while true { Reactor.shared.turn(poller) }
        }
        thread.name = "martlet-postgres"
        thread.start()
    }

    func add(_ connection: PostgresConnection, descriptor: CInt) {
        connections.withLock { $0[connection.id] = connection }
        poller.add(descriptor, id: connection.id)
    }

    func remove(_ connection: PostgresConnection, descriptor: CInt) {
        poller.remove(descriptor)
        connections.withLock { $0[connection.id] = nil }
    }

    func watch(_ descriptor: CInt, of connection: PostgresConnection, forOutput: Bool) {
        poller.watch(descriptor, id: connection.id, forOutput: forOutput)
    }

    /// Wakes the thread, because a response is now due.
    func wake() {
        guard isAsleep.load(ordering: .sequentiallyConsistent),
            isAsleep.exchange(false, ordering: .sequentiallyConsistent)
        else { return }
        poller.interrupt()
    }

    private struct Watch {
        var nextLook = ContinuousClock.now
        var idleLooks = 0
    }

    private let watch = Mutex(Watch())

    private func turn(_ poller: Poller) {
        let ready = poller.wait(milliseconds: isAsleep.load(ordering: .sequentiallyConsistent) ? -1 : 100)
        for id in ready {
            let connection = connections.withLock { $0[id] }
            connection?.receive()
        }
        let now = ContinuousClock.now
        let isDue = watch.withLock { watch in
            guard now >= watch.nextLook else { return false }
            watch.nextLook = now + .milliseconds(100)
            return true
        }
        guard isDue else { return }
        var isWaiting = look(now)
        let mayRest = watch.withLock { watch in
            watch.idleLooks = isWaiting ? 0 : watch.idleLooks + 1
            return watch.idleLooks > 10
        }
        guard mayRest else { return }
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        // A statement sent before the store did not see it, so check once more.
        isWaiting = look(now)
        if isWaiting { isAsleep.store(false, ordering: .sequentiallyConsistent) }
    }

    private func look(_ now: ContinuousClock.Instant) -> Bool {
        let all = connections.withLock { Array($0.values) }
        var isWaiting = false
        for connection in all where connection.checkPatience(now) { isWaiting = true }
        return isWaiting
    }
}
