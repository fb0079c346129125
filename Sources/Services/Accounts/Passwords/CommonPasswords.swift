/// The most common parts of passwords, in lower case. Words that the structural rules find anyway (`qwerty`, `abcdef`)
/// are listed because they occur in longer passwords.
enum CommonPasswords {
    static let words: Set<String> = [
        // Ways to say "password" and "let me in".
        "password", "passwort", "passwd", "passcode", "passphrase", "pass", "motdepasse", "contrasena", "senha",
        "parola", "wachtwoord", "secret", "secure", "security", "letmein", "opensesame", "sesame", "login", "logon",
        "signin", "access", "enter", "entry", "unlock", "open", "changeme", "change", "changeit", "temp", "temporary",
        "default", "trustno", "trust", "nobody", "nothing", "whatever", "unknown", "private", "mima", "mypassword",
        "yourpassword",
        // Accounts and machines.
        "admin", "administrator", "root", "superuser", "super", "user", "username", "guest", "test", "testing",
        "tester", "demo", "sample", "example", "system", "server", "service", "database", "oracle", "mysql",
        "postgres", "redis", "computer", "internet", "network", "windows", "linux", "ubuntu", "debian", "apple",
        "google", "microsoft", "facebook", "samsung", "android", "iphone", "django", "martlet", "company", "office",
        "manager", "support", "backup", "cisco", "master", "control", "matrix", "hacker", "account", "accounts",
        "corporate", "business",
        // Greetings and feelings.
        "welcome", "hello", "hi", "goodbye", "iloveyou", "iloveu", "loveyou", "love", "lovely", "lover", "forever",
        "always", "friend", "friends", "family", "happy", "smile", "sweet", "sweetheart", "baby", "babygirl", "honey",
        "angel", "beautiful", "heaven", "peace", "lucky", "freedom", "fuckyou", "fuckoff", "fuck", "shit", "sexy",
        "woaini", "you",
        // People.
        "michael", "michelle", "jennifer", "jessica", "jordan", "daniel", "andrew", "joshua", "thomas", "charlie",
        "robert", "william", "matthew", "anthony", "ashley", "amanda", "nicole", "hannah", "george", "maria",
        "alexander", "alex", "john", "david", "james", "peter", "mark", "anna", "sarah", "laura", "natasha", "nikita",
        // Creatures and heroes.
        "dragon", "monkey", "tiger", "lion", "eagle", "falcon", "phoenix", "butterfly", "dolphin", "panther", "wolf",
        "puppy", "kitty", "mustang", "superman", "batman", "spiderman", "pokemon", "naruto", "starwars", "skywalker",
        "gandalf", "princess", "prince", "king", "queen", "warrior", "ninja", "pirate", "wizard", "ranger", "hunter",
        "killer", "shadow", "ghost", "merlin", "samurai", "legend", "champion",
        // Games and music.
        "football", "baseball", "basketball", "soccer", "hockey", "tennis", "golf", "chelsea", "liverpool", "arsenal",
        "barcelona", "juventus", "yankees", "cowboys", "steelers", "lakers", "minecraft", "fortnite", "blink",
        "metallica", "nirvana", "slipknot", "guitar", "player", "gamer", "games", "game", "music", "rock", "star",
        // Things, colours, food.
        "sunshine", "sunflower", "flower", "rainbow", "diamond", "silver", "golden", "gold", "purple", "orange",
        "yellow", "green", "black", "white", "blue", "red", "banana", "cherry", "chocolate", "cookie", "cookies",
        "coffee", "cheese", "pepper", "ginger", "peanut", "strawberry", "thunder", "lightning", "fire", "water",
        "earth", "moon", "sun", "mercedes", "ferrari", "porsche", "harley", "corvette", "money", "jesus", "christ",
        "god", "power",
        // Times and places.
        "spring", "summer", "autumn", "winter", "fall", "monday", "tuesday", "wednesday", "thursday", "friday",
        "saturday", "sunday", "january", "february", "march", "april", "may", "june", "july", "august", "september",
        "october", "november", "december", "today", "tomorrow", "birthday", "christmas", "america", "canada",
        "england", "london", "paris", "berlin", "newyork", "california", "texas", "china", "beijing", "shanghai",
        "india", "world", "country", "city", "home", "house", "school", "university", "student", "teacher", "work",
        "new", "old", "first",
        // Keyboards.
        "qwerty", "qwertz", "azerty", "qwert", "asdf", "asdfgh", "zxcv", "zxcvbn", "zxcvbnm", "qaz", "wsx", "qazwsx",
        "abc", "abcd", "abcdef", "xyz", "aaa", "xxx",
        // Small words between them.
        "my", "the", "is", "me", "i", "a", "and", "to", "for", "in", "this", "no", "one", "two", "three", "yes",
        "not",
    ]

    static let wordLengths = Set(words.map(\.unicodeScalars.count)).sorted()

    /// The letters that people replace with signs and digits.
    static let substitutes: [Unicode.Scalar: Unicode.Scalar] = [
        "@": "a", "4": "a", "3": "e", "€": "e", "1": "i", "!": "i", "|": "l", "0": "o", "$": "s", "5": "s", "7": "t",
        "+": "t",
        "9": "g", "8": "b",
    ]

    /// Sequences that people type, in both directions: rows and columns of keyboards, the alphabet, digits.
    static let tracks: [[Unicode.Scalar]] = {
        let forward = [
            "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop[]", "qwertzuiop", "azertyuiop", "asdfghjkl;'",
            "zxcvbnm,./", "yxcvbnm", "!@#$%^&*()_+", "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,",
            "9ol.", "0p;/", "147", "258", "369", "789", "456", "123",
        ].map { Array($0.unicodeScalars) }
        return forward + forward.map { $0.reversed() }
    }()
}
