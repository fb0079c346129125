import MartletTelemetry
import NIOCore
import Testing

@testable import Gateway

@Suite struct HeaderEditsTests {
    @Test(arguments: [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
    ])
    func readsTraceparentAsTheKitDoes(_ text: String) {
        let isValid = Array(text.utf8).withUnsafeBytes { Traceparent.isValid($0) }
        #expect(isValid == (TraceContext(traceparent: text) != nil))
    }

    @Test func writesHexadecimalDigits() {
        for seed in [0, 1, 0xFFFF_FFFF_FFFF_FFFF, 0x0123_4567_89AB_CDEF] as [UInt64] {
            var buffer = ByteBuffer()
            var bytes: [UInt8] = []
            var (first, second, third) = (FastRandom(seed: seed), FastRandom(seed: seed), FastRandom(seed: seed))
            first.writeHexadecimal(to: &buffer)
            second.appendHexadecimal(to: &bytes)
            let digits = String(third.next(), radix: 16)
            let expected = String(repeating: "0", count: 16 - digits.count) + digits
            #expect(String(buffer: buffer) == expected)
            #expect(String(decoding: bytes, as: UTF8.self) == expected)
        }
    }

    @Test func quotesIPv6InForwarded() throws {
        let peer = ForwardedPeer(address: try SocketAddress(ipAddress: "2001:db8::1", port: 1), trustedProxies: [])
        #expect(String(decoding: peer.forwardedElement, as: UTF8.self) == "for=\"[2001:db8::1]\";proto=http;host=")
        #expect(peer.text == "2001:db8::1")
        let mapped = ForwardedPeer(
            address: try SocketAddress(ipAddress: "::ffff:10.0.0.1", port: 1), trustedProxies: [])
        #expect(mapped.text == "10.0.0.1")
    }

    @Test func ownAnswersCannotBeSplitByTheirFields() {
        let response = LocalResponse(
            contentType: "text/plain",
            headers: [("X-Good", "1"), ("X-Bad", "a\r\nSet-Cookie: b"), ("Bad Name", "x"), ("Content-Length", "9")],
            body: [])
        let answer = GatewayResponse(response, instance: "/", requestID: [])
        #expect(String(decoding: answer.fields, as: UTF8.self) == "Content-Type: text/plain\r\nX-Good: 1\r\n")
    }
}
