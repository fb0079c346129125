import MartletCore
import Testing

/// Checks that a response is a problem as the contract defines it (RFC 9457).
/// - Parameters:
///   - status: the expected status; nil for any 4xx.
///   - instance: the path of the request; nil for any, or none if the path could not be read.
///   - sent: the data sent, for the failure message.
@discardableResult
func expectProblem(
    _ response: Response, _ status: Int? = nil, code: String? = nil, instance: String? = nil, sent: String = "",
    _ location: SourceLocation = #_sourceLocation
) -> JSONValue {
    let comment: Comment = "\(sent) → \(response.status) \(response.text.prefix(600))"
    if let status {
        #expect(response.status == status, comment, sourceLocation: location)
    } else {
        #expect((400..<500).contains(response.status), comment, sourceLocation: location)
    }
    #expect(response.header("Content-Type") == "application/problem+json", comment, sourceLocation: location)
    guard let json = try? response.json() else {
        Issue.record("\(comment) is not JSON", sourceLocation: location)
        return [:]
    }
    #expect(json["type"]?.stringValue == "about:blank", comment, sourceLocation: location)
    #expect(json["title"]?.stringValue?.isEmpty == false, comment, sourceLocation: location)
    #expect(json["status"]?.intValue == response.status, comment, sourceLocation: location)
    let requestID = response.header("X-Request-ID")
    #expect(requestID != nil, comment, sourceLocation: location)
    #expect(json["request_id"]?.stringValue == requestID, comment, sourceLocation: location)
    if let code { #expect(json["code"]?.stringValue == code, comment, sourceLocation: location) }
    if let instance { #expect(json["instance"]?.stringValue == instance, comment, sourceLocation: location) }
    for error in response.errors {
        #expect(
            !error.loc.isEmpty && !error.code.isEmpty && !error.message.isEmpty, comment, sourceLocation: location)
    }
    return json
}

/// Checks that a problem reports exactly these errors, written as `body.price too_small`.
func expectErrors(_ response: Response, _ expected: String..., at location: SourceLocation = #_sourceLocation) {
    #expect(
        response.errors.map(\.summary).sorted() == expected.sorted(), "\(response.text)", sourceLocation: location)
}
