import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A client for the JSON form of etcd's v3 API, served at `/v3` since etcd 3.4. Bytes are base64, 64-bit integers are
/// strings, and zero values are omitted.
final class EtcdClient: Sendable {
    private let registry: EtcdRegistry
    private let http: RegistryHTTP
    private let state = Mutex<(member: Int, token: String?)>((0, nil))

    /// - Throws: when a file of the TLS settings cannot be read.
    convenience init(_ registry: EtcdRegistry) throws { self.init(registry, try RegistryHTTP(registry.tls)) }

    init(_ registry: EtcdRegistry, _ http: RegistryHTTP) {
        self.registry = registry
        self.http = http
    }

    /// - Throws: ``RegistryError`` when no member responds, or one returns an error.
    func call(_ method: String, _ body: JSONValue) async throws -> JSONValue {
        try await withMember { url, headers in
            let answer = try await self.http.send(.POST, url + method, headers: headers, body: body)
            guard answer.status == 200 else {
                throw RegistryError(
                    "\(method): \(answer.json["error"]?.stringValue ?? "status \(answer.status)")",
                    status: answer.status)
            }
            return answer.json
        }
    }

    /// Calls a streaming method and passes each message to `receive`, until `receive` returns false.
    func stream(
        _ method: String, headers: [(String, String)] = [], _ body: JSONValue, _ receive: (JSONValue) throws -> Bool
    ) async throws {
        let response = try await withMember { url, own in
            try await self.http.stream(url + method, headers: own + headers, body: body)
        }
        var lines = JSONLines()
        for try await buffer in response {
            for message in try lines.append(buffer.readableBytesView) {
                guard try receive(message) else { return }
            }
        }
    }

    /// Tries the members in turn, starting with the last that responded. Signs in again when the token has expired.
    private func withMember<Value: Sendable>(
        _ operation: @Sendable (_ url: String, _ headers: [(String, String)]) async throws -> Value
    ) async throws -> Value {
        var failure: any Error = RegistryError("no etcd member is configured")
        var mayRenew = true
        var tries = registry.hosts.count
        while tries > 0 {
            let (member, token) = state.withLock { ($0.member % max(1, registry.hosts.count), $0.token) }
            do {
                var headers: [(String, String)] = []
                var token = token
                if token == nil { token = try await signIn(member) }
                if let token { headers.append(("Authorization", token)) }
                return try await operation(registry.hosts[member], headers)
            } catch let error as RegistryError where Self.isRefused(error) && mayRenew && token != nil {
                state.withLock { $0.token = nil }
                mayRenew = false
            } catch let error as RegistryError where error.status.map({ $0 < 500 }) ?? false {
                throw error
            } catch {
                try Task.checkCancellation()
                failure = error
                tries -= 1
                state.withLock { if $0.member == member { $0.member = (member + 1) % registry.hosts.count } }
            }
        }
        throw failure
    }

    /// Whether the token is no longer valid: it has expired, etcd was restarted, or a user or role has changed since,
    /// which etcd reports with status 400 for signed tokens.
    static func isRefused(_ error: RegistryError) -> Bool {
        error.status == 401
            || ["invalid auth token", "revision of auth store is old", "user name is empty"]
                .contains { error.description.contains($0) }
    }

    /// - Returns: nil when no user is configured.
    private func signIn(_ member: Int) async throws -> String? {
        guard let user = registry.user else { return nil }
        let answer = try await http.send(
            .POST, registry.hosts[member] + "/v3/auth/authenticate",
            body: ["name": .string(user), "password": .string(registry.password)])
        guard let token = answer.json["token"]?.stringValue else {
            throw RegistryError(
                "etcd sign-in of '\(user)' failed: \(answer.json["error"]?.stringValue ?? "status \(answer.status)")",
                status: answer.status)
        }
        state.withLock { $0.token = token }
        return token
    }
}

extension JSONValue {
    /// The bytes of a text in etcd's JSON form.
    static func base64(_ text: String) -> JSONValue { .string(Data(text.utf8).base64EncodedString()) }

    /// The text decoded from base64.
    var base64Text: String? {
        stringValue.flatMap { Data(base64Encoded: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    /// A 64-bit integer, which Protobuf's JSON writes as a string.
    var int64: Int64? { stringValue.flatMap(Int64.init) ?? intValue.map(Int64.init) }
}
