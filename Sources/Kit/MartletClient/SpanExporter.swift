import AsyncHTTPClient
public import Logging
import MartletCore
public import MartletTelemetry
import NIOCore
import NIOHTTP1
public import ServiceLifecycle

/// Sends recorded spans to a collector, by OTLP over HTTP in JSON, in batches.
///
/// A collector that is down costs the spans of that time, and two lines in the log.
public struct SpanExporter: Service {
    /// The most spans of one request to the collector.
    private static let batch = 512

    private let recorder: SpanRecorder
    private let url: String
    private let version: String
    private let logger: Logger
    private let interval: Duration

    /// - Parameters:
    ///   - url: the collector's base URL, to which `/v1/traces` is added: `http://127.0.0.1:4318`.
    ///   - version: of the services whose spans these are.
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

    /// Until the graceful shutdown, and then once more for what is left.
    public func run() async throws {
        var isReached = true
        var isStopping = false
        while !isStopping {
            // The shutdown ends the waiting alone: what is being sent is sent.
            isStopping = await cancelWhenGracefulShutdown { (try? await Task.sleep(for: interval)) == nil }
            isReached = await export(wasReached: isReached)
        }
    }

    /// Sends everything that waits.
    /// - Returns: whether the collector took it.
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
            // Not one timeout after the other while requests fill the queue.
            guard isReached else { return false }
        }
    }

    /// - Returns: what went wrong.
    private func send(_ spans: [Span]) async -> String? {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: OTLP.traces(spans, version: version)))
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5), logger: logger)
            // Read to its end, so that the connection serves the next one.
            _ = try await response.body.collect(upTo: 1 << 20)
            return (200..<300).contains(response.status.code) ? nil : "HTTP \(response.status.code)"
        } catch {
            return "\(error)"
        }
    }
}
