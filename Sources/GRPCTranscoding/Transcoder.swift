import MartletCore
import SwiftProtobuf

/// Turns JSON requests into the messages of gRPC calls, and the messages of their answers into JSON.
///
/// What it knows comes from a `FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it, with
/// `google.api.http` options on the methods. Pure: no I/O, and nothing shared that could change.
package struct Transcoder: Sendable {
    package struct Options: Sendable, Equatable {
        /// Refuses members that the message does not have; they are passed over otherwise.
        package var rejectsUnknownFields = false
        /// Writes fields that have their default value as well.
        package var writesDefaults = false
        /// Writes names as the `.proto` file has them instead of in camel case.
        package var keepsNames = false

        package init() {}
    }

    private let schema: MessageSchema
    private let bindings: [Binding]
    private let table: TemplateTable
    private let encoder: MessageEncoder
    private let printer: MessagePrinter

    /// - Parameters:
    ///   - descriptors: a serialized `FileDescriptorSet`.
    ///   - services: full names, such as `library.v1.Library`.
    /// - Throws: ``DescriptorError``.
    package init(
        descriptors: [UInt8], services: [String], options: Options = Options()
    ) throws(DescriptorError) {
        let set: Google_Protobuf_FileDescriptorSet
        do { set = try Google_Protobuf_FileDescriptorSet(serializedBytes: descriptors) } catch {
            throw DescriptorError("the bytes are no FileDescriptorSet")
        }
        try self.init(set, services: services, options: options)
    }

    init(
        _ set: Google_Protobuf_FileDescriptorSet, services: [String], options: Options = Options()
    ) throws(DescriptorError) {
        let schema = try MessageSchema(set.file)
        var builder = BindingBuilder(schema: schema)
        for name in services {
            let found = set.file.lazy.compactMap { file in
                file.service.first { (file.package.isEmpty ? "" : file.package + ".") + $0.name == name }
            }.first
            guard let found else { throw DescriptorError("the set has no service '\(name)'") }
            try builder.add(found, name: name)
        }
        self.schema = schema
        bindings = builder.bindings
        table = builder.table
        encoder = MessageEncoder(schema: schema, ignoresUnknownFields: !options.rejectsUnknownFields)
        printer = MessagePrinter(
            schema: schema, writesDefaults: options.writesDefaults, keepsNames: options.keepsNames)
    }

    /// How many ways there are to reach a method.
    package var bindingCount: Int { bindings.count }

    package enum Match {
        case found(BoundRequest)
        /// The path is known, but with these methods only.
        case otherMethods([String])
        case none
    }

    /// - Parameter path: in its normal form.
    package func match(method: String, path: some Collection<UInt8>) -> Match {
        switch table.match(method: method, path: path) {
        case .binding(let index, let segments): .found(BoundRequest(binding: bindings[index], segments: segments))
        case .otherMethods(let methods): .otherMethods(methods)
        case .none: .none
        }
    }

    // MARK: the request

    /// The request message.
    ///
    /// A field may be set by the query, by the body and by the path. Where they meet, the body comes before the query
    /// and the path before both: routes and policies have judged the path.
    /// - Parameter query: without its question mark.
    /// - Throws: ``TranscodingError``, where the location starts with `path`, `query` or `body`.
    package func request(
        _ request: BoundRequest, query: some Collection<UInt8>, body: [UInt8]
    ) throws(TranscodingError) -> [UInt8] {
        var out = WireWriter()
        do throws(TranscodingError) { try write(query: query, of: request, to: &out) } catch {
            throw error.within("query")
        }
        do throws(TranscodingError) { try write(body: body, of: request.binding, to: &out) } catch {
            throw error.within("body")
        }
        do throws(TranscodingError) { try writePath(of: request, to: &out) } catch { throw error.within("path") }
        return out.bytes
    }

    private func write(body: [UInt8], of binding: Binding, to out: inout WireWriter) throws(TranscodingError) {
        guard binding.readsBody, body.contains(where: { !" \t\r\n".utf8.contains($0) }) else { return }
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: body) } catch { throw TranscodingError("\(error)") }
        switch binding.body {
        case .none: break
        case .message: out.append(try encoder.message(json, binding.input))
        case .field(let field):
            if case .null = json, field.shape != .single || !schema.takesNull(field) { return }
            try encoder.field(json, field, to: &out)
        }
    }

    private func writePath(of request: BoundRequest, to out: inout WireWriter) throws(TranscodingError) {
        for variable in request.binding.variables {
            let start = min(variable.segments.lowerBound, request.segments.count)
            let end =
                variable.isOpen ? request.segments.count : min(variable.segments.upperBound, request.segments.count)
            let text = request.segments[start..<max(start, end)].joined(separator: "/".utf8)
            let name = variable.path.map(\.name).joined(separator: ".")
            guard let value = EnvoyPercentEncoding.decode(Array(text), keepsReserved: variable.isLong) else {
                throw TranscodingError("the value is not valid UTF-8", at: [name])
            }
            try write(value, to: variable.path[...], named: name, &out)
        }
    }

    private func write(
        query: some Collection<UInt8>, of request: BoundRequest, to out: inout WireWriter
    ) throws(TranscodingError) {
        for pair in query.split(separator: UInt8(ascii: "&")) {
            // A name without a value sets nothing.
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), equals > pair.startIndex else { continue }
            guard let name = EnvoyPercentEncoding.decode(pair[..<equals]),
                let value = EnvoyPercentEncoding.decode(pair[pair.index(after: equals)...])
            else { throw TranscodingError("the query is not valid UTF-8") }
            guard ForeignName.isPlausible(name),
                let path = schema.path(
                    name.split(separator: ".", omittingEmptySubsequences: false), request.binding.input)
            else { throw TranscodingError("there is no such field", at: [name]) }
            try write(value, to: path[...], named: name, &out)
        }
    }

    /// Sets a field of a field and so on. Readers merge what they meet of a message in several places.
    private func write(
        _ text: String, to path: ArraySlice<MessageSchema.Field>, named name: String, _ out: inout WireWriter
    ) throws(TranscodingError) {
        guard let last = path.last else { return }
        var inner = WireWriter()
        do throws(TranscodingError) {
            if case .map = last.shape { throw TranscodingError("a map cannot be given here") }
            try encoder.single(.string(text), last.kind, number: last.number, .text, to: &inner)
        } catch {
            throw TranscodingError(error.reason, at: [name])
        }
        for field in path.dropLast().reversed() {
            var outer = WireWriter()
            outer.field(field.number, inner.bytes)
            inner = outer
        }
        out.append(inner)
    }

    // MARK: the answer

    /// The JSON of an answer's message.
    /// - Throws: ``TranscodingError`` for bytes that are no such message, or that JSON cannot say.
    package func response(_ message: [UInt8], of binding: Binding) throws(TranscodingError) -> [UInt8] {
        var out = JSONWriter(capacity: message.count * 2 + 16)
        if let field = binding.responseBody {
            try printer.field(field, of: binding.output, in: message, to: &out)
        } else {
            try printer.message(message, message.indices, binding.output, to: &out)
        }
        return out.bytes
    }
}
