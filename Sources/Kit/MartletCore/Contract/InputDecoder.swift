/// Decodes contract types and reports every invalid field at once, up to ``Problem/maximumErrors``.
///
/// A field that breaks a rule is recorded and replaced with a placeholder, so that the synthesized `init(from:)`
/// continues with the next field. Decoding fails after the last one. Each member of a body is visited once, and
/// unknown members are reported by name.
public enum InputDecoder {
    /// A source of fields, by name: the texts of a path, query or CSV line, header fields, or a JSON body.
    public struct Source: Sendable {
        /// The first part of ``FieldError/loc``: `body`, `query`, `path`, `header`.
        public let place: String
        let values: [MemberName: ScalarSource]
        /// The member names in order if an unknown name is an error; otherwise empty.
        let names: [String]

        public init(place: String, texts: [String: String]) {
            self.place = place
            values = Dictionary(texts.map { (MemberName($0.key), .text($0.value)) }) { _, last in last }
            names = []
        }

        /// The header fields of a request, named as in ``Rule/header``. A property with such a rule is read from here and
        /// from no other source. Must be followed by another source.
        public init(headers: [String: String]) { self.init(place: Self.headerPlace, texts: headers) }

        static let headerPlace = "header"

        /// - Throws: ``Problem`` 422 when the JSON is not an object.
        public init(body: JSONValue) throws(Problem) {
            guard case .object(let members) = body else {
                let contrast = ScalarSource.json(body).contrast
                throw .invalid([
                    FieldError(loc: ["body"], message: "Must be a JSON object\(contrast).", code: "not_an_object")
                ])
            }
            place = "body"
            // The parser has already rejected duplicate names.
            values = Dictionary(members.map { (MemberName($0.0), .json($0.1)) }) { _, last in last }
            names = members.map(\.0)
        }
    }

    /// - Parameters:
    ///   - sources: searched in order for each field.
    ///   - isPartial: whether fields may be absent, as in a merge patch.
    /// - Throws: ``Problem`` 422 that lists the invalid fields and the unknown members.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from sources: [Source], isPartial: Bool = false
    ) throws -> Value {
        let issues = Issues()
        let decoder = FieldsDecoder(
            fields: Fields(sources: sources), rules: (type as? any Described.Type)?.rules ?? .none,
            isPartial: isPartial, issues: issues)
        do {
            let value = try Value(from: decoder)
            decoder.reportUnknownMembers()
            if let problem = issues.problem { throw problem }
            return value
        } catch let error as DecodingError {
            // A hand-written `init(from:)` threw. Report the issues found before it.
            if let problem = issues.problem { throw problem }
            throw error
        }
    }
}

/// The issues found so far. Keeps as many as a response lists and counts the rest.
final class Issues {
    private var errors: [FieldError] = []
    private var more = 0

    /// Evaluates its arguments only while the response has room for another issue.
    func add(_ loc: @autoclosure () -> [String], _ issue: @autoclosure () -> ScalarIssue) {
        guard errors.count < Problem.maximumErrors else {
            more += 1
            return
        }
        let issue = issue()
        errors.append(
            FieldError(
                loc: loc().map { $0.clipped(toUTF8: FieldError.maximumNameBytes) }, message: issue.message,
                code: issue.code, params: issue.params))
    }

    var problem: Problem? { errors.isEmpty ? nil : .invalid(errors, moreErrors: more) }
}

extension FieldError {
    /// The maximum length of a client-supplied name in a message, in bytes of UTF-8.
    public static let maximumNameBytes = 100
}

/// The fields of one object, from any source.
struct Fields {
    let find: (String) -> (source: ScalarSource, loc: [String])?
    /// Finds a header field; nil if rules that name one do not apply here.
    let header: ((String) -> (source: ScalarSource, loc: [String])?)?
    /// The member names in order if each must be a field; otherwise empty.
    let names: [String]
    /// The location of the object. Missing fields and unknown members are reported below it.
    let home: [String]

    init(sources: [InputDecoder.Source]) {
        let headers = sources.first { $0.place == InputDecoder.Source.headerPlace }
        header = headers.map { headers in
            { name in headers.values[MemberName(name)].map { ($0, [headers.place, name]) } }
        }
        let sources = headers == nil ? sources : sources.filter { $0.place != InputDecoder.Source.headerPlace }
        find = { name in
            for source in sources {
                if let value = source.values[MemberName(name)] { return (value, [source.place, name]) }
            }
            return nil
        }
        names = sources.flatMap(\.names)
        home = [sources.last?.place ?? "body"]
    }

    init(members: [(String, JSONValue)], loc: [String]) {
        let byName = Dictionary(members.map { (MemberName($0.0), $0.1) }) { _, last in last }
        find = { name in byName[MemberName(name)].map { (.json($0), loc + [name]) } }
        header = nil
        names = members.map(\.0)
        home = loc
    }
}

/// The location of a value and the rule that applies to it.
struct Place {
    var rule: Rule?
    let loc: [String]
    /// Whether the value is part of a merge patch, in which objects may lack fields at any depth (RFC 7396).
    let isPartial: Bool
    let issues: Issues
}
