import Catalog
import MartletCore
import MartletData
import MartletMessaging
import MartletTesting
import Testing
import Wishlists

/// The example of the guide on events and jobs works as described.
@Suite struct WishlistsTests {
    @Test(arguments: TestStore.allCases)
    func whoWaitsForAProductIsToldWhenItIsBack(store: TestStore) async throws {
        try await RunningService.run(WishlistsService.self, on: store, beside: [CatalogService.self]) { service in
            let ann = try await service.issuer.token(user: 7)
            let seller = try await service.issuer.token(
                permissions: ["catalog.add_product", "catalog.change_product", "wishlists.view_job"])
            let made = try await service.send(
                "POST", "/api/products", #"{"name":"Jasmine tea","price":"12.50","stock":0}"#, token: seller)
            #expect(made.status == 201)
            for _ in 1...2 {
                #expect(try await service.send("POST", "/api/wishes", #"{"product_id":1}"#, token: ann).status == 204)
            }
            #expect(try await service.database.count("SELECT count(*) FROM outbox") == 1)

            func notices() async throws -> JSONValue {
                let path = "/api/jobs/wishlists/finished?kind=send_notice"
                return try await service.send("GET", path, token: seller).json["total"] ?? .null
            }
            #expect(try await notices() == 0)
            let changed = try await service.send("PATCH", "/api/products/1", #"{"stock":5}"#, token: seller)
            #expect(changed.status == 200)
            try await eventually("a notice") { try await notices() == 1 }
            #expect(try await service.database.count("SELECT count(*) FROM wishes WHERE told_at IS NOT NULL") == 1)

            // It was there already: nobody waits.
            _ = try await service.send("PATCH", "/api/products/1", #"{"stock":6}"#, token: seller)
            try await eventually("the event") {
                let path = "/api/jobs/wishlists/finished?kind=catalog.stock_changed"
                return try await service.send("GET", path, token: seller).json["total"] == 2
            }
            #expect(try await notices() == 1)
        }
    }

    @Test func argumentsOfAnEarlierVersionAreConverted() throws {
        let old = try Payload.decode(SendDigest.self, from: #"{"user_id":7}"#, version: 1)
        #expect(old.userID == 7 && old.language == "en")
        let new = try Payload.decode(SendDigest.self, from: #"{"user_id":7,"language":"de"}"#, version: 2)
        #expect(new.language == "de")
    }
}

struct SendDigest: Job {
    static let version = 2

    let userID: Int64
    let language: String

    static func upgrade(_ arguments: JSONValue, from version: Int) throws -> JSONValue {
        // Version 1 knew English only.
        guard case .object(let members) = arguments else { return arguments }
        return .object(members + [("language", "en")])
    }
}
