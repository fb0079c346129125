import MartletCore
import SwiftProtobuf

/// Transcodes JSON requests to gRPC request messages, and gRPC response messages to JSON.
///
/// The schema comes from a `FileDescriptorSet`, as written by `protoc --include_imports --descriptor_set_out`, with
/// `google.api.http` options on the methods. Performs no I/O and has no mutable state.
package struct Transcoder: Sendable {
    package struct Options: Sendable, Equatable {
        /// Rejects unknown members of a request instead of ignoring them.
        package var rejectsUnknownFields = false
        /// Includes fields that have their default value in responses.
        package var writesDefaults = false
        /// Uses the field names of the `.proto` file instead of camel case.
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
    ///   - services: the full names, such as `library.v1.Library`.
    /// - Throws: ``DescriptorError``.
    package init(
        descriptors: [UInt8], services: [String], options: Options = Options()
    ) throws(DescriptorError) {
        let set: Google_Protobuf_FileDescriptorSet
        do { set = try Google_Protobuf_FileDescriptorSet(serializedBytes: descriptors) } catch {
            throw DescriptorError("the bytes are not a valid FileDescriptorSet")
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

    /// The number of HTTP bindings.
    package var bindingCount: Int { bindings.count }

    package enum Match {
        case found(BoundRequest)
        /// The path matches, but only with these methods.
        case otherMethods([String])
        case none
    }

    /// - Parameter path: a normalized path.
    package func match(method: String, path: some Collection<UInt8>) -> Match {
        switch table.match(method: method, path: path) {
        case .binding(let index, let segments): .found(BoundRequest(binding: bindings[index], segments: segments))
        case .otherMethods(let methods): .otherMethods(methods)
        case .none: .none
        }
    }

    // MARK: the request

    /// Builds the request message.
    ///
    /// A field may be set by the query, the body and the path. On conflict the body overrides the query, and the path
    /// overrides both, since routes and policies have checked the path.
    /// - Parameter query: without its question mark.
    /// - Throws: ``TranscodingError`` with a location that starts with `path`, `query` or `body`.
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
            if case .null = json, field.shape != .single || !schema.acceptsNull(field) { return }
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
            else { throw TranscodingError("is not a known field", at: [name]) }
            try write(value, to: path[...], named: name, &out)
        }
    }

    /// Sets a possibly nested field. Decoders merge the parts of a message.
    private func write(
        _ text: String, to path: ArraySlice<MessageSchema.Field>, named name: String, _ out: inout WireWriter
    ) throws(TranscodingError) {
        guard let last = path.last else { return }
        var inner = WireWriter()
        do throws(TranscodingError) {
            if case .map = last.shape { throw TranscodingError("must not be a map") }
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

    // MARK: the response

    /// Prints a response message as JSON.
    /// - Throws: ``TranscodingError`` for an invalid message, or one that JSON cannot represent.
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
