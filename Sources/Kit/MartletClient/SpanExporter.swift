import AsyncHTTPClient
public import Logging
import MartletCore
public import MartletTelemetry
import NIOCore
import NIOHTTP1
public import ServiceLifecycle

/// Sends recorded spans to a collector in batches, with OTLP over HTTP in JSON.
///
/// While the collector is unreachable, spans are lost. The log has one line when this begins and one when it ends.
public struct SpanExporter: Service {
    /// The maximum number of spans in one request.
    private static let batch = 512

    private let recorder: SpanRecorder
    private let url: String
    private let version: String
    private let logger: Logger
    private let interval: Duration

    /// - Parameters:
    ///   - url: the collector's base URL, to which `/v1/traces` is appended: `http://127.0.0.1:4318`.
    ///   - version: the version of the services.
    public init(
        _ recorder: SpanRecorder, to url: String, version: String, logger: Logger,
        every interval: Duration = .seconds(1)
    ) {
        self.recorder = recorder
        self.url = (url.hasSuffix("/") ? String(url.dropLast()) : url) + "/v1/traces"
        self.version = version
        self.logger = logger
        self.interval = interval
    }

    /// Exports until graceful shutdown, then once more for the remaining spans.
    public func run() async throws {
        var isReached = true
        var isStopping = false
        while !isStopping {
            // Shutdown interrupts only the sleep, not an export in progress.
            isStopping = await cancelWhenGracefulShutdown { (try? await Task.sleep(for: interval)) == nil }
            isReached = await export(wasReached: isReached)
        }
    }

    /// Sends all waiting spans.
    /// - Returns: whether the collector accepted them.
    private func export(wasReached: Bool) async -> Bool {
        var isReached = wasReached
        while true {
            let spans = recorder.take(Self.batch)
            guard !spans.isEmpty else { return isReached }
            let failure = await send(spans)
            if let failure {
                recorder.lost(spans.count)
                if isReached {
                    logger.warning(
                        "spans are not exported", metadata: ["url": "\(url.withoutUserinfo)", "error": "\(failure)"])
                }
            } else if !isReached {
                logger.info("spans are exported again", metadata: ["url": "\(url.withoutUserinfo)"])
            }
            isReached = failure == nil
            // After a failure, wait for the next interval instead of running into further timeouts.
            guard isReached else { return false }
        }
    }

    /// - Returns: the error, or nil on success.
    private func send(_ spans: [Span]) async -> String? {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: OTLP.traces(spans, version: version)))
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5), logger: logger)
            // Read to the end, so that the connection can be reused.
            _ = try await response.body.collect(upTo: 1 << 20)
            return (200..<300).contains(response.status.code) ? nil : "HTTP \(response.status.code)"
        } catch {
            return "\(error)"
        }
    }
}
