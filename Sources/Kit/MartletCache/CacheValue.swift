#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A value that a ``Cache`` can keep, also in Redis. A `Codable` type conforms without further code.
///
/// To cache that there is nothing, use an optional: `Cache<Product?>`.
public protocol CacheValue: Sendable {
    /// The value as bytes, for Redis.
    func cacheBytes() throws -> [UInt8]
    /// - Throws: any error when the bytes are not those of a value. It is then computed.
    init(cacheBytes: [UInt8]) throws
    /// The approximate size of the value in memory, in bytes. Default: the length of ``cacheBytes()``.
    var cacheCost: Int { get }
}

extension CacheValue {
    public var cacheCost: Int { (try? cacheBytes().count) ?? .max }
}

extension CacheValue where Self: Codable {
    public func cacheBytes() throws -> [UInt8] { Array(try JSONEncoder().encode(self)) }

    public init(cacheBytes: [UInt8]) throws { self = try JSONDecoder().decode(Self.self, from: Data(cacheBytes)) }
}

/// The bytes do not belong to a value of this type.
public struct InvalidCacheBytes: Error {
    public init() {}
}

extension Optional: CacheValue where Wrapped: CacheValue {
    public func cacheBytes() throws -> [UInt8] { try map { [1] + (try $0.cacheBytes()) } ?? [0] }

    public init(cacheBytes: [UInt8]) throws {
        switch cacheBytes.first {
        case 0 where cacheBytes.count == 1: self = nil
        case 1: self = try Wrapped(cacheBytes: Array(cacheBytes.dropFirst()))
        default: throw InvalidCacheBytes()
        }
    }

    public var cacheCost: Int { map(\.cacheCost) ?? 1 }
}
