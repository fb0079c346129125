import Synchronization

/// Decides which requests become spans, and keeps these until they are exported.
///
/// What waits is bounded: when nobody takes the spans, new ones are dropped and counted, and no request notices.
public final class SpanRecorder: Sendable {
    /// The most spans that wait.
    public static let capacity = 8192

    private let threshold: UInt64
    private let waiting = Mutex<[Span]>([])
    private let dropped: Counter

    /// - Parameter sample: which part of the traces that begin here is recorded, from 0 to 1.
    public init(sample: Double, metrics: MetricsRegistry) {
        threshold = sample >= 1 ? .max : UInt64(max(0, sample) * 0x1p64)
        dropped = metrics.counter("trace_spans_dropped_total", help: "Spans that were not exported.")
    }

    /// Whether a trace that begins with this span is recorded.
    /// - Parameter span: of this process's own making: its random id decides, as a trace's id may be a client's choice.
    public func samples(_ span: TraceContext) -> Bool { threshold == .max || span.spanID < threshold }

    public func record(_ span: Span) {
        let isKept = waiting.withLock { spans in
            guard spans.count < Self.capacity else { return false }
            spans.append(span)
            return true
        }
        if !isKept { dropped.increment() }
    }

    /// Takes spans out, the oldest first.
    public func take(_ count: Int) -> [Span] {
        waiting.withLock { spans in
            let taken = Array(spans.prefix(count))
            spans.removeFirst(taken.count)
            return taken
        }
    }

    /// Counts spans that were taken and got nowhere.
    public func lost(_ count: Int) { dropped.increment(by: count) }
}
