import Foundation
import Logging
import MartletCore

/// A connection of its own for `LISTEN`, which a pooled connection would occupy.
struct PostgresListener {
    /// How often the connection is checked: one that was cut silently receives nothing for ever.
    private static let checkInterval = Duration.seconds(30)
    /// How long the server may take to answer the check.
    private static let patience = Duration.seconds(5)

    private let parameters: PostgresParameters
    private let logger: Logger

    init(_ parameters: PostgresParameters, logger: Logger) {
        self.parameters = parameters
        self.logger = logger
    }

    /// Runs until the task is cancelled.
    func run(_ channel: String, onNotification: @escaping @Sendable () -> Void) async {
        var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(5))
        while !Task.isCancelled {
            do {
                let (isClosed, closing) = AsyncStream.makeStream(of: Void.self)
                let connection = try await open(onNotification, onClose: { closing.finish() })
                defer { connection.close() }
                try await run("LISTEN \(identifier: channel)", on: connection)
                backoff.reset()
                // Whatever was announced before is found now.
                onNotification()
                try await check(connection, until: isClosed)
            } catch {
                guard !Task.isCancelled else { return }
                logger.debug("listening for notifications failed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    /// Checks the connection until it is closed.
    private func check(_ connection: PostgresConnection, until isClosed: AsyncStream<Void>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in isClosed {} }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.checkInterval)
                    try await run("SELECT 1", on: connection)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func open(
        _ onNotification: @escaping @Sendable () -> Void, onClose: @escaping @Sendable () -> Void
    ) async throws -> PostgresConnection {
        let promise = Promise<PostgresConnection>()
        // A separate thread, because connecting blocks: libpq resolves host names synchronously.
        Thread.detachNewThread { [parameters] in
            let result = Result<PostgresConnection, any Error> {
                PostgresConnection(
                    try parameters.connect(), patience: Self.patience, onNotification: onNotification,
                    onClose: { _ in onClose() })
            }
            if !promise.fulfil(result), case .success(let connection) = result { connection.close() }
        }
        return try await promise.value()
    }

    private func run(_ sql: SQL, on connection: PostgresConnection) async throws {
        let exchange = try PostgresExchange(sql)
        guard case .sent = connection.send(exchange, lease: nil) else {
            throw DatabaseError.unavailable("the connection was lost")
        }
        _ = try await exchange.value()
    }
}
