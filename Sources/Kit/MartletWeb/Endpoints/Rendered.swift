public import MartletCache
public import MartletCore

/// An output whose JSON has been written already, so that it can be kept in a cache and sent again without cost.
///
/// It does not keep header fields, except the `ETag`.
public struct Rendered<Body: Output>: Output {
    private let body: [UInt8]
    private let entityTag: String?

    /// - Throws: the errors of ``Output/responseParts()``.
    public init(_ output: Body) throws {
        let parts = try output.responseParts()
        body = parts.body ?? []
        entityTag = parts.entityTag
    }

    public static var status: Int { Body.status }
    public static var schema: Schema? { Body.schema }
    public static var headerNames: [String] { Body.headerNames }

    public func responseParts() -> ResponseParts {
        ResponseParts(status: Self.status, body: Self.schema == nil ? nil : body, entityTag: entityTag)
    }
}

extension Rendered: CacheValue {
    /// The length of the tag in one byte, the tag, the body.
    public func cacheBytes() throws -> [UInt8] {
        let tag = Array((entityTag ?? "").utf8)
        guard let length = UInt8(exactly: tag.count) else { throw InvalidCacheBytes() }
        return [length] + tag + body
    }

    public init(cacheBytes: [UInt8]) throws {
        guard let length = cacheBytes.first, cacheBytes.count > Int(length),
            let tag = String(validating: cacheBytes[1..<(1 + Int(length))], as: UTF8.self)
        else { throw InvalidCacheBytes() }
        entityTag = tag.isEmpty ? nil : tag
        body = Array(cacheBytes.dropFirst(1 + Int(length)))
    }

    public var cacheCost: Int { body.count + (entityTag?.utf8.count ?? 0) }
}
