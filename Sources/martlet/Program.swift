import Accounts
import Catalog
import CatalogImport
import MartletPlatform
import MartletWeb

@main enum Program {
    /// The services of Martlet. Everything else that lists services derives from this.
    static let services: [any Service.Type] = [AccountsService.self, CatalogService.self]

    static func main() async {
        await Martlet.main(services: services, commands: [Import.self])
    }
}
