import MartletCore
import NIOCore

/// Responses that the gateway itself sends: problems, files and those of local handlers.
extension ClientHandler {
    func answer(_ problem: Problem) {
        send(GatewayResponse(problem, instance: path, requestID: requestID))
    }

    func send(_ answer: GatewayResponse) {
        guard let context, machine.isExchanging else { return }
        var answer = answer
        let rules = exchange.outcome?.response
        if let rules { answer.applyRemovals(rules.removed) }
        if let offer = exchange.outcome?.compression {
            answer.compress(offer, for: exchange.method, with: &loop.deflaters)
        }
        if let rules { answer.fields += rules.lines }
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

    /// Sends the next piece of a file when the client can take more.
    func continueFile() {
        guard let file = exchange.file, let context, isWritable else { return }
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
                guard !file.isAtEnd else {
                    self.exchange.file = nil
                    return self.responseCompleted()
                }
                self.flush()
                self.continueFile()
            case .success(nil):
                self.exchange.file = nil
                self.responseCompleted()
            case .failure:
                // The length was already sent.
                self.exchangeFailed(.internal)
            }
        }
    }

    /// Runs a local handler whose request body is complete.
    func runHeld(_ held: HeldLocalRequest) {
        exchange.local = nil
        held.request.body = pending.readBytes(length: exchange.smallBody) ?? []
        machine.requestBodyCompleted()
        run(held.handler, held.request)
    }

    func run(_ handler: @escaping LocalHandler, _ request: LocalRequest) {
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
                self.send(GatewayResponse(response, instance: request.path, requestID: self.requestID))
            case .failure:
                self.answer(.internal)
            }
            self.process()
        }
    }
}
