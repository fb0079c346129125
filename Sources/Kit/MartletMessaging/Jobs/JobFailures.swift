import MartletCore
import MartletData

/// The last failures of a job, as they are stored with it.
struct JobFailures: Sendable {
    /// How many are kept.
    private static let limit = 5
    private static let maximumBytes = 1000

    private(set) var failures: [JobFailure]

    /// - Parameter text: as stored; nil or unreadable is none.
    init(_ text: String?) {
        failures =
            text.flatMap { try? JSONValue(parsing: Array($0.utf8)).decode([JobFailure].self) } ?? []
    }

    func adding(_ error: any Error, attempt: Int, at now: Timestamp) -> JobFailures {
        var copy = self
        let message = "\(error)".clipped(toUTF8: Self.maximumBytes)
        copy.failures.append(JobFailure(attempt: attempt, at: now, error: String(message)))
        copy.failures.removeFirst(max(0, copy.failures.count - Self.limit))
        return copy
    }

    var text: String {
        (try? JSONWriter.bytes(of: failures)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }
}
