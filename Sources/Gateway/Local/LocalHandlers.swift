import MartletCore

/// The handlers for one path inside the gateway's process.
struct LocalHandlers: Sendable {
    /// Handles GET and HEAD.
    let read: LocalHandler?
    /// Handles POST.
    let act: LocalHandler?

    func handler(for head: RequestHead) -> Result<LocalHandler, Problem> {
        switch head.method {
        case .get, .head:
            guard let read else { return .failure(methodNotAllowed) }
            return .success(read)
        case .post:
            guard let act else { return .failure(methodNotAllowed) }
            guard !head.isChunked, !head.expectsContinue else {
                return .failure(Problem(status: 411, detail: "Send a Content-Length.", code: "length_required"))
            }
            guard head.contentLength ?? 0 <= ClientHandler.gatherLimit else {
                return .failure(.bodyTooLarge(limit: ClientHandler.gatherLimit))
            }
            return .success(act)
        default:
            return .failure(methodNotAllowed)
        }
    }

    private var methodNotAllowed: Problem {
        .methodNotAllowed(allowed: (read == nil ? [] : ["GET", "HEAD"]) + (act == nil ? [] : ["POST"]))
    }
}

/// A local request that waits for its body.
final class HeldLocalRequest {
    let handler: LocalHandler
    var request: LocalRequest

    init(_ handler: @escaping LocalHandler, _ request: LocalRequest) {
        self.handler = handler
        self.request = request
    }
}
