public import Logging
import MartletCore
import Synchronization

/// Keeps servers registered in etcd for as long as their process lives.
///
/// The keys hang on a lease that is renewed three times in its life. When the process dies the lease runs out, and etcd
/// removes the keys; when etcd has lost the lease, everything is registered anew.
public final class EtcdRegistration: Sendable {
    private let client: EtcdClient
    private let keys: [String]
    private let url: String
    private let lifetime: Duration
    private let logger: Logger
    private struct Lease {
        let id: String
        /// Whether all keys hang on it.
        var isComplete: Bool
    }

    /// Nil when nothing is registered as far as is known.
    private let lease = Mutex<Lease?>(nil)

    /// - Parameters:
    ///   - services: all of them are at this one address.
    ///   - url: where others reach them, `http://host:port`.
    ///   - lifetime: how long after the process has died its keys are still there: whole seconds.
    /// - Throws: when a file of the registry's TLS settings cannot be read.
    public init(
        _ registry: EtcdRegistry, services: [String], url: String, lifetime: Duration = .seconds(10), logger: Logger
    ) throws {
        client = try EtcdClient(registry)
        // By the address, so that who comes back takes the place it had.
        let name = url.split(separator: "/").last.map(String.init) ?? url
        keys = services.map { EtcdSource.prefix(of: $0) + name }
        self.url = url
        self.lifetime = lifetime
        self.logger = logger
    }

    /// Registers, and again whenever it must be, until the task is cancelled. What is registered stays until
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

    /// Takes the keys away, so that nobody new comes.
    public func leave() async {
        guard let id = lease.withLock({ $0?.id }) else { return }
        do {
            _ = try await client.call("/v3/lease/revoke", ["ID": .string(id)])
            lease.withLock { $0 = nil }
            logger.info("left the registry")
        } catch {
            logger.warning("cannot leave the registry; the keys run out by themselves", metadata: ["error": "\(error)"])
        }
    }

    private func register() async throws {
        let grant = try await client.call("/v3/lease/grant", ["TTL": .string(String(lifetime.components.seconds))])
        guard let id = grant["ID"]?.stringValue else { throw RegistryError("etcd grants no lease") }
        // Known from the start, so that whoever leaves meanwhile takes with it what it has put.
        lease.withLock { $0 = Lease(id: id, isComplete: false) }
        for key in keys {
            _ = try await client.call(
                "/v3/kv/put",
                ["key": .base64(key), "value": .base64(url), "lease": .string(id)])
        }
        lease.withLock { $0?.isComplete = true }
        logger.info("registered", metadata: ["keys": "\(keys.joined(separator: " "))", "url": "\(url)"])
    }

    /// - Returns: false when there is no lease, or etcd does not know it any more.
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
