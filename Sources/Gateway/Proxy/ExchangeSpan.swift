import MartletCore
import MartletTelemetry

/// The span of an exchange, if traces are recorded.
struct ExchangeSpan {
    /// The gateway's span context, whose sampling flag is passed upstream.
    let context: TraceContext
    private let parentID: UInt64?

    /// - Parameters:
    ///   - traceparent: as the client sent it.
    ///   - isTrusted: whether the client's sampling decision applies, as with a trusted proxy. Otherwise clients could
    ///     flood the collector or evade it.
    init(traceparent: UnsafeRawBufferPointer?, isTrusted: Bool, _ spans: SpanRecorder) {
        let parent = traceparent.flatMap { TraceContext(traceparent: $0) }
        let context = parent?.child() ?? .make()
        self.context = context.sampled(isTrusted && parent != nil ? context.isSampled : spans.samples(context))
        parentID = parent?.spanID
    }

    func ended(_ client: ClientHandler, status: Int, nanoseconds: Int64) -> Span {
        let (settings, exchange) = (client.loop.settings, client.exchange)
        let route = exchange.label.slot < settings.labels.count ? settings.labels[exchange.label.slot] : "-"
        return Span(
            endingNow: .nanoseconds(nanoseconds), service: "gateway", name: "\(exchange.method.label) \(route)",
            context: context, parentID: parentID,
            attributes: [
                ("http.request.method", .string(exchange.method.label)), ("http.route", .string(route)),
                ("url.path", .string(client.path ?? "-")), ("url.scheme", .string(client.peer.scheme)),
                ("http.response.status_code", .number(String(status))), ("client.address", .string(client.clientText)),
                ("martlet.request_id", .string(String(decoding: client.requestID, as: UTF8.self))),
                ("martlet.retries", .number(String(exchange.retries))),
            ], isError: status >= 500)
    }
}
