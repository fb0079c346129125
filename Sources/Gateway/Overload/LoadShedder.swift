import NIOCore

/// Decides which fraction of an event loop's requests to refuse so that the others are answered in time. Performs no
/// I/O.
///
/// An overloaded event loop is late for everything, and a request answered too late has cost as much as one in time. So
/// while the loop is late, a growing fraction of requests gets 503 before any other work; otherwise the fraction
/// shrinks.
struct LoadShedder {
    /// The interval at which the lag is measured.
    static let interval = TimeAmount.milliseconds(20)
    /// How much the fraction grows or shrinks each time.
    private static let growth = 0.05
    private static let shrinking = 0.01
    /// The rest is always served, so that the end of the overload is noticed.
    private static let maximum = 0.95

    private let lag: Int64
    private let requests: Int
    private(set) var part = 0.0

    /// - Parameter loops: the number of event loops that share the configured limit.
    init(_ configuration: GatewayConfiguration.Overload, loops: Int) {
        lag = configuration.lag?.nanoseconds ?? .max
        requests = configuration.requests.map { max(1, $0 / max(1, loops)) } ?? .max
    }

    /// - Parameter lag: how late the loop is, in nanoseconds.
    mutating func observe(lag: Int64) {
        part = lag > self.lag ? min(Self.maximum, part + Self.growth) : max(0, part - Self.shrinking)
    }

    /// Whether to refuse a request.
    /// - Parameters:
    ///   - underWay: the loop's requests in progress.
    ///   - chance: a random number from 0 to 1.
    func refuses(underWay: Int, chance: @autoclosure () -> Double) -> Bool {
        guard requests != .max else { return part > 0 && chance() < part }
        // From three quarters of the limit a growing fraction is refused, at the limit all.
        let free = Double(requests - underWay) / (Double(requests) / 4)
        let filled = min(1, max(0, 1 - free))
        guard filled < 1 else { return true }
        let refused = max(part, filled)
        return refused > 0 && chance() < refused
    }
}
