import MartletCache
import MartletCore
import MartletData
import MartletTelemetry
import MartletTesting
import MartletWeb
import Testing

@testable import Catalog

/// Reads of products with the cache on. Its clock stands still unless a test moves it.
@Suite struct ProductCacheTests {
    /// A catalog with a cache, and what another process could do with its database.
    private struct Fixture: Sendable {
        let service: RunningService
        let clock: TestClock
        let metrics: MetricsRegistry
        let token: String
        /// Writes like `martlet import products`, without telling the service.
        let others: ProductStore

        func get(_ path: String, _ headers: [String: String] = [:]) async throws -> RunningService.Response {
            try await service.send("GET", path, headers: headers)
        }

        func write(
            _ method: String, _ path: String, _ body: String? = nil, _ headers: [String: String] = [:]
        ) async throws -> RunningService.Response {
            try await service.send(method, path, body, token: token, headers: headers)
        }

        func change(_ id: Int64, name: String) async throws {
            let input = try Fixture.input(#"{"name":"\#(name)","price":1}"#)
            _ = try await others.update(ID(id), if: .none) { _ in input }
        }

        static func input(_ json: String) throws -> ProductInput {
            try InputDecoder.decode(ProductInput.self, from: [.init(body: JSONValue(parsing: json.utf8))])
        }

        func metric(_ name: String, _ cache: String, _ result: String? = nil) -> Int? {
            let labels =
                "service=\"catalog\",cache=\"\(cache)\"" + (result.map { ",result=\"\($0)\"" } ?? "") + "}"
            return metrics.exposition().split(separator: "\n").first { $0.hasPrefix("cache_\(name){\(labels)") }?
                .split(separator: " ").last.flatMap { Int($0) }
        }
    }

    /// - Parameter age: nil turns the cache off.
    private func withCatalog(
        _ store: TestStore, age: Duration? = .seconds(10), hearsEvents: Bool = false,
        _ body: @Sendable (Fixture) async throws -> Void
    ) async throws {
        var settings = CatalogSettings()
        settings.cacheAge = age
        let clock = TestClock()
        let metrics = MetricsRegistry()
        let caches = Caches(service: "catalog", metrics: metrics, clock: clock.monotonicClock)
        try await RunningService.run(
            CatalogService.self, on: store, settings: settings, clock: clock.wallClock, caches: caches,
            runsMessages: hearsEvents
        ) { service in
            let fixture = Fixture(
                service: service, clock: clock, metrics: metrics,
                token: try await service.issuer.token(isSuperuser: true),
                others: ProductStore(database: service.database, clock: clock.wallClock))
            for number in 1...30 {
                let body = #"{"name":"Tea \#(number)","price":\#(number),"sku":"T-\#(number)","stock":\#(number % 3)}"#
                #expect(try await fixture.write("POST", "/api/products", body).status == 201)
            }
            try await body(fixture)
        }
    }

    private func name(_ answer: RunningService.Response) -> String? { answer.json["name"]?.stringValue }

    private func names(_ answer: RunningService.Response) -> [String] {
        (answer.json["items"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
    }

    @Test(arguments: TestStore.allCases)
    func cachedResponsesAreThoseOfTheDatabase(store: TestStore) async throws {
        let tag = Shared("")
        /// The responses without what differs in every request.
        let answers: @Sendable (Fixture) async throws -> [String] = { fixture in
            let first = try await fixture.get("/api/products/7")
            tag.set(try #require(first.headers["etag"]))
            var texts: [String] = []
            for (method, path, headers) in [
                ("GET", "/api/products/7", [:]), ("HEAD", "/api/products/7", [:]),
                ("GET", "/api/products/7", ["if-none-match": tag.value]),
                ("HEAD", "/api/products/7", ["if-none-match": "*"]),
                ("GET", "/api/products/7", ["if-none-match": "\"other\""]), ("GET", "/api/products/99", [:]),
                ("GET", "/api/products", [:]), ("HEAD", "/api/products?limit=3", [:]),
                ("GET", "/api/products?limit=5&skip=2&ordering=-price&search=tea", [:]),
                ("GET", "/api/products/in_stock?price__gte=4", [:]), ("GET", "/api/products?skip=1000", [:]),
                ("GET", "/api/products?nonsense=1", [:]),
            ] as [(String, String, [String: String])] {
                for _ in 0..<2 {
                    let answer = try await fixture.service.send(method, path, headers: headers)
                    let fields = answer.headers.filter { !["date", "x-request-id"].contains($0.key) }
                        .sorted { $0.key < $1.key }
                    // A problem contains the id of its request.
                    let body =
                        answer.status < 400
                        ? String(decoding: answer.body, as: UTF8.self) : answer.json["code"]?.stringValue ?? ""
                    texts.append("\(method) \(path) \(answer.status) \(fields) \(body)")
                }
            }
            return texts
        }
        let plain = Shared<[String]>([])
        try await withCatalog(store, age: nil) { fixture in
            plain.set(try await answers(fixture))
            #expect(fixture.metric("requests_total", "products", "hit") == nil)
        }
        try await withCatalog(store) { fixture in
            let cached = try await answers(fixture)
            #expect(cached.count == plain.value.count)
            for (one, other) in zip(cached, plain.value) { #expect(one == other) }
            #expect((fixture.metric("requests_total", "products", "hit") ?? 0) >= 8)
            #expect((fixture.metric("requests_total", "product_lists", "hit") ?? 0) >= 5)
        }
    }

    @Test(arguments: TestStore.allCases)
    func notModifiedRepeatsTheCacheControl(store: TestStore) async throws {
        try await withCatalog(store) { fixture in
            let answer = try await fixture.get("/api/products/7")
            #expect(answer.headers["cache-control"] == "no-cache")
            let tag = try #require(answer.headers["etag"])
            let again = try await fixture.get("/api/products/7", ["if-none-match": tag])
            #expect(again.status == 304 && again.body.isEmpty)
            #expect(again.headers["cache-control"] == "no-cache" && again.headers["etag"] == tag)
            #expect(try await fixture.get("/api/products").headers["cache-control"] == "no-cache")
            #expect(try await fixture.get("/api/products/in_stock").headers["cache-control"] == "no-cache")
        }
    }

    @Test(arguments: TestStore.allCases)
    func clientReadsItsOwnWrites(store: TestStore) async throws {
        try await withCatalog(store) { fixture in
            let path = "/api/products/7"
            let list = "/api/products?ordering=-id&limit=1"
            /// Reads everything once, so that all of it is cached.
            func fill() async throws {
                for path in [path, list, "/api/products", "/api/products/in_stock"] { _ = try await fixture.get(path) }
            }
            try await fill()
            #expect(try await fixture.write("PATCH", path, #"{"name":"One"}"#).status == 200)
            #expect(name(try await fixture.get(path)) == "One")
            #expect(names(try await fixture.get("/api/products")).contains("One"))
            try await fill()
            let replaced = try await fixture.write("PUT", path, #"{"name":"Two","price":2,"stock":5}"#)
            let read = try await fixture.get(path)
            #expect(name(read) == "Two" && read.headers["etag"] == replaced.headers["etag"])
            try await fill()
            #expect(try await fixture.write("POST", path + "/reduce_stock", #"{"quantity":5}"#).status == 200)
            #expect(try await fixture.get(path).json["stock"] == .number("0"))
            #expect(!names(try await fixture.get("/api/products/in_stock")).contains("Two"))
            try await fill()
            #expect(try await fixture.write("POST", "/api/products", #"{"name":"New","price":1}"#).status == 201)
            #expect(names(try await fixture.get(list)) == ["New"])
            try await fill()
            #expect(try await fixture.write("DELETE", path).status == 204)
            #expect(try await fixture.get(path).status == 404)
            #expect(!names(try await fixture.get("/api/products")).contains("Two"))
        }
    }

    @Test(arguments: TestStore.allCases)
    func changesOfOtherProcessesAreSeenAfterTheAge(store: TestStore) async throws {
        try await withCatalog(store) { fixture in
            let list = "/api/products?limit=1&name=Other"
            #expect(name(try await fixture.get("/api/products/7")) == "Tea 7")
            #expect(names(try await fixture.get(list)).isEmpty)
            try await fixture.change(7, name: "Other")
            #expect(name(try await fixture.get("/api/products/7")) == "Tea 7")
            #expect(names(try await fixture.get(list)).isEmpty)
            fixture.clock.advance(bySeconds: 9)
            #expect(name(try await fixture.get("/api/products/7")) == "Tea 7")
            fixture.clock.advance(bySeconds: 1)
            #expect(name(try await fixture.get("/api/products/7")) == "Other")
            #expect(names(try await fixture.get(list)) == ["Other"])
        }
    }

    @Test(arguments: TestStore.allCases)
    func changesOfOtherProcessesAreSeenAtOnceWithTheirEvents(store: TestStore) async throws {
        try await withCatalog(store, hearsEvents: true) { fixture in
            let list = "/api/products?limit=1&name=Other"
            #expect(name(try await fixture.get("/api/products/7")) == "Tea 7")
            try await fixture.change(7, name: "Other")
            try await eventually("the event") {
                let (product, page) = (try await fixture.get("/api/products/7"), try await fixture.get(list))
                return name(product) == "Other" && names(page) == ["Other"]
            }
        }
    }

    /// A cached response never decides about a write.
    @Test(arguments: TestStore.allCases)
    func writesDoNotReadTheCache(store: TestStore) async throws {
        try await withCatalog(store) { fixture in
            let old = try #require(try await fixture.get("/api/products/7").headers["etag"])
            try await fixture.change(7, name: "Other")
            #expect(try await fixture.get("/api/products/7").headers["etag"] == old)
            let late = try await fixture.write("PATCH", "/api/products/7", #"{"price":5}"#, ["if-match": old])
            #expect(late.status == 412)
            let changed = try await fixture.write("PATCH", "/api/products/7", #"{"price":5}"#)
            #expect(name(changed) == "Other")
        }
    }

    @Test func endlessDifferentRequestsEvictNoProducts() async throws {
        try await withCatalog(.sqlite) { fixture in
            #expect(name(try await fixture.get("/api/products/7")) == "Tea 7")
            for number in 0..<600 {
                _ = try await fixture.get("/api/products?limit=1&skip=\(number)")
                #expect(try await fixture.get("/api/products/\(1000 + number)").status == 404)
            }
            #expect(fixture.metric("entries", "product_lists") == 500)
            #expect(fixture.metric("evictions_total", "product_lists") == 100)
            #expect(fixture.metric("entries", "products") == 1)
            _ = try await fixture.get("/api/products/7")
            #expect(fixture.metric("requests_total", "products", "hit") == 1)
            // A query that is too long for a key is answered all the same.
            let words = (0..<10).map { "\($0)" + String(repeating: "%C3%A4", count: 18) }.joined(separator: "+")
            let categories = (0..<40).map { "%E4%B9%8C\($0)" }.joined(separator: ",")
            let long = "/api/products?search=\(words)&category__in=\(categories)&name__in=\(categories)"
            #expect(try await fixture.get(long).status == 200)
        }
    }

    @Test func queriesWithTheSameResultShareAnEntry() async throws {
        try await withCatalog(.sqlite) { fixture in
            for query in [
                "limit=10&skip=10&search=tea+1&category__in=a,b", "category__in=b,a&page=2&page_size=10&search=1++tea",
                "search=1+tea&skip=10&limit=10&category__in=a,b,a",
            ] {
                #expect(try await fixture.get("/api/products?\(query)").status == 200)
            }
            #expect(fixture.metric("requests_total", "product_lists", "hit") == 2)
            for query in ["search=tea", "name=tea", "sku=tea", "name__in=tea", "", "ordering=name", "ordering=-name"] {
                _ = try await fixture.get("/api/products?\(query)")
                _ = try await fixture.get("/api/products/in_stock?\(query)")
            }
            #expect(fixture.metric("requests_total", "product_lists", "hit") == 2)
        }
    }

    /// What the events do in processes that have not made the change.
    @Test func forgetsAProduct() async throws {
        let cache = ProductCache(
            Caches(service: "catalog", metrics: MetricsRegistry(), clock: TestClock().monotonicClock),
            age: .seconds(10))
        try await TestStore.sqlite.withDatabase(CatalogService.migrations) { database in
            let store = ProductStore(database: database)
            let query = try ListContract<Product>().read([])
            let product = try await store.create(try Fixture.input(#"{"name":"Tea","price":1}"#))
            let input = try Fixture.input(#"{"name":"Coffee","price":1}"#)
            func bodies() async throws -> [String] {
                let one = try await cache.product(product.id) { try await store.find(product.id) }
                let list = try await cache.list(.all, query) { try await store.list(query) }
                return [one.responseParts(), list.responseParts()].map {
                    String(decoding: $0.body ?? [], as: UTF8.self)
                }
            }
            #expect(try await bodies().allSatisfy { $0.contains("Tea") })
            _ = try await store.update(product.id, if: .none) { _ in input }
            #expect(try await bodies().allSatisfy { $0.contains("Tea") })
            cache.forget(product.id)
            #expect(try await bodies().allSatisfy { $0.contains("Coffee") })
        }
    }
}
