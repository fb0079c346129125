/// Why an event or a job is refused, or a declaration is wrong. `description` is one line.
public enum MessagingError: Error, Equatable, CustomStringConvertible {
    /// The payload is longer than ``Payload/maximumBytes``.
    case payloadTooLarge(type: String, bytes: Int)
    /// The subject is empty, longer than ``Payload/maximumSubjectBytes``, or contains NUL.
    case invalidSubject(type: String)
    /// Events that are emitted together have the same subject.
    case repeatedSubject(type: String)
    /// The service does not declare the event among those that it publishes.
    case undeclaredEvent(type: String)
    /// The service does not declare the job.
    case undeclaredJob(kind: String)
    /// The payload cannot be decoded.
    case invalidPayload(type: String, reason: String)
    /// A handler, job or schedule is declared wrong. The message names it.
    case invalidDeclaration(String)
    /// The job is no longer this run's: another process has it, or it was discarded. Nothing has been committed.
    case leaseLost

    public var description: String {
        switch self {
        case .payloadTooLarge(let type, let bytes):
            "\(type): the payload has \(bytes) bytes; at most \(Payload.maximumBytes) are allowed"
        case .invalidSubject(let type):
            "\(type): the subject must have 1 to \(Payload.maximumSubjectBytes) bytes and no NUL"
        case .repeatedSubject(let type): "\(type): events that are emitted together need different subjects"
        case .undeclaredEvent(let type): "\(type): the service does not declare this event"
        case .undeclaredJob(let kind): "\(kind): the service does not declare this job"
        case .invalidPayload(let type, let reason): "\(type): the payload cannot be decoded: \(reason)"
        case .invalidDeclaration(let message): message
        case .leaseLost: "the job belongs to another process now"
        }
    }
}
