public import MartletCore

/// A service refuses a call: its answer has a 4xx status, other than 429.
///
/// Catch it where the refusal means something to the caller. Otherwise the client sees an internal error and the log has
/// the details, because the called service's problem describes a request that the client has not made.
public struct CallError: Error, Sendable {
    /// The name of the called service.
    public let service: String
    /// The service's problem. If its answer is none, a problem with the status only.
    public let problem: Problem
    /// The id of the request in the log; nil when the service did not return it.
    public let requestID: String?

    public init(service: String, problem: Problem, requestID: String? = nil) {
        self.service = service
        self.problem = problem
        self.requestID = requestID
    }

    public var status: Int { problem.status }
    public var code: String? { problem.code }
}

extension CallError: CustomStringConvertible {
    public var description: String {
        "\(service) answers \(status) \(code ?? problem.title)\(problem.detail.map { ": \($0)" } ?? "")"
    }
}

extension Problem {
    /// Reads an `application/problem+json` body.
    /// - Returns: nil for any other body.
    init?(status: Int, json: [UInt8]) {
        guard let value = try? JSONValue(parsing: json, limits: .requestBody), value.objectValue != nil else {
            return nil
        }
        self.init(
            status: status, title: value["title"]?.stringValue, detail: value["detail"]?.stringValue,
            code: value["code"]?.stringValue,
            errors: (value["errors"]?.arrayValue ?? []).compactMap(FieldError.init(json:)))
        moreErrors = value["more_errors"]?.intValue ?? 0
    }
}

extension FieldError {
    fileprivate init?(json: JSONValue) {
        guard let message = json["message"]?.stringValue, let code = json["code"]?.stringValue else { return nil }
        let params = (json["params"]?.objectValue ?? []).compactMap { name, value in
            value.stringValue.map { (name, $0) }
        }
        self.init(
            loc: (json["loc"]?.arrayValue ?? []).compactMap(\.stringValue), message: message, code: code,
            params: Dictionary(params) { first, _ in first })
    }
}
