import HTTPTypes
import Hummingbird
import MartletCore

extension Response {
    init(_ answer: ResponseParts) {
        var headers = HTTPFields()
        if let tag = answer.entityTag { headers[.eTag] = tag }
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
        let status = HTTPResponse.Status(code: answer.status)
        guard let body = answer.body else {
            self.init(status: status, headers: headers)
            return
        }
        headers[.contentType] = answer.contentType
        self.init(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// 304, with those fields of the full response that update a stored one (RFC 9110 §15.4.5).
    static func notModified(_ answer: ResponseParts, _ entityTag: String) -> Response {
        var headers: HTTPFields = [.eTag: entityTag]
        for (name, value) in answer.headers {
            guard let name = HTTPField.Name(name), [.cacheControl, .contentLocation, .expires, .vary].contains(name)
            else { continue }
            headers.append(HTTPField(name: name, value: value))
        }
        return Response(status: .notModified, headers: headers)
    }

    static func json(_ bytes: [UInt8]) -> Response {
        Response(ResponseParts(status: 200, body: bytes))
    }

    static func problem(_ problem: Problem, path: String, requestID: String?) -> Response {
        Response(problem.responseParts(path: path, requestID: requestID))
    }
}

extension Problem {
    func responseParts(path: String, requestID: String?) -> ResponseParts {
        ResponseParts(
            status: status, body: json(instance: path, requestID: requestID), headers: headers,
            contentType: "application/problem+json")
    }
}
