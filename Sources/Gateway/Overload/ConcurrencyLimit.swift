import NIOCore
import Synchronization

/// How many requests of a route or an upstream are under way at once, on all event loops together.
///
/// One queue for all loops, under one lock: a place that becomes free on one loop goes to whoever has waited longest,
/// which may be on another.
final class ConcurrencyLimit: Sendable {
    enum Entry {
        case entered
        case waiting(ConcurrencyTicket)
        case full
    }

    private struct Waiter: Sendable {
        let eventLoop: any EventLoop
        let ticket: NIOLoopBound<ConcurrencyTicket>
    }

    let configuration: GatewayConfiguration.Concurrency
    private let queue: Mutex<ConcurrencyQueue<Waiter>>

    init(_ configuration: GatewayConfiguration.Concurrency) {
        self.configuration = configuration
        queue = Mutex(ConcurrencyQueue(limit: configuration.limit, maximumWaiting: configuration.queue))
    }

    /// Must be called on the client's event loop. ``leave()`` must follow when it has entered.
    func enter(_ client: ClientHandler) -> Entry {
        // Most of the time there is room, and nothing has to be made.
        if queue.withLock({ $0.enter() }) { return .entered }
        let eventLoop = client.loop.eventLoop
        let ticket = ConcurrencyTicket(client, self)
        let waiter = Waiter(eventLoop: eventLoop, ticket: NIOLoopBound(ticket, eventLoop: eventLoop))
        switch queue.withLock({ $0.enter(orWait: waiter) }) {
        case .entered: return .entered
        case .full: return .full
        case .waiting(let number):
            ticket.number = number
            return .waiting(ticket)
        }
    }

    /// Enters if there is room. ``leave()`` must follow then.
    func enter() -> Bool { queue.withLock { $0.enter() } }

    /// A request that had entered has ended.
    func leave() {
        guard let next = queue.withLock({ $0.leave() }) else { return }
        next.eventLoop.execute { next.ticket.value.entered() }
    }

    fileprivate func cancel(_ number: UInt64) -> Bool { queue.withLock { $0.cancel(number) } }

    /// For whoever administers the gateway.
    var counts: (running: Int, waiting: Int) { queue.withLock { ($0.running, $0.waiting) } }
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
        // Whoever gave up while its turn was on its way to it lets the next one in.
        guard let client else { return limit.leave() }
        self.client = nil
        client.entered(limit)
    }

    /// The client no longer waits.
    func cancel() {
        guard client != nil else { return }
        // Not found: its turn is on its way, and finds nobody.
        _ = limit.cancel(number)
        client = nil
    }
}
