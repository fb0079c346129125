import MartletCore
import NIOCore
import NIOPosix

/// One health-check request, on a connection of its own.
enum HealthProbe {
    /// The result.
    enum Outcome: Equatable, Sendable {
        case status(Int)
        /// No response in time, or an invalid one.
        case none(reason: String)

        /// For the log.
        var text: String {
            switch self {
            case .status(let status): "\(status)"
            case .none(let reason): reason
            }
        }

        func isGood(_ check: GatewayConfiguration.HealthCheck) -> Bool {
            guard case .status(let status) = self else { return false }
            return check.statuses.contains { $0.contains(status) }
        }
    }

    /// - Parameter request: built by ``request(_:of:at:)``.
    static func ask(
        _ request: ByteBuffer, at endpoint: Endpoint, tls: UpstreamTLSContext?, within timeout: TimeAmount
    ) async -> Outcome {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Int.self)
        let deadline = loop.scheduleTask(in: timeout) { promise.fail(ChannelError.connectTimeout(timeout)) }
        let connecting = PatientConnect.connect(on: loop, within: timeout) {
            let bootstrap = ClientBootstrap(group: loop)
                .connectTimeout(timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(HealthResponseHandler(promise))
                    }
                }
            return tls?.connect(bootstrap, to: endpoint, on: loop, timeout: timeout) ?? endpoint.connect(bootstrap)
        }
        connecting.whenComplete { result in
            switch result {
            case .success(let channel):
                promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                channel.writeAndFlush(request, promise: nil)
            case .failure(let error):
                promise.fail(error)
            }
        }
        let answer: Outcome = await withTaskCancellationHandler {
            do {
                return .status(try await promise.futureResult.get())
            } catch ChannelError.connectTimeout {
                return .none(reason: "no response in time")
            } catch ChannelError.eof {
                return .none(reason: "closed without a response")
            } catch let error as HTTPError {
                return .none(reason: UpstreamFault.broken(error))
            } catch {
                return .none(reason: "\(error)")
            }
        } onCancel: {
            promise.fail(CancellationError())
        }
        deadline.cancel()
        return answer
    }

    static func request(
        _ check: GatewayConfiguration.HealthCheck, of upstream: GatewayConfiguration.Upstream, at endpoint: Endpoint
    ) -> ByteBuffer {
        var host = endpoint.authority(isSecure: upstream.tls != nil)
        if case .literal(let name) = upstream.host { host = name }
        var text = "GET \(check.path) HTTP/1.1\r\nHost: \(check.host ?? host)\r\nConnection: close\r\n"
        if !check.headers.keys.contains(where: { $0.lowercased() == "accept" }) { text += "Accept: */*\r\n" }
        for (name, value) in check.headers.sorted(by: { $0.key < $1.key }) { text += "\(name): \(value)\r\n" }
        return ByteBuffer(string: text + "\r\n")
    }
}

/// Waits for the head of a response.
private final class HealthResponseHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<Int>
    private var parser = ResponseHeadParser()
    private var received = ByteBuffer()

    init(_ promise: EventLoopPromise<Int>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.append(received: unwrapInboundIn(data))
        do {
            while try received.withUnsafeReadableBytes({ try parser.parse($0) }) {
                guard parser.head.isInterim else { return promise.succeed(parser.head.status) }
                received.moveReaderIndex(forwardBy: parser.head.end)
                parser.reset()
            }
        } catch {
            promise.fail(error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
}
