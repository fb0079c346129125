public import Logging
import MartletCore
import Synchronization

/// Keeps servers registered in etcd while their process runs.
///
/// The keys are attached to a lease, which is renewed every third of its lifetime. If the process dies, the lease
/// expires and etcd removes the keys. If etcd loses the lease, the servers are registered again.
public final class EtcdRegistration: Sendable {
    private let client: EtcdClient
    private let keys: [String]
    private let url: String
    private let lifetime: Duration
    private let logger: Logger
    private struct Lease {
        let id: String
        /// Whether all keys are attached to the lease.
        var isComplete: Bool
    }

    /// The current lease; nil when nothing is known to be registered.
    private let lease = Mutex<Lease?>(nil)

    /// - Parameters:
    ///   - services: the names of the services at this address.
    ///   - url: the URL under which others reach them, `http://host:port`.
    ///   - lifetime: how long the keys remain after the process dies, in whole seconds. Default: 10 seconds.
    /// - Throws: when a file of the registry's TLS settings cannot be read.
    public init(
        _ registry: EtcdRegistry, services: [String], url: String, lifetime: Duration = .seconds(10), logger: Logger
    ) throws {
        client = try EtcdClient(registry)
        // Name the key by the address, so that a restarted process replaces its old key.
        let name = url.split(separator: "/").last.map(String.init) ?? url
        keys = services.map { EtcdSource.prefix(of: $0) + name }
        self.url = url
        self.lifetime = lifetime
        self.logger = logger
    }

    /// Registers the servers, again whenever necessary, until the task is cancelled. The registration remains until
    /// ``leave()``.
    public func keep() async {
        var backoff = Backoff(initial: .milliseconds(250), maximum: .seconds(5))
        var hasFailed = false
        while !Task.isCancelled {
            do {
                if try await renew() == false { try await register() }
                if hasFailed { logger.notice("the registry answers again") }
                hasFailed = false
                backoff.reset()
                try await Task.sleep(for: lifetime / 3)
            } catch {
                if Task.isCancelled { return }
                if !hasFailed {
                    logger.warning(
                        "the registry does not answer; others may not find this process",
                        metadata: ["error": "\(error)"])
                }
                hasFailed = true
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    /// Removes the keys, so that no new clients arrive.
    public func leave() async {
        guard let id = lease.withLock({ $0?.id }) else { return }
        do {
            _ = try await client.call("/v3/lease/revoke", ["ID": .string(id)])
            lease.withLock { $0 = nil }
            logger.info("removed from the registry")
        } catch {
            logger.warning("cannot remove the registration; it will expire", metadata: ["error": "\(error)"])
        }
    }

    private func register() async throws {
        let grant = try await client.call("/v3/lease/grant", ["TTL": .string(String(lifetime.components.seconds))])
        guard let id = grant["ID"]?.stringValue else { throw RegistryError("etcd did not grant a lease") }
        // Record the lease first, so that `leave()` also removes keys that are being added.
        lease.withLock { $0 = Lease(id: id, isComplete: false) }
        for key in keys {
            _ = try await client.call(
                "/v3/kv/put",
                ["key": .base64(key), "value": .base64(url), "lease": .string(id)])
        }
        lease.withLock { $0?.isComplete = true }
        logger.info("registered", metadata: ["keys": "\(keys.joined(separator: " "))", "url": "\(url)"])
    }

    /// - Returns: false when there is no lease or etcd has lost it.
    private func renew() async throws -> Bool {
        guard let id = lease.withLock({ $0?.isComplete == true ? $0?.id : nil }) else { return false }
        let answer = try await client.call("/v3/lease/keepalive", ["ID": .string(id)])
        guard answer["result"]?["TTL"]?.int64 ?? 0 > 0 else {
            lease.withLock { $0 = nil }
            return false
        }
        return true
    }
}
