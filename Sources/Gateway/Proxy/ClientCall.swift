import GRPCTranscoding
import Logging
import MartletCore
import NIOCore
import NIOHPACK

/// Requests that become gRPC calls: buffers the JSON, sends the call and writes its response as JSON.
extension ClientHandler {
    // MARK: the request

    /// Starts a call after the head is parsed.
    func startCall(_ call: GRPCCall) {
        exchange.call = call
        guard exchange.expectsBody else { return sendCall(call) }
        if call.expectsContinue, exchange.isVersion11 {
            output.withGathered { $0.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n") }
            flush()
        }
        arm(.requestBody)
    }

    /// Buffers the body received so far.
    func gatherBody(_ call: GRPCCall) -> Bool {
        do throws(HTTPError) {
            while true {
                switch try body.next(in: &pending) {
                case .data(let data):
                    exchange.bodyBytes += data.readableBytes
                    guard exchange.bodyBytes <= exchange.maximumBody else {
                        exchangeFailed(.bodyTooLarge(limit: exchange.maximumBody))
                        return false
                    }
                    guard call.gather(data, loop) else {
                        exchangeFailed(.overloaded)
                        return false
                    }
                    bodyArrived()
                case .needMore:
                    if pending.readableBytes == 0 { pending = ByteBuffer() }
                    return false
                case .end:
                    machine.requestBodyCompleted()
                    sendCall(call)
                    return true
                }
            }
        } catch {
            exchangeFailed(error.problem)
            return false
        }
    }

    private func sendCall(_ call: GRPCCall) {
        do throws(TranscodingError) {
            let message = try call.route.transcoder.request(
                call.request, query: call.query, body: Array(call.body.readableBytesView))
            call.dropBody()
            call.message = GRPCMessageReader.frame(message)
        } catch {
            return exchangeFailed(.untranscodable(error))
        }
        enterLimits()
    }

    /// Sends the call to the chosen endpoint.
    func sendCall(_ call: GRPCCall, to pool: EndpointPool) {
        exchange.pool = pool
        call.reset()
        var timeout: TimeAmount?
        if exchange.totalDeadline != .distantFuture { timeout = exchange.totalDeadline - loop.now }
        let headers = GRPCMetadata.request(requestHead, path: call.binding.methodPath, timeout: timeout)
        guard GRPCMetadata.fits(headers) else { return exchangeFailed(HTTPError.headTooLarge.problem) }
        call.client = self
        switch pool.grpc.open(call, headers: headers) {
        case .started: arm(.firstByte)
        // A Unix socket may connect or fail before this returns.
        case .waiting: if call.client != nil, call.stream == nil { arm(.connection) }
        case .full:
            call.client = nil
            exchangeFailed(.overloaded)
        }
    }

    /// The queued call got a connection.
    func callSent() { arm(.firstByte) }

    // MARK: the response

    func callStarted(_ metadata: HPACKHeaders) {
        guard let call = exchange.call else { return }
        call.fields = GRPCMetadata.response(metadata)
        if call.binding.isStreaming { beginStream(call) }
    }

    func callMessage(_ message: ByteBuffer) {
        guard let call = exchange.call, let context else { return }
        let json: [UInt8]
        do throws(TranscodingError) {
            json = try call.route.transcoder.response(Array(message.readableBytesView), of: call.binding)
        } catch {
            loop.settings.logger.warning(
                "a gRPC response cannot be transcoded",
                metadata: [
                    "method": "\(call.binding.methodPath)", "reason": "\(error.reason)",
                    "location": "\(error.location.joined(separator: "."))",
                ])
            endAttempt(.succeeded)
            return exchangeFailed(.badGateway)
        }
        guard call.binding.isStreaming else {
            // A unary call has one message or an error.
            guard call.answer == nil else { return exchangeFailed(.badGateway) }
            call.answer = json
            return
        }
        var element = ByteBuffer()
        element.reserveCapacity(json.count + 1)
        element.writeInteger(call.isFirstElement ? ASCII.leftBracket : ASCII.comma)
        element.writeBytes(json)
        call.isFirstElement = false
        append(element, to: context)
        arm(.responseBody)
    }

    func callEnded(_ status: GRPCStatus, _ trailers: HPACKHeaders) {
        guard let call = exchange.call else { return }
        reportAttempt(status.code == GRPCStatus.unavailable ? .failed : .succeeded)
        endAttempt(.succeeded)
        guard machine.isWaitingForResponse else { return endStream(call, status) }
        guard status.code == GRPCStatus.ok else {
            if exchange.isReplayable, exchange.route?.retries?.statuses.contains(status.httpStatus) == true, retries() {
                return
            }
            exchange.call = nil
            answer(.call(status, trailers))
            return process()
        }
        if call.binding.isStreaming {
            call.fields += GRPCMetadata.response(trailers)
            beginStream(call)
            return endStream(call, status)
        }
        guard let json = call.answer else {
            exchangeFailed(.badGateway)
            return process()
        }
        exchange.call = nil
        let fields = Self.callFields + Array("grpc-status: 0\r\n".utf8) + call.fields
        send(GatewayResponse(status: 200, fields: fields, body: .bytes(ByteBuffer(bytes: json))))
        process()
    }

    func callFailed(_ failure: GRPCStreamHandler.Failure) {
        defer { process() }
        guard machine.isWaitingForResponse else {
            flush()
            endAttempt(.truncated)
            return exchangeFailed(.badGateway)
        }
        if failure == .unprocessed, !exchange.wasUnprocessed {
            exchange.wasUnprocessed = true
            endAttempt(.abandoned)
            return startAttempt()
        }
        endAttempt(.failed)
        if failure == .invalid || !retries() { exchangeFailed(.badGateway) }
    }

    private static let callFields = Array("Content-Type: application/json\r\n".utf8)

    // MARK: streams

    /// Starts the response to a streaming call: a JSON array whose elements are sent as they arrive.
    private func beginStream(_ call: GRPCCall) {
        reportAttempt(.succeeded)
        exchange.status = 200
        exchange.isResponseChunked = exchange.isVersion11
        let persists = machine.responseStarted(delimited: exchange.isVersion11)
        let connection = ConnectionAnnouncement(persists: persists, isVersion11: exchange.isVersion11)
        var answer = GatewayResponse(status: 200, fields: Self.callFields + call.fields, body: .bytes(ByteBuffer()))
        if let rules = exchange.outcome?.response {
            answer.applyRemovals(rules.removed)
            answer.fields += rules.lines
        }
        output.withGathered { out in
            out.writeStaticString("HTTP/1.1 200 OK\r\n")
            out.writeBytes(answer.fields)
            out.writeBytes(loop.dateLine)
            if exchange.isResponseChunked { out.writeStaticString("Transfer-Encoding: chunked\r\n") }
            out.writeStaticString("X-Request-ID: ")
            out.writeBytes(requestID)
            out.writeStaticString("\r\n")
            out.writeStaticString(connection.line)
            out.writeStaticString("\r\n")
        }
        arm(.responseBody)
    }

    /// Closes the array whatever the outcome, as Envoy does: the status line is already sent.
    private func endStream(_ call: GRPCCall, _ status: GRPCStatus) {
        guard let context else { return }
        if status.code != GRPCStatus.ok {
            loop.settings.logger.warning(
                "a gRPC stream ended with an error",
                metadata: ["method": "\(call.binding.methodPath)", "status": "\(status.name)"])
        }
        append(ByteBuffer(staticString: call.isFirstElement ? "[]" : "]"), to: context)
        exchange.call = nil
        responseCompleted()
        process()
    }

    private func append(_ data: ByteBuffer, to context: ChannelHandlerContext) {
        if exchange.isResponseChunked {
            output.appendChunk(data, to: context)
        } else {
            output.append(data, to: context)
        }
    }
}

extension Problem {
    /// A request that cannot be transcoded to the method's message.
    static func untranscodable(_ error: TranscodingError) -> Problem {
        let field = FieldError(loc: error.location, message: error.reason, code: "invalid")
        return Problem(
            status: 400, detail: "\(error.location.joined(separator: ".")): \(error.reason).", code: "bad_request",
            errors: [field])
    }

    /// A call that the server ended with an error. Includes the two fields that Envoy passes on.
    static func call(_ status: GRPCStatus, _ trailers: HPACKHeaders) -> Problem {
        var headers = [(name: "grpc-status", value: String(status.code))]
        if let message = trailers.first(name: "grpc-message"), message.utf8.count <= 4096 {
            headers.append((name: "grpc-message", value: message))
        }
        let detail = status.httpStatus < 500 && !status.message.isEmpty ? status.message : nil
        return Problem(status: status.httpStatus, detail: detail, code: status.name, headers: headers)
    }
}
