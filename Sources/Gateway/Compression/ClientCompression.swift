import NIOCore

/// Compresses upstream responses as they pass through.
extension ClientHandler {
    /// Decides whether to compress the upstream's response, and obtains a deflater.
    func startCompression(
        _ offer: CompressionOffer, _ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming
    ) -> CompressionPlan? {
        let plan = CompressionPlan(
            offer, bytes, headers: head.headers, status: head.status, length: head.contentLength,
            // HTTP/1.0 has no chunked coding, and closing the connection costs more than compression saves.
            canStream: exchange.isVersion11)
        guard var plan, let coding = plan.coding, framing != .none else { return plan }
        guard let deflater = loop.deflaters.take(coding, level: offer.policy.level) else {
            plan.giveUp()
            return plan
        }
        exchange.deflater = deflater
        // A response of known length is complete soon; the pieces of any other are sent as they arrive.
        exchange.isStreaming = head.contentLength == nil
        return plan
    }

    /// Sends everything compressed so far.
    func flushCompression() {
        guard let deflater = exchange.deflater, deflater.holdsInput else { return }
        appendCompressed(deflater.compress(ByteBuffer(), flush: .all))
    }

    /// Sends the rest; the response is complete.
    func finishCompression() {
        guard let deflater = exchange.deflater else { return }
        appendCompressed(deflater.compress(ByteBuffer(), flush: .end))
        releaseDeflater()
    }

    func releaseDeflater() {
        guard let deflater = exchange.deflater else { return }
        exchange.deflater = nil
        exchange.isStreaming = false
        loop.deflaters.give(deflater)
    }

    private func appendCompressed(_ data: ByteBuffer) {
        if let context { output.appendChunk(data, to: context) }
    }
}

extension GatewayResponse {
    /// The longest content to compress, in bytes: compression blocks the event loop.
    static let longestCompressed = 1 << 20

    /// Compresses the gateway's own response if that makes it smaller.
    mutating func compress(_ offer: CompressionOffer, for method: RequestMethod, with pool: inout DeflaterPool) {
        guard !isFinal, case .bytes(let content) = body else { return }
        let plan = fields.withUnsafeBytes { bytes in
            CompressionPlan(
                offer, bytes, headers: ByteRange(0, bytes.count), status: status, length: content.readableBytes,
                canStream: true)
        }
        guard var plan else { return }
        if let coding = plan.coding {
            if content.readableBytes > Self.longestCompressed {
                plan.giveUp()
            } else if method == .head {
                // RFC 9110 §9.3.2: fields that depend on the content may be omitted.
                includesLength = false
            } else if let deflater = pool.take(coding, level: offer.policy.level) {
                let compressed = deflater.compress(content, flush: .end)
                pool.give(deflater)
                if compressed.readableBytes < content.readableBytes || offer.preference.refusesIdentity {
                    body = .bytes(compressed)
                } else {
                    plan.giveUp()
                }
            } else {
                plan.giveUp()
            }
        }
        let rules = plan.edited(nil)
        remove(rules.removed)
        fields += rules.lines
    }
}
