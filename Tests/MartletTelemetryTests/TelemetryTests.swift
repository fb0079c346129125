import Logging
import MartletCore
import MartletTelemetry
import Synchronization
import Testing

@Suite struct TraceContextTests {
    @Test func roundTripsValues() throws {
        let trace = TraceContext.make()
        let read = try #require(TraceContext(traceparent: trace.header))
        #expect(read == trace)
        #expect(read.child().traceID == trace.traceID)
        #expect(read.child().spanID != trace.spanID)
    }

    @Test func keepsTheSampledFlag() throws {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(try #require(TraceContext(traceparent: text)).header == text)
    }

    @Test(arguments: [
        "", "00", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
    ])
    func startsANewTraceForInvalidInput(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }
}

@Suite struct SpanTests {
    private func span(_ name: String, service: String = "gateway", isError: Bool = false) -> Span {
        Span(
            service: service, name: name, context: .make().sampled(true), parentID: 0xAB, start: 1_000_000_000,
            duration: .milliseconds(5), attributes: [("http.response.status_code", 200), ("url.path", "/\"x")],
            isError: isError)
    }

    @Test func samplesTheConfiguredShare() {
        let metrics = MetricsRegistry()
        func part(_ sample: Double) -> Double {
            let recorder = SpanRecorder(sample: sample, metrics: metrics)
            return Double((0..<10_000).count { _ in recorder.samples(.make()) }) / 10_000
        }
        #expect(part(0) == 0)
        #expect(part(1) == 1)
        #expect((0.22...0.28).contains(part(0.25)))
    }

    @Test func limitsQueuedSpans() {
        let metrics = MetricsRegistry()
        let recorder = SpanRecorder(sample: 1, metrics: metrics)
        for number in 0..<(SpanRecorder.capacity + 7) { recorder.record(span("\(number)")) }
        #expect(recorder.take(2).map(\.name) == ["0", "1"])
        #expect(recorder.take(.max).count == SpanRecorder.capacity - 2)
        #expect(recorder.take(1).isEmpty)
        #expect(metrics.exposition().contains("trace_spans_dropped_total 7\n"))
    }

    @Test func writesOTLP() throws {
        let spans = [span("GET /a"), span("GET /b", service: "catalog", isError: true)]
        let text = String(decoding: OTLP.traces(spans, version: "1"), as: UTF8.self)
        let resources = try #require(try JSONValue(parsing: text.utf8)["resourceSpans"]?.arrayValue)
        #expect(resources.count == 2)
        let catalog = try #require(resources.first { "\($0)".contains("catalog") })
        let written = try #require(catalog["scopeSpans"]?.arrayValue?.first?["spans"]?.arrayValue?.first)
        #expect(written["traceId"]?.stringValue == spans[1].context.traceIDText)
        #expect(written["spanId"]?.stringValue == spans[1].context.spanIDText)
        #expect(written["parentSpanId"]?.stringValue == "00000000000000ab")
        #expect(written["startTimeUnixNano"]?.stringValue == "1000000000")
        #expect(written["endTimeUnixNano"]?.stringValue == "1005000000")
        #expect(written["kind"]?.intValue == 2)
        #expect(written["status"]?["code"]?.intValue == 2)
        #expect(
            written["attributes"] == [
                ["key": "http.response.status_code", "value": ["intValue": "200"]],
                ["key": "url.path", "value": ["stringValue": "/\"x"]],
            ])
    }
}

@Suite struct RequestIDTests {
    @Test func generatesDistinctValidIDs() {
        #expect(RequestID.isValid(RequestID.make()))
        #expect(RequestID.make() != RequestID.make())
    }

    @Test(arguments: ["", "a b", "a\n", "é", "a\"b", String(repeating: "a", count: 65)])
    func rejectsUnloggableIDs(text: String) { #expect(!RequestID.isValid(text)) }
}

@Suite struct MetricsTests {
    @Test func showsThePrometheusText() {
        let registry = MetricsRegistry()
        registry.counter("a_total", help: "A.", labels: [("path", "/x\"y")]).increment(by: 2)
        registry.counter("a_total", help: "A.", labels: [("path", "/x\"y")]).increment()
        registry.gauge("b", help: "B.").add(-1)
        let histogram = registry.histogram("c_seconds", help: "C.", labels: [("r", "x")])
        histogram.observe(seconds: 0.002)
        histogram.observe(seconds: 100)
        histogram.observe(seconds: .nan)
        let text = registry.exposition()
        #expect(text.contains("# TYPE a_total counter\na_total{path=\"/x\\\"y\"} 3\n"))
        #expect(text.contains("\nb -1\n"))
        #expect(text.contains("c_seconds_bucket{r=\"x\",le=\"0.001\"} 0\n"))
        #expect(text.contains("c_seconds_bucket{r=\"x\",le=\"0.0025\"} 1\n"))
        #expect(text.contains("c_seconds_bucket{r=\"x\",le=\"+Inf\"} 2\n"))
        #expect(text.contains("c_seconds_sum{r=\"x\"} 100.002\n"))
        #expect(text.contains("c_seconds_count{r=\"x\"} 2\n"))
    }
}

@Suite struct JSONLogTests {
    @Test func writesOneObjectPerLine() throws {
        let lines = Mutex<[[UInt8]]>([])
        let clock = WallClock { Timestamp(microseconds: 0) }
        var logger = Logger(label: "catalog") { name in
            JSONLogHandler(serviceName: name, level: .info, clock: clock) { line in lines.withLock { $0.append(line) } }
        }
        logger[metadataKey: "request_id"] = "r1"
        logger.debug("not this")
        logger.error("broken \"thing\"\n", metadata: ["error": "x", "count": .stringConvertible(3)])
        let written = lines.withLock { $0 }
        #expect(written.count == 1 && written[0].last == UInt8(ascii: "\n"))
        let json = try JSONValue(parsing: written[0])
        #expect(
            json == [
                "timestamp": "1970-01-01T00:00:00.000000Z", "level": "error", "service_name": "catalog",
                "message": "broken \"thing\"\n", "request_id": "r1", "error": "x", "count": 3,
            ])
    }
}
