import Synchronization

/// Decides which traces are recorded, and buffers their spans until they are exported.
///
/// The buffer is bounded: when it is full, new spans are dropped and counted. Recording never blocks.
public final class SpanRecorder: Sendable {
    /// The maximum number of waiting spans.
    public static let capacity = 8192

    private let threshold: UInt64
    private let waiting = Mutex<[Span]>([])
    private let dropped: Counter

    /// - Parameter sample: the fraction of traces starting here that is recorded, from 0 to 1.
    public init(sample: Double, metrics: MetricsRegistry) {
        threshold = sample >= 1 ? .max : UInt64(max(0, sample) * 0x1p64)
        dropped = metrics.counter("trace_spans_dropped_total", help: "Spans dropped before export.")
    }

    /// Whether a trace that begins with this span is recorded.
    /// - Parameter span: a span created by this process. Its random id decides, because a client may choose the trace
    ///   id.
    public func samples(_ span: TraceContext) -> Bool { threshold == .max || span.spanID < threshold }

    public func record(_ span: Span) {
        let isKept = waiting.withLock { spans in
            guard spans.count < Self.capacity else { return false }
            spans.append(span)
            return true
        }
        if !isKept { dropped.increment() }
    }

    /// Removes and returns up to `count` spans, oldest first.
    public func take(_ count: Int) -> [Span] {
        waiting.withLock { spans in
            let taken = Array(spans.prefix(count))
            spans.removeFirst(taken.count)
            return taken
        }
    }

    /// Counts spans that were taken but not exported.
    public func lost(_ count: Int) { dropped.increment(by: count) }
}
