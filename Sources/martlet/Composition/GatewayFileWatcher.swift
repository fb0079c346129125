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
        var certificates = certificatePaths()
        var known = [initial] + contents(certificates).dropFirst()
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = contents(certificates)
            guard now != known else { continue }
            await reload()
            let named = certificatePaths()
            // What changes meanwhile is seen the next time.
            known = named == certificates ? now : contents(named)
            certificates = named
        }
    }

    /// The files that the file names.
    private func certificatePaths() -> [String] {
        let certificates = (try? Self.read(path, over: base))?.tls?.certificates ?? []
        return certificates.flatMap { [$0.chainPath, $0.keyPath] }
    }

    private func contents(_ certificates: [String]) -> [Data?] {
        ([path] + certificates).map { FileManager.default.contents(atPath: $0) }
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
