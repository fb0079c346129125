import CPostgres
import MartletCore
import MartletSystem

/// A `PGconn` that is passed from one owner to another.
///
/// `@unchecked` because it is a C pointer. It has exactly one owner at any time.
struct PostgresHandle: @unchecked Sendable {
    let pointer: OpaquePointer
}

extension PostgresParameters {
    /// Opens a connection. Blocks the calling thread: libpq resolves host names synchronously.
    /// - Throws: ``DatabaseError/unavailable(_:)``.
    func connect() throws -> PostgresHandle {
        let deadline = ContinuousClock.now + connectTimeout
        let keywords = CStrings(keywords.map(\.0))
        let values = CStrings(self.keywords.map(\.1))
        guard let connection = PQconnectStartParams(keywords.pointers, values.pointers, 1) else {
            throw DatabaseError.unavailable("out of memory")
        }
        do {
            PQsetNoticeProcessor(connection, { _, _ in }, nil)
            // Verbose messages contain the SQLSTATE, which libpq does not expose otherwise for a failed connection.
            PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
            var phase = PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
            while phase != PGRES_POLLING_OK {
                guard phase != PGRES_POLLING_FAILED else { throw PostgresRefusal.error(connection) }
                try wait(connection, forOutput: phase == PGRES_POLLING_WRITING, until: deadline)
                phase = PQconnectPoll(connection)
            }
            PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
            guard PQsetnonblocking(connection, 1) == 0 else {
                throw DatabaseError.unavailable(connectionMessage(connection))
            }
            try configure(connection, until: deadline)
            guard PQenterPipelineMode(connection) == 1 else {
                throw DatabaseError.unavailable(connectionMessage(connection))
            }
            return PostgresHandle(pointer: connection)
        } catch {
            PQfinish(connection)
            throw error
        }
    }

    /// Applies the session's settings in one round trip.
    private func configure(_ connection: OpaquePointer, until deadline: ContinuousClock.Instant) throws {
        let calls = settings.enumerated().map { index, setting in "set_config('\(setting.0)', $\(index + 1), false)" }
        let values = CStrings(settings.map(\.1))
        let statement = "SELECT " + calls.joined(separator: ", ")
        guard PQsendQueryParams(connection, statement, CInt(settings.count), nil, values.pointers, nil, nil, 0) == 1
        else {
            throw DatabaseError.unavailable(connectionMessage(connection))
        }
        while PQflush(connection) == 1 { try wait(connection, forOutput: true, until: deadline) }
        var failure: PostgresFailure?
        while true {
            while PQisBusy(connection) == 1 {
                try wait(connection, forOutput: false, until: deadline)
                guard PQconsumeInput(connection) == 1 else {
                    throw DatabaseError.unavailable(connectionMessage(connection))
                }
            }
            guard let result = PQgetResult(connection) else { break }
            if PQresultStatus(result) != PGRES_TUPLES_OK { failure = PostgresFailure(result: result) }
            PQclear(result)
        }
        if let failure { throw failure.error }
        guard PQstatus(connection) == CONNECTION_OK else {
            throw DatabaseError.unavailable(connectionMessage(connection))
        }
    }

    private func wait(
        _ connection: OpaquePointer, forOutput: Bool, until deadline: ContinuousClock.Instant
    ) throws {
        var descriptor = pollfd(fd: PQsocket(connection), events: Int16(forOutput ? POLLOUT : POLLIN), revents: 0)
        while true {
            let left = ContinuousClock.now.duration(to: deadline).milliseconds
            guard left > 0 else { throw DatabaseError.unavailable("cannot connect within \(connectTimeout)") }
            let count = poll(&descriptor, 1, CInt(clamping: left))
            if count > 0 { return }
            guard count == 0 || errno == EINTR else {
                throw DatabaseError.unavailable("poll: \(String(cString: strerror(errno)))")
            }
        }
    }
}

/// A NULL-terminated array of C strings.
private final class CStrings {
    private let memory: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>

    init(_ strings: [String]) {
        memory = .allocate(capacity: strings.count + 1)
        memory.initialize(repeating: nil)
        for (index, string) in strings.enumerated() { memory[index] = strdup(string).map { UnsafePointer($0) } }
    }

    var pointers: UnsafePointer<UnsafePointer<CChar>?>? { UnsafePointer(memory.baseAddress) }

    deinit {
        for string in memory { free(UnsafeMutableRawPointer(mutating: string)) }
        memory.deallocate()
    }
}
