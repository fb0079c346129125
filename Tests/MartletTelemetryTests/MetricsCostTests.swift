import MartletTelemetry
import MartletTesting
import Testing

@Suite struct MetricsCostTests {
    /// A registration takes constant time, regardless of the number of instruments.
    @Test func manyInstrumentsAreRegisteredAndRemoved() {
        func register(_ count: Int) -> MetricsRegistry {
            let registry = MetricsRegistry()
            for round in 0..<2 {
                for number in 0..<(count / 2) {
                    registry.counter("a_total", help: "A.", labels: [("route", "/\(number)"), ("round", "\(round)")])
                        .increment()
                }
            }
            return registry
        }
        #expect(CPUTime.growth(at: 500) { _ = register($0) } < 3)
        let registry = register(20_000)
        var asked = 0
        registry.remove("a_total") { labels in
            asked += 1
            return labels[1].1 == "0"
        }
        #expect(asked == 20_000)
        let text = registry.exposition()
        #expect(!text.contains("round=\"0\"") && text.contains("a_total{route=\"/7\",round=\"1\"} 1\n"))
        // Remaining instruments are found, and removed ones start from zero.
        #expect(registry.counter("a_total", help: "A.", labels: [("route", "/7"), ("round", "1")]).value == 1)
        #expect(registry.counter("a_total", help: "A.", labels: [("route", "/7"), ("round", "0")]).value == 0)
    }

    @Test func forwardsTheRandomFlag() throws {
        for flags in ["00", "01", "02", "03"] {
            let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-\(flags)"
            let trace = try #require(TraceContext(traceparent: text))
            #expect(trace.header == text)
            #expect(trace.child().header.hasSuffix(flags))
            #expect(trace.sampled(true).isRandom == trace.isRandom)
        }
        let unknown = try #require(
            TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff"))
        #expect(unknown.header.hasSuffix("-03"))
    }
}
