import Logging
import MartletCore
import MartletMessaging

/// Tells a user that a product is back.
struct SendNotice: Job {
    let userID: Int64
    let productID: Int64
}

/// Counts all wishes.
struct CountWishes: Job {}

/// Deletes wishes that are older than a year.
struct DeleteOldWishes: Job {}

extension WishlistsService {
    @Sendable func send(_ notice: SendNotice, _ run: JobRun) async throws {
        // The same id in every attempt: the mail server recognizes a letter that it has already sent.
        try await mailer.send("Product \(notice.productID) is back.", to: notice.userID, id: "notice-\(run.job.id)")
        try await run.finish { connection in try await wishes.markTold(notice, on: connection) }
    }

    @Sendable func count(_ job: CountWishes, _ run: JobRun) async throws {
        let count = try await wishes.count()
        run.logger.info("wishes counted", metadata: ["count": "\(count)"])
    }

    @Sendable func deleteOld(_ job: DeleteOldWishes, _ run: JobRun) async throws {
        let yearAgo = wishes.clock.now.advanced(bySeconds: -365 * 86_400)
        var done = try run.cursor(as: Int.self) ?? 0
        while true {
            try run.checkCancelled()
            let next = try await wishes.deleteSome(before: yearAgo, after: done, of: run)
            guard next > done else { return }
            done = next
            run.progress(done)
        }
    }
}
