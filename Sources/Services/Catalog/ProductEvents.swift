import Contracts
import MartletCore
import MartletData
import MartletMessaging

// What the store tells other services about its products, in the transaction of the change.
extension ProductStore {
    private static let fields = Product.fieldNames.filter {
        !["id", "in_stock", "created_at", "updated_at"].contains($0)
    }

    func emitAdded(_ products: [Product], on connection: any Connection) async throws {
        try await messages.emit(all: products.map { ProductChanged($0, changed: Self.fields) }, on: connection)
        let stocked = products.filter { $0.stock > 0 }
        try await messages.emit(all: stocked.map { StockChanged($0, from: 0) }, on: connection)
    }

    func emitChanged(_ changes: [(before: Product, after: Product)], on connection: any Connection) async throws {
        let changed = try changes.compactMap { before, after -> ProductChanged? in
            let names = try ColumnValues(of: after).names(differingFrom: ColumnValues(of: before))
            let fields = names.filter { Self.fields.contains($0) && $0 != "stock" }
            return fields.isEmpty ? nil : ProductChanged(after, changed: fields)
        }
        try await emit(changed, on: connection)
        try await emit(
            changes.filter { $0.before.stock != $0.after.stock }.map { StockChanged($0.after, from: $0.before.stock) },
            on: connection)
    }

    private func emit<E: Event>(_ events: [E], on connection: any Connection) async throws {
        // Most changes are of one product, and one event takes fewer statements by itself.
        guard events.count == 1, let event = events.first else {
            return try await messages.emit(all: events, on: connection)
        }
        try await messages.emit(event, on: connection)
    }
}

extension ProductChanged {
    fileprivate init(_ product: Product, changed: [String]) {
        self.init(
            productID: product.id.rawValue, changed: changed, name: product.name, sku: product.sku,
            price: product.price, currency: product.currency, category: product.category, updatedAt: product.updatedAt)
    }
}

extension StockChanged {
    init(_ product: Product, from stock: Int) {
        self.init(
            productID: product.id.rawValue, stock: Int64(product.stock), change: Int64(product.stock - stock),
            updatedAt: product.updatedAt)
    }
}
