import MartletCore
import NIOCore

/// A circuit breaker: closed, open for a while, then half open for one trial request (M. Nygard, "Release It!").
/// Performs no I/O and reads no clock.
struct CircuitBreaker: Sendable {
    enum State: Equatable, Sendable {
        case closed(failures: Int)
        case open(until: NIODeadline, times: Int)
        case halfOpen(times: Int)
    }

    private let configuration: GatewayConfiguration.Breaker
    private(set) var state = State.closed(failures: 0)

    init(_ configuration: GatewayConfiguration.Breaker) { self.configuration = configuration }

    var isClosed: Bool { if case .closed = state { true } else { false } }

    func canTry(_ now: NIODeadline) -> Bool {
        switch state {
        case .closed: true
        case .open(let until, _): now >= until
        case .halfOpen: false
        }
    }

    /// A request is about to be sent.
    /// - Returns: false when it must not be sent, because the trial request is another one.
    mutating func begin(_ now: NIODeadline) -> Bool {
        guard canTry(now) else { return false }
        if case .open(_, let times) = state { state = .halfOpen(times: times) }
        return true
    }

    mutating func succeeded() { state = .closed(failures: 0) }

    mutating func failed(_ now: NIODeadline) {
        switch state {
        case .closed(let failures) where failures + 1 < configuration.failures: state = .closed(failures: failures + 1)
        case .closed: open(now, times: 1)
        case .halfOpen(let times): open(now, times: times + 1)
        // The outcome of a request sent before the breaker opened.
        case .open: break
        }
    }

    /// The request ended without an outcome, because its client disconnected.
    mutating func abandoned(_ now: NIODeadline) {
        if case .halfOpen(let times) = state { state = .open(until: now, times: times) }
    }

    private mutating func open(_ now: NIODeadline, times: Int) {
        let backoff = Backoff(
            initial: Duration(configuration.openFor), maximum: Duration(configuration.maximumOpenFor))
        state = .open(until: now + TimeAmount(backoff.wait(after: times)), times: times)
    }
}
