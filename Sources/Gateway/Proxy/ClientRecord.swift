import Logging
import MartletCore
import MartletTelemetry
import NIOCore

/// Metrics, traces and access logs of exchanges.
extension ClientHandler {
    /// The request's path without the query, which may hold secrets.
    var path: String? {
        if let path = exchange.path { return path }
        guard exchange.cluster != nil else { return nil }
        let line = requestHead.readableBytesView.prefix { $0 != ASCII.carriageReturn }
        let parts = line.split(separator: ASCII.space, maxSplits: 2)
        guard parts.count == 3 else { return nil }
        return String(decoding: parts[1].prefix { $0 != ASCII.questionMark }, as: UTF8.self)
    }

    /// The client's address, as given to rate limits and services.
    var clientText: String {
        exchange.isForwarded ? exchange.client?.description ?? "unknown" : peer.text
    }

    private var isSampled: Bool {
        let threshold = loop.settings.accessLogThreshold
        return threshold > 0 && loop.random.next() < threshold
    }

    /// Counts, traces and logs the exchange.
    func record(status: Int) {
        leaveLimits()
        dropKeptBody()
        dropGathered()
        let elapsed = max(0, (loop.readClock() - exchange.started).nanoseconds)
        loop.metrics.record(exchange.method, exchange.label, status: status, nanoseconds: UInt64(elapsed))
        let settings = loop.settings
        if let span = exchange.span, span.context.isSampled {
            settings.spans?.record(span.ended(self, status: status, nanoseconds: elapsed))
        }
        guard status >= 500 || settings.logsEveryRequest || isSampled else { return }
        settings.logger.log(
            level: settings.configuration.accessLogSample > 0 || status >= 500 ? .info : .debug, "request",
            metadata: [
                "method": "\(exchange.method.label)", "path": "\(path ?? "-")", "status": "\(status)",
                "route":
                    "\(exchange.label.slot < loop.settings.labels.count ? loop.settings.labels[exchange.label.slot] : "-")",
                "duration_ms": "\(Double(elapsed / 1000) / 1000)", "client": "\(clientText)",
                "request_id": "\(String(decoding: requestID, as: UTF8.self))",
            ])
    }
}
