import NIOCore
import Synchronization

/// Limits the requests of a route or an upstream in progress at once, across all event loops.
///
/// All loops share one queue under one lock: a slot that becomes free on one loop goes to the longest-waiting request,
/// which may be on another.
final class ConcurrencyLimit: Sendable {
    enum Entry {
        case entered
        case waiting(ConcurrencyTicket)
        case full
    }

    fileprivate struct Waiter: Sendable {
        let eventLoop: any EventLoop
        let ticket: NIOLoopBound<ConcurrencyTicket>
    }

    /// The running and waiting requests. Survives reloads.
    final class Places: Sendable {
        fileprivate let queue = Mutex(ConcurrencyQueue<Waiter>())
    }

    let configuration: GatewayConfiguration.Concurrency
    /// The owner of the limit.
    let name: String
    private let places: Places

    init(_ configuration: GatewayConfiguration.Concurrency, _ places: Places = Places(), of name: String = "") {
        self.configuration = configuration
        self.places = places
        self.name = name
    }

    /// Call on the client's event loop. ``leave()`` must follow once the request has entered.
    func enter(_ client: ClientHandler) -> Entry {
        // Usually there is room, and no ticket is needed.
        if enter() { return .entered }
        let eventLoop = client.loop.eventLoop
        let ticket = ConcurrencyTicket(client, self)
        let waiter = Waiter(eventLoop: eventLoop, ticket: NIOLoopBound(ticket, eventLoop: eventLoop))
        let (limit, queue) = (configuration.limit, configuration.queue)
        switch places.queue.withLock({ $0.enter(orWait: waiter, limit: limit, maximumWaiting: queue) }) {
        case .entered: return .entered
        case .full: return .full
        case .waiting(let number):
            ticket.number = number
            return .waiting(ticket)
        }
    }

    /// Enters if there is room. If so, ``leave()`` must follow.
    func enter() -> Bool { places.queue.withLock { $0.enter(limit: configuration.limit) } }

    /// A request that had entered has ended.
    func leave() {
        for next in places.queue.withLock({ $0.leave() }) {
            next.eventLoop.execute { next.ticket.value.entered() }
        }
    }

    fileprivate func cancel(_ number: UInt64) -> Bool { places.queue.withLock { $0.cancel(number) } }

    /// Counts for the administration.
    var counts: (running: Int, waiting: Int) { places.queue.withLock { ($0.running, $0.waiting) } }
}

/// A request's place in the queue of a ``ConcurrencyLimit``. Confined to the client's event loop.
final class ConcurrencyTicket {
    let limit: ConcurrencyLimit
    private var client: ClientHandler?
    fileprivate var number: UInt64 = 0

    fileprivate init(_ client: ClientHandler, _ limit: ConcurrencyLimit) {
        self.client = client
        self.limit = limit
    }

    fileprivate func entered() {
        // A request that gave up while its turn was on its way passes the slot on.
        guard let client else { return limit.leave() }
        self.client = nil
        client.entered(limit)
    }

    /// The client no longer waits.
    func cancel() {
        guard client != nil else { return }
        // If it is not found, its turn is on its way, and ``entered()`` will pass the slot on.
        _ = limit.cancel(number)
        client = nil
    }
}
