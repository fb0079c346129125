import CPostgres
import Synchronization

/// A statement sent to the server, and its result.
final class PostgresExchange: Sendable {
    let sql: SQL
    /// A `BEGIN` to send in the same packet, before the statement.
    let begin: StaticString?
    /// When the server must have started the statement; nil when the statement has its own connection.
    let deadline: ContinuousClock.Instant?
    private let answer = Promise<PostgresResult>()
    private let onAnswer: (@Sendable (Result<PostgresResult, any Error>) -> Void)?

    /// - Parameters:
    ///   - patience: how long the statement may wait for a connection, or behind others on one.
    ///   - onAnswer: receives the result instead of ``value()``.
    /// - Throws: ``DatabaseError/other(code:message:)`` for parameters that PostgreSQL does not accept.
    init(
        _ sql: SQL, begin: StaticString? = nil, patience: Duration? = nil,
        onAnswer: (@Sendable (Result<PostgresResult, any Error>) -> Void)? = nil
    ) throws {
        guard sql.values.count <= 65_535 else {
            throw DatabaseError.other(
                code: "invalid_parameter", message: "\(sql.values.count) parameters exceed the limit of 65535")
        }
        for case .text(let text) in sql.values where text.containsNUL { throw DatabaseError.nulInText }
        self.sql = sql
        self.begin = begin
        deadline = patience.map { .now + $0 }
        self.onAnswer = onAnswer
    }

    var isAbandoned: Bool { answer.isAbandoned }

    /// Whether the statement may be sent while others are in flight. A reading statement is harmless if it runs after
    /// its caller has timed out; a writing one would take effect although its caller was told that it failed.
    var mayWaitBehindOthers: Bool { sql.mayBeRepeated }

    func complete(_ result: Result<PostgresResult, any Error>) {
        if let onAnswer { onAnswer(result) } else { answer.fulfil(result) }
    }

    /// Waits for the result. Call it once.
    /// - Throws: ``PostgresFailure``; `CancellationError`, in which case the result is dropped.
    func value() async throws -> PostgresResult { try await answer.value() }

    /// Like ``value()``, but ignores cancellation.
    func valueIgnoringCancellation() async throws -> PostgresResult { try await answer.valueIgnoringCancellation() }
}

/// The types of a statement's parameters. They are part of the identity of a prepared statement.
struct ParameterKinds: Hashable {
    private var first: UInt64 = 0
    private var rest: [UInt8] = []

    init(_ values: [SQLValue]) {
        for (index, value) in values.enumerated() {
            let kind: UInt8 =
                switch value {
                case .null, .text: 0
                case .bool: 1
                case .int: 2
                case .double: 3
                case .blob: 4
                }
            if index < 21 { first |= UInt64(kind) << (3 * UInt64(index)) } else { rest.append(kind) }
        }
    }
}

extension SQLValue {
    /// The server infers the type of texts, so that they can also be timestamps, dates and so on.
    var typeID: Oid {
        switch self {
        case .null, .text: TypeID.unknown
        case .bool: TypeID.boolean
        case .int: TypeID.bigint
        case .double: TypeID.double
        case .blob: TypeID.bytea
        }
    }
}

/// Lays out parameters for libpq: blobs in binary format, all others as text.
func withParameters<R>(
    _ values: [SQLValue],
    _ body: (
        _ count: CInt, _ values: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<CInt>?,
        _ formats: UnsafePointer<CInt>?
    ) -> R
) -> R {
    guard !values.isEmpty else { return body(0, nil, nil, nil) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 16)
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: values.count) { offsets in
        withUnsafeTemporaryAllocation(of: CInt.self, capacity: values.count * 2) { numbers in
            for (index, value) in values.enumerated() {
                let start = bytes.count
                var isNull = false
                var isBinary = false
                switch value {
                case .null: isNull = true
                case .bool(let value): bytes.append(UInt8(ascii: value ? "t" : "f"))
                case .int(let value): bytes.append(decimal: value)
                case .double(let value): bytes.append(contentsOf: value.description.utf8)
                case .text(let text): bytes.append(contentsOf: text.utf8)
                case .blob(let blob):
                    bytes.append(contentsOf: blob)
                    isBinary = true
                }
                offsets.initializeElement(at: index, to: isNull ? -1 : start)
                numbers.initializeElement(at: index, to: CInt(clamping: bytes.count - start))
                numbers.initializeElement(at: values.count + index, to: isBinary ? 1 : 0)
                bytes.append(0)
            }
            return bytes.withUnsafeBytes { bytes in
                withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: values.count) { pointers in
                    let text = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                    for index in values.indices {
                        let offset = offsets[index]
                        pointers.initializeElement(at: index, to: offset < 0 ? nil : text.map { $0 + offset })
                    }
                    let lengths = numbers.baseAddress
                    return body(
                        CInt(values.count), UnsafePointer(pointers.baseAddress), UnsafePointer(lengths),
                        UnsafePointer(lengths.map { $0 + values.count }))
                }
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(decimal value: Int64) {
        var magnitude = value.magnitude
        let start = count
        repeat {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10))
            magnitude /= 10
        } while magnitude > 0
        if value < 0 { append(UInt8(ascii: "-")) }
        self[start...].reverse()
    }
}
