import Logging
import MartletCore
import NIOCore

/// One request and its answer, as far as the client's handler must remember them.
struct ClientExchange {
    var method = RequestMethod.other
    var label = RouteLabel.invalid
    var started = NIODeadline.uptimeNanoseconds(0)
    var isVersion11 = true
    var isRequestChunked = false
    var expectsBody = false
    var maximumBody = Int.max
    var bodyBytes = 0
    var pool: UpstreamPool?
    var hasRetried = false
    var status = 0
    var isResponseChunked = false
    /// The path, when it is needed for a problem or the log.
    var path: String?
    var file: StaticFileReader?
    /// Tells the answers of local routes apart that come after their client has gone on.
    var number: UInt64 = 0
}

extension ClientHandler {
    /// The head is complete: decides what becomes of the request.
    func startExchange() {
        let number = exchange.number &+ 1
        exchange = ClientExchange(method: parser.head.method, started: loop.readClock())
        exchange.number = number
        exchange.isVersion11 = parser.head.isVersion11
        exchange.isRequestChunked = parser.head.isChunked
        exchange.expectsBody = parser.head.framing != .none
        body = BodyReader(parser.head.framing)
        machine.headCompleted(keepsAlive: parser.head.keepsAlive, hasBody: exchange.expectsBody)
        if loop.isDraining { machine.drain() }
        let dispatch = pending.withUnsafeReadableBytes { self.dispatch($0, parser.head) }
        pending.moveReaderIndex(forwardBy: parser.head.end)
        parser.reset()
        switch dispatch {
        case .proxy(let route):
            exchange.label = route.label
            exchange.maximumBody = route.maximumRequestBody
            acquire(from: loop.pools[route.upstream])
        case .local(let handler, let request, let label):
            exchange.label = label
            run(handler, request)
        case .answer(let answer, let label):
            exchange.label = label
            send(answer)
        case .problem(let problem, let label):
            exchange.label = label
            answer(problem)
        }
    }

    private func dispatch(_ bytes: UnsafeRawBufferPointer, _ head: RequestHead) -> Dispatch {
        makeRequestID(head.requestID.map(bytes.slice))
        let target: RequestTarget
        do throws(HTTPError) {
            target = try RequestTarget(bytes, head.target, method: head.method)
        } catch {
            return .problem(error.problem, .invalid)
        }
        let dispatch =
            if let path = target.rewrittenPath {
                path.withUnsafeBytes {
                    loop.settings.dispatch(bytes, head, target, path: $0, peer: peer, requestID: requestID)
                }
            } else {
                loop.settings.dispatch(
                    bytes, head, target, path: bytes.slice(target.path), peer: peer, requestID: requestID)
            }
        switch dispatch {
        case .proxy(let route):
            requestHead.clear(minimumCapacity: 1024)
            HeaderEdits.writeRequest(
                bytes, head, target, peer: peer, defaultHost: loop.settings.upstreams[route.upstream].defaultHost,
                requestID: requestID, random: &loop.random, to: &requestHead)
        case .local, .answer, .problem:
            if let path = target.rewrittenPath {
                exchange.path = String(decoding: path, as: UTF8.self)
            } else {
                exchange.path = String(decoding: bytes.slice(target.path), as: UTF8.self)
            }
        }
        return dispatch
    }

    /// Takes the client's id when it is harmless to log and to echo, and makes one otherwise.
    func makeRequestID(_ sent: UnsafeRawBufferPointer?) {
        requestID.removeAll(keepingCapacity: true)
        if let sent, (1...64).contains(sent.count), sent.allSatisfy(ASCIISet.requestID.contains) {
            requestID.append(contentsOf: sent)
        } else {
            loop.random.appendHexadecimal(to: &requestID)
            loop.random.appendHexadecimal(to: &requestID)
        }
    }

    // MARK: the gateway's own answers

    func answer(_ problem: Problem) {
        send(Answer(problem, instance: path, requestID: requestID))
    }

    func send(_ answer: Answer) {
        guard let context, machine.isExchanging else { return }
        exchange.status = answer.status
        let persists = machine.responseStarted()
        let connection = ConnectionAnnouncement(persists: persists, isVersion11: exchange.isVersion11)
        output.withGathered {
            answer.writeHead(to: &$0, requestID: requestID, date: loop.dateLine, connection: connection)
        }
        guard exchange.method != .head, answer.status != 204, answer.status != 304 else { return responseCompleted() }
        switch answer.body {
        case .bytes(let bytes):
            output.append(bytes, to: context)
            responseCompleted()
        case .file(let file):
            exchange.file = file
            arm(.responseBody)
            flush()
            continueFile()
        }
    }

    /// Sends the next piece of a file when the client has taken the last one.
    func continueFile() {
        guard let file = exchange.file, let context, context.channel.isWritable else { return }
        let number = exchange.number
        file.read(on: context.eventLoop) { [weak self] result in
            guard let self, let context = self.context, self.exchange.number == number, self.exchange.file === file
            else {
                return
            }
            switch result {
            case .success(let data?):
                self.arm(.responseBody)
                self.output.append(data, to: context)
                self.flush()
                self.continueFile()
            case .success(nil):
                self.exchange.file = nil
                self.responseCompleted()
            case .failure:
                // The length is promised already.
                self.exchangeFailed(.internal)
            }
        }
    }

    private func run(_ handler: @escaping LocalRoute, _ request: LocalRequest) {
        guard loop.runningLocalRequests < loop.settings.limits.localRequests else { return answer(.overloaded) }
        guard let context else { return }
        loop.runningLocalRequests += 1
        arm(.firstByte)
        let number = exchange.number
        let loop = self.loop
        context.eventLoop.makeFutureWithTask { await handler(request) }.assumeIsolated().whenComplete {
            [weak self] result in
            loop.runningLocalRequests -= 1
            guard let self, self.exchange.number == number, self.machine.isWaitingForResponse else { return }
            switch result {
            case .success(let response):
                self.send(Answer(response, instance: request.path, requestID: self.requestID))
            case .failure:
                self.answer(.internal)
            }
            self.process()
        }
    }

    // MARK: what is told about it

    /// The request's path, without the query, which may hold secrets.
    private var path: String? {
        if let path = exchange.path { return path }
        guard exchange.pool != nil else { return nil }
        let line = requestHead.readableBytesView.prefix { $0 != ASCII.carriageReturn }
        let parts = line.split(separator: ASCII.space, maxSplits: 2)
        guard parts.count == 3 else { return nil }
        return String(decoding: parts[1].prefix { $0 != ASCII.questionMark }, as: UTF8.self)
    }

    /// Counts and logs the exchange.
    func record(status: Int) {
        let elapsed = max(0, (loop.readClock() - exchange.started).nanoseconds)
        loop.metrics.record(exchange.method, exchange.label, status: status, nanoseconds: UInt64(elapsed))
        guard status >= 500 || loop.settings.logsEveryRequest else { return }
        loop.settings.logger.log(
            level: status >= 500 ? .info : .debug, "request",
            metadata: [
                "method": "\(exchange.method.label)", "path": "\(path ?? "-")", "status": "\(status)",
                "route":
                    "\(exchange.label.slot < loop.settings.labels.count ? loop.settings.labels[exchange.label.slot] : "-")",
                "duration_ms": "\(Double(elapsed / 1000) / 1000)", "client": "\(peer.text)",
                "request_id": "\(String(decoding: requestID, as: UTF8.self))",
            ])
    }
}
