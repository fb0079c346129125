import MartletCore
import NIOCore

/// The parts of one response in progress. Confined to its event loop.
final class Aggregation {
    private var answer: AggregateResponse
    private var requests: [PartRequest] = []
    private let report: (Result<ByteBuffer, Problem>) -> Void
    private var isOver = false

    init(_ plan: AggregatePlan, report: @escaping (Result<ByteBuffer, Problem>) -> Void) {
        answer = AggregateResponse(plan)
        self.report = report
    }

    func add(_ make: (_ report: @escaping (AggregateResponse.Outcome) -> Void) -> PartRequest) {
        let index = requests.count
        requests.append(make { [weak self] outcome in self?.received(outcome, for: index) })
    }

    /// Requests all parts in parallel.
    func start() {
        for request in requests where !isOver { request.start() }
    }

    private func received(_ outcome: AggregateResponse.Outcome, for index: Int) {
        guard !isOver, let result = answer.received(outcome, for: index) else { return }
        isOver = true
        switch result {
        case .success: requests = []
        case .failure: cancel()
        }
        report(result)
    }

    /// Cancels the parts in progress.
    func cancel() {
        isOver = true
        let requests = self.requests
        self.requests = []
        for request in requests { request.cancel() }
    }
}

/// Combines the responses of several upstreams.
extension ClientHandler {
    /// Writes the requests for all parts, which differ only by path: they share the id, the trace and the identity.
    func prepareAggregation(_ request: RequestView, _ plan: AggregatePlan, _ outcome: PolicyOutcome?) {
        var rules = outcome?.request ?? HeaderRules()
        rules += plan.rules
        var base = ByteBuffer()
        let asked = (request.target.authority ?? request.head.host).map { Array(request.bytes.slice($0)) }
        let usual = plan.parts.first.map { loop.settings.upstreams[$0.upstream].defaultHost } ?? []
        // If a part has its own host, the line is placed where it can be replaced.
        let isReplaced = plan.parts.contains { loop.settings.upstreams[$0.upstream].fixedHost != nil }
        HeaderEdits.writeRequest(
            request, rules: rules, span: exchange.span?.context, host: isReplaced ? asked ?? usual : nil,
            defaultHost: usual,
            requestID: requestID, random: &loop.random, to: &base)
        guard let lineEnd = base.readableBytesView.firstIndex(of: ASCII.lineFeed) else { return }
        base.moveReaderIndex(to: lineEnd + 1)
        let aggregation = Aggregation(plan) { [weak self, number = exchange.number] result in
            guard let self, self.exchange.number == number, self.machine.isWaitingForResponse else { return }
            self.exchange.aggregation = nil
            switch result {
            case .success(let body):
                self.send(GatewayResponse(status: 200, fields: Self.aggregateFields, body: .bytes(body)))
            case .failure(let problem): self.answer(problem)
            }
            self.process()
        }
        for part in plan.parts {
            var head = ByteBuffer()
            head.writeStaticString("GET ")
            head.writeBytes(part.path.fill(request.path))
            head.writeBytes(request.bytes.slice(request.target.query))
            head.writeStaticString(" HTTP/1.1\r\n")
            head.writeImmutableBuffer(base)
            if let host = loop.settings.upstreams[part.upstream].fixedHost {
                head = HostLine.replaced(in: head, by: host)
            }
            let cluster = loop.upstreams[part.upstream]
            aggregation.add { report in
                PartRequest(
                    part, head: head, cluster: cluster, key: cluster.key(request), loop: loop,
                    network: network, requestID: requestID, report: report)
            }
        }
        exchange.aggregation = aggregation
    }

    /// The response is specific to this client, whatever the parts say.
    private static let aggregateFields = Array("Content-Type: application/json\r\nCache-Control: no-store\r\n".utf8)
}
