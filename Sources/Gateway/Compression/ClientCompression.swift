import NIOCore

/// Answers that are compressed on their way through.
extension ClientHandler {
    /// Decides whether the upstream's answer is compressed, and gets a stream for it.
    func startCompression(
        _ offer: CompressionOffer, _ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, framing: BodyFraming
    ) -> CompressionPlan? {
        let plan = CompressionPlan(
            offer, bytes, headers: head.headers, status: head.status, length: head.contentLength,
            // HTTP/1.0 knows no chunks, and closing the connection costs more than the bytes.
            canStream: exchange.isVersion11)
        guard var plan, let coding = plan.coding, framing != .none else { return plan }
        guard let deflater = loop.deflaters.take(coding, level: offer.policy.level) else {
            plan.giveUp()
            return plan
        }
        exchange.deflater = deflater
        // An answer of a known length is soon complete; the pieces of any other are sent on as they come.
        exchange.isStreaming = head.contentLength == nil
        return plan
    }

    /// Sends on all that has come so far.
    func flushCompression() {
        guard let deflater = exchange.deflater, deflater.holdsInput else { return }
        appendCompressed(deflater.compress(ByteBuffer(), flush: .all))
    }

    /// The answer is complete.
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
    /// Longest content that is compressed, in bytes: the event loop does nothing else for as long as that takes.
    static let longestCompressed = 1 << 20

    /// Compresses the gateway's own answer where it pays.
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
                // RFC 9110 §9.3.2: what only the content would tell may be left out.
                tellsLength = false
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
