import Synchronization

/// The counters, gauges and histograms of a process, and their Prometheus text form.
///
/// Look up an instrument once, when a route or a pool is created, and keep it. An update is then one atomic addition.
public final class MetricsRegistry: Sendable {
    private struct Family {
        var help: String
        var kind: String
        var instruments: [Entry] = []
        /// The position of each instrument by its labels, for constant-time lookup.
        var positions: [String: Int] = [:]

        mutating func append(_ entry: Entry) {
            positions[entry.labels] = instruments.count
            instruments.append(entry)
        }
    }

    private struct Entry {
        let pairs: [(String, String)]
        let labels: String
        let instrument: any Instrument
    }

    private let families = Mutex<[String: Family]>([:])

    public init() {}

    /// Returns a counter, which only increases. The same name and labels return the same counter.
    public func counter(_ name: String, help: String, labels: [(String, String)] = []) -> Counter {
        instrument(name, help, "counter", labels) { Counter() }
    }

    /// Returns a gauge, whose value goes up and down.
    public func gauge(_ name: String, help: String, labels: [(String, String)] = []) -> Gauge {
        instrument(name, help, "gauge", labels) { Gauge() }
    }

    /// Returns a histogram of durations in seconds.
    public func histogram(_ name: String, help: String, labels: [(String, String)] = []) -> Histogram {
        instrument(name, help, "histogram", labels) { Histogram() }
    }

    private func instrument<Kind: Instrument>(
        _ name: String, _ help: String, _ kind: String, _ labels: [(String, String)], _ make: () -> Kind
    ) -> Kind {
        let text = text(labels)
        return families.withLock { families in
            if let family = families[name], let position = family.positions[text],
                let known = family.instruments[position].instrument as? Kind
            {
                return known
            }
            let made = make()
            families[name, default: Family(help: help, kind: kind)].append(
                Entry(pairs: labels, labels: text, instrument: made))
            return made
        }
    }

    /// Removes the instruments of a name whose labels satisfy `isGone`, in one pass. A counter held after removal is no
    /// longer exported.
    public func remove(_ name: String, where isGone: ([(String, String)]) -> Bool) {
        families.withLock { families in
            guard let family = families[name] else { return }
            var left = Family(help: family.help, kind: family.kind)
            for entry in family.instruments where !isGone(entry.pairs) { left.append(entry) }
            families[name] = left
        }
    }

    private func text(_ labels: [(String, String)]) -> String {
        labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
    }

    private func escaped(_ label: String) -> String {
        var result = ""
        for character in label {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }

    /// Returns all metrics in the Prometheus text exposition format, version 0.0.4.
    public func exposition() -> String {
        // Format without holding the lock, which event loops take to register instruments.
        let families = self.families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind)\n"
            for entry in family.instruments { entry.instrument.expose(name: name, labels: entry.labels, to: &text) }
        }
        return text
    }
}

/// A metric in the registry.
protocol Instrument: Sendable {
    func expose(name: String, labels: String, to text: inout String)
}

public final class Counter: Instrument {
    private let count = Atomic<Int>(0)

    public func increment(by amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

    public var value: Int { count.load(ordering: .relaxed) }

    func expose(name: String, labels: String, to text: inout String) {
        text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n"
    }
}

public final class Gauge: Instrument {
    private let current = Atomic<Int>(0)

    public func add(_ amount: Int) { current.wrappingAdd(amount, ordering: .relaxed) }
    public func set(_ value: Int) { current.store(value, ordering: .relaxed) }

    public var value: Int { current.load(ordering: .relaxed) }

    func expose(name: String, labels: String, to text: inout String) {
        text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n"
    }
}

/// Durations in buckets from 0.5 ms to 10 s.
public final class Histogram: Instrument {
    /// The upper bounds in microseconds. Longer durations count only towards the total.
    private static let bounds = [
        500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000,
    ]

    private final class Cell: Sendable {
        let count = Atomic<Int>(0)
    }

    private let cells = Histogram.bounds.map { _ in Cell() }
    private let total = Cell()
    private let sum = Atomic<Int>(0)

    public func observe(seconds: Double) {
        guard seconds.isFinite, seconds >= 0 else { return }
        observe(microseconds: Int(min(seconds, 1e9) * 1_000_000))
    }

    public func observe(_ duration: Duration) {
        let parts = duration.components
        observe(seconds: Double(parts.seconds) + Double(parts.attoseconds) / 1e18)
    }

    private func observe(microseconds: Int) {
        if let index = Self.bounds.firstIndex(where: { microseconds <= $0 }) {
            cells[index].count.wrappingAdd(1, ordering: .relaxed)
        }
        total.count.wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(microseconds, ordering: .relaxed)
    }

    func expose(name: String, labels: String, to text: inout String) {
        let prefix = labels.isEmpty ? "" : labels + ","
        var running = 0
        for (bound, cell) in zip(Self.bounds, cells) {
            running += cell.count.load(ordering: .relaxed)
            text += "\(name)_bucket{\(prefix)le=\"\(Double(bound) / 1e6)\"} \(running)\n"
        }
        let count = total.count.load(ordering: .relaxed)
        let suffix = labels.isEmpty ? "" : "{\(labels)}"
        text += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(count)\n"
        text += "\(name)_sum\(suffix) \(Double(sum.load(ordering: .relaxed)) / 1e6)\n"
        text += "\(name)_count\(suffix) \(count)\n"
    }
}
