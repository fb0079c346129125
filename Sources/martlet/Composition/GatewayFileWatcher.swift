#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Gateway
import Logging
import ServiceLifecycle
import UnixSignals

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads the gateway's file again when it changes and on SIGHUP. A file that is wrong changes nothing but the log.
struct GatewayFileWatcher: ServiceLifecycle.Service {
    let path: String
    /// What the file's upstreams and routes are added to.
    let base: GatewayConfiguration
    let gateway: Gateway
    /// What was in the file when it was read at the start: what has changed since is seen.
    let initial: Data?
    /// The files that it named then.
    let named: [String]
    let logger: Logger

    /// - Throws: ``UsageError`` that names everything that is wrong with the file.
    static func read(_ path: String, over base: GatewayConfiguration) throws(UsageError) -> GatewayConfiguration {
        var configuration = base
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try GatewayFile.read(text, name: path, into: &configuration)
            try GatewayFile.check(configuration, name: path)
        } catch let error as GatewayFileError {
            throw UsageError(error.lines)
        } catch {
            throw UsageError("\(path): cannot be read")
        }
        return configuration
    }

    /// Until ``run()`` listens to it, SIGHUP would end the process.
    static func ignoreSignal() { signal(SIGHUP, SIG_IGN) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) { await reload() }
                }
                group.addTask { await watch() }
                await group.waitForAll()
            }
        }
    }

    /// Asks once a second: editors and Kubernetes replace files, which watches of a file's inode miss.
    private func watch() async {
        var named = self.named
        var known = [initial] + contents(named).dropFirst()
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = contents(named)
            guard now != known else { continue }
            await reload()
            // Where one of them is broken, the same are watched until it is whole again.
            let next = (try? Self.read(path, over: base)).map(Self.named(in:)) ?? named
            // What changes meanwhile is seen the next time.
            known = next == named ? now : contents(next)
            named = next
        }
    }

    /// The files that a gateway's file names.
    static func named(in configuration: GatewayConfiguration) -> [String] {
        let certificates = configuration.tls?.certificates ?? []
        let descriptors = configuration.routes.compactMap { route -> String? in
            if case .grpc(let grpc) = route.action { grpc.descriptors } else { nil }
        }
        return certificates.flatMap { [$0.chainPath, $0.keyPath] } + Set(descriptors).sorted()
    }

    private func contents(_ named: [String]) -> [Data?] {
        ([path] + named).map { FileManager.default.contents(atPath: $0) }
    }

    private func reload() async {
        do {
            try await gateway.reload(Self.read(path, over: base))
            logger.info("the gateway's file has been read again", metadata: ["path": "\(path)"])
        } catch let error as UsageError {
            for line in error.lines { logger.error("the gateway's file is wrong", metadata: ["error": "\(line)"]) }
        } catch {
            logger.error("the gateway's file is wrong", metadata: ["error": "\(error)"])
        }
    }
}
