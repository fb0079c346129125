import NIOCore

/// Which part of an event loop's requests is refused, so that the others are answered in time. Pure: it is told how late
/// the loop is, and how many requests are under way.
///
/// An event loop that has more to do than it can is late for everything, and a request that is answered too late has cost
/// as much as one in time. So while the loop is late, a growing part of the requests gets 503 before anything else is
/// done for them, and while it is not, a shrinking one.
struct LoadShedder {
    /// How often the loop's lateness is looked at.
    static let interval = TimeAmount.milliseconds(20)
    /// How much the part grows each time, and how much it shrinks.
    private static let growth = 0.05
    private static let shrinking = 0.01
    /// The rest is served, so that the end of the trouble is noticed.
    private static let maximum = 0.95

    private let lag: Int64
    private let requests: Int
    private(set) var part = 0.0

    /// - Parameter loops: how many event loops share what the configuration allows.
    init(_ configuration: GatewayConfiguration.Overload, loops: Int) {
        lag = configuration.lag?.nanoseconds ?? .max
        requests = configuration.requests.map { max(1, $0 / max(1, loops)) } ?? .max
    }

    /// - Parameter lag: how many nanoseconds later than it should the loop has come to look.
    mutating func observe(lag: Int64) {
        part = lag > self.lag ? min(Self.maximum, part + Self.growth) : max(0, part - Self.shrinking)
    }

    /// Whether a request is to be refused.
    /// - Parameters:
    ///   - underWay: requests of the loop that are being answered.
    ///   - chance: a number from 0 to 1, drawn for the request.
    func refuses(underWay: Int, chance: @autoclosure () -> Double) -> Bool {
        guard requests != .max else { return part > 0 && chance() < part }
        // From three quarters of what is allowed a growing part, and then all.
        let free = Double(requests - underWay) / (Double(requests) / 4)
        let filled = min(1, max(0, 1 - free))
        guard filled < 1 else { return true }
        let refused = max(part, filled)
        return refused > 0 && chance() < refused
    }
}
