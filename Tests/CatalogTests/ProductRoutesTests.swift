import Catalog
import MartletCore
import MartletTesting
import Testing

@Suite struct ProductRoutesTests {
    @Test(arguments: TestStore.allCases)
    func repeatedRequestsAddAProductOnce(store: TestStore) async throws {
        try await RunningService.run(CatalogService.self, on: store) { service in
            let token = try await service.issuer.token(permissions: ["catalog.add_product"])
            func add(_ name: String) async throws -> RunningService.Response {
                try await service.send(
                    "POST", "/api/products", #"{"name":"\#(name)","price":"12.50"}"#, token: token,
                    headers: ["idempotency-key": "form-1"])
            }
            let first = try await add("Oolong")
            let again = try await add("Oolong")
            #expect(first.status == 201 && again.status == 201 && again.body == first.body)
            #expect(try await add("Sencha").json["code"] == "idempotency_key_reused")
            #expect(try await service.send("GET", "/api/products").json["total"] == 1)
        }
    }
}
