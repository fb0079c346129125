/// What the current task works for: a request, or the delivery or job that a request has caused.
///
/// Events and jobs carry it along, so that logs and traces of what happens later lead back to the beginning.
public struct Cause: Sendable {
    public let requestID: String?
    public let trace: TraceContext

    public init(requestID: String?, trace: TraceContext) {
        self.requestID = requestID
        self.trace = trace
    }

    @TaskLocal public static var current: Cause?
}
