import GRPCTranscoding
import MartletCore
import MartletSystem

/// A compiled ``GatewayConfiguration/GRPC`` with its descriptors.
final class GRPCRoute: Sendable {
    /// The default limit of request bodies, in bytes. They are buffered, not streamed.
    static let defaultRequestBody = 1 << 20

    let upstream: Int
    let transcoder: Transcoder
    let maximumMessage: Int

    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(_ grpc: GatewayConfiguration.GRPC, upstream: Int) throws(GatewayError) {
        self.upstream = upstream
        maximumMessage = grpc.maximumMessage
        do throws(DescriptorError) { transcoder = try Self.transcoder(grpc) } catch {
            throw .invalidConfiguration("routes: \(grpc.descriptors): \(error)")
        }
    }

    /// - Throws: `DescriptorError` when the file cannot be used.
    static func transcoder(_ grpc: GatewayConfiguration.GRPC) throws(DescriptorError) -> Transcoder {
        guard let descriptors = read(grpc.descriptors) else { throw DescriptorError("the file cannot be read") }
        var options = Transcoder.Options()
        options.rejectsUnknownFields = grpc.rejectsUnknownFields
        options.writesDefaults = grpc.writesDefaults
        options.keepsNames = grpc.keepsNames
        let transcoder = try Transcoder(descriptors: descriptors, services: grpc.services, options: options)
        guard transcoder.bindingCount > 0 else {
            throw DescriptorError("no method of the services has a google.api.http option")
        }
        return transcoder
    }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            bytes += piece.prefix(count)
            // The descriptors of the largest interfaces have a few MiB.
            guard bytes.count <= 64 << 20 else { return nil }
            if count < piece.count { return ferror(file) == 0 ? bytes : nil }
        }
    }

    enum Match {
        case call(GRPCCall)
        case problem(Problem)
    }

    /// - Parameter path: the rewritten normalized path; nil uses the request's.
    func match(_ request: RequestView, path: [UInt8]?) -> Match {
        let method = String(decoding: request.bytes.slice(request.head.methodRange), as: UTF8.self)
        let found =
            if let path {
                transcoder.match(method: method, path: path)
            } else {
                transcoder.match(method: method, path: request.path)
            }
        switch found {
        case .found(let bound):
            return .call(
                GRPCCall(
                    route: self, request: bound, query: Array(request.bytes.slice(request.target.query).dropFirst()),
                    expectsContinue: request.head.expectsContinue))
        case .otherMethods(let methods):
            return .problem(.methodNotAllowed(allowed: methods))
        case .none:
            return .problem(Problem(status: 404, detail: "There is no method at this path.", code: "not_found"))
        }
    }
}
