import Accounts
import Catalog
import MartletPlatform
import Reviews

@main enum Program {
    static func main() async {
        await Martlet.main("shop", services: [AccountsService.self, CatalogService.self, ReviewsService.self])
    }
}
