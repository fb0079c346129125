import MartletPlatform
import MartletServices
import Reviews

@main enum Program {
    static func main() async {
        await Martlet.main("shop", services: MartletServices.all + [ReviewsService.self])
    }
}
