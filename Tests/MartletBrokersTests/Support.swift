import Logging
import MartletCore
import MartletMessaging
import MartletTesting
import Synchronization

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Waits that are short enough for tests.
let promptly = Backoff(initial: .milliseconds(5), maximum: .milliseconds(50))

/// The events of one source, numbered by subject.
struct EventSource: Sendable {
    let name: String
    private var last: [String: Int64] = [:]
    private var count: Int64 = 0

    init(_ name: String) { self.name = name }

    mutating func event(_ subject: String = "users/1", data: String? = nil) -> Envelope {
        count += 1
        let number = (last[subject] ?? 0) + 1
        last[subject] = number
        return Envelope(
            id: "\(name)-\(count)", source: name, type: "\(name).changed", subject: subject, sequence: number,
            time: Timestamp(microseconds: 1_800_000_000_000_000 + count), data: data ?? #"{"n":\#(count)}"#)
    }

    mutating func events(_ count: Int, subjects: Int = 3) -> [Envelope] {
        (0..<count).map { event("users/\($0 % subjects)") }
    }
}

/// A subscriber's database: it keeps each event once, and notes whatever arrives out of order.
final class Inbox: Sendable {
    private struct State {
        var events: [Envelope] = []
        var ids: Set<String> = []
        var last: [String: Int64] = [:]
        var disorder: [String] = []
        var deliveries = 0
    }

    private let state = Mutex(State())

    func store(_ events: [Envelope]) {
        state.withLock { state in
            for event in events {
                state.deliveries += 1
                guard state.ids.insert(event.source + " " + event.id).inserted else { continue }
                state.events.append(event)
                guard let sequence = event.sequence else { continue }
                let subject = event.source + " " + event.subject
                if let last = state.last[subject], sequence != last + 1 {
                    state.disorder.append("\(subject): \(sequence) after \(last)")
                }
                state.last[subject] = sequence
            }
        }
    }

    /// The events without duplicates, as they arrived.
    var events: [Envelope] { state.withLock { $0.events } }
    var ids: [String] { events.map(\.id) }
    var count: Int { state.withLock { $0.events.count } }
    /// With duplicates.
    var deliveries: Int { state.withLock { $0.deliveries } }
    /// New events whose number is not the one after the last.
    var disorder: [String] { state.withLock { $0.disorder } }
}

/// A publisher's outbox: what it has to publish, from which it publishes as the runtime does.
final class Outbox: Sendable {
    private struct State {
        var events: [Envelope] = []
        /// How many of them are published.
        var published = 0
        var position: String?
        var forgotten = 0
    }

    private let source: String
    private let state = Mutex(State())

    init(_ source: String) { self.source = source }

    func add(_ events: [Envelope]) { state.withLock { $0.events += events } }

    /// How often the broker had forgotten what was published.
    var forgotten: Int { state.withLock { $0.forgotten } }

    /// Publishes until nothing is left, however often the broker fails.
    func publish(through broker: any Broker, batch: Int = 50) async throws {
        while true {
            let (events, position) = state.withLock { state in
                (Array(state.events[state.published...].prefix(batch)), state.position)
            }
            do {
                let position = try await broker.publish(events, from: source, after: position)
                state.withLock {
                    $0.published += events.count
                    $0.position = position
                }
                if events.isEmpty { return }
            } catch BrokerError.forgot {
                state.withLock {
                    $0.published = 0
                    $0.position = nil
                    $0.forgotten += 1
                }
            } catch {
                try await pause()
            }
        }
    }
}

/// The runtime calls a broker that failed again after a while.
private func pause() async throws {
    try await letTimePass(.milliseconds(10), because: "a broker that failed is called again after a while")
}

/// Runs `body` while a subscriber receives.
func receiving(
    _ subscriber: String, from sources: Set<String>, through broker: any Broker,
    store: @escaping @Sendable ([Envelope]) async throws -> Void, _ body: () async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while !Task.isCancelled {
                do { try await broker.receive(subscriber, from: sources, store: store) } catch { try? await pause() }
            }
        }
        defer { group.cancelAll() }
        try await body()
    }
}

/// A door that tasks wait at.
final class Gate: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    private let waiting = Shared(0)

    /// How many have come to the gate.
    var arrivals: Int { waiting.value }

    func open() { continuation.finish() }

    func pass() async {
        waiting.next()
        for await _ in stream {}
    }
}

struct Refused: Error {}
