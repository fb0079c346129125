import Logging
import MartletWeb
import ServiceLifecycle

/// Deletes expired sessions once an hour.
struct SessionJanitor: BackgroundTask {
    let sessions: SessionStore
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .seconds(3600))) != nil {
                do {
                    try await sessions.forgetExpired()
                } catch {
                    logger.warning("cannot delete expired sessions", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
