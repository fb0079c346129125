"""Requests sent to both transcoders, and the intended differences between their responses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    method: str
    path: str
    body: str | bytes | None = None
    # Why Martlet's response differs, and its status.
    difference: str = ""
    status: int = 0
    # Martlet's response instead, if it is JSON.
    json: object = None

    def __str__(self):
        body = self.body if self.body is not None else ""
        return f"{self.method} {self.path} {body!r:.60}"


def get(path, **more):
    return Case("GET", path, **more)


def post(path, body, **more):
    return Case("POST", path, body, **more)


def echo(body, **more):
    return Case("POST", "/v1/echo", body, **more)


STRICT = "the ProtoJSON format has no such spelling"
JSON = "RFC 8259 has no such text"
PATH_WINS = "routes and policies have judged the path, so neither the body nor the query takes its place"

CASES = [
    # Templates and paths.
    get("/v1/shelves/1"), get("/v1/shelves/1/"), get("/v1/shelves/nowhere"), get("/v1/nothing"), get("/v1"),
    get("/v1/shelves/a%20b%2Bc+d"), get("/v1/shelves/%C3%A9"),
    get("/v1/files/a/b/c.txt?revision=a+b"), get("/v1/files/a%20b/c%3Ad%23/%C3%A9"), get("/v1/files/a%3Ab"),
    get("/v1/files/a:b"), get("/v1/files"), get("/v1/files/"),
    post("/v1/shelves/1/books/2:archive", '{"reason":"r"}'),
    Case("DELETE", "/v1/shelves/1/books/2"), Case("DELETE", "/v1/shelves/1/books/gone"), Case("LINK", "/v1/echo?text=a"),
    get("/v1/any/a?int32=5"), Case("DELETE", "/v1/any/a"), Case("LINK", "/v1/any/a"),
    Case("PUT", "/v1/any/a", '{"int32":5}'), get("/v1/any/a:b"), get("/v1/any"),
    post("/library.v1.Library/Hidden", "{}"),
    get("/v1/shelves/%FF", difference="not UTF-8, which Envoy leaves to the server", status=400),
    post("/v1/shelves/1/books/2:burn", "{}", difference="the path is known, with another method", status=405),
    post("/v1/shelves/1", "{}", difference="the path is known, with another method", status=405),
    post("/v1/collect", '[{"number":1}]', difference="Martlet does not transcode streams of requests", status=404),

    # Queries.
    get("/v1/shelves/1/books?page_size=2&filter.author=A+B%20C&filter.pages.from=3&genres=POETRY&genres=1"
        "&filter.since=2020-01-01T00:00:00Z&filter.inPrint=true"),
    get("/v1/shelves/1/books?pageSize=1"), get("/v1/shelves/1/books?page_size=1&page_size=2"),
    get("/v1/shelves/1/books?page_size=x"), get("/v1/shelves/1/books?genres=NOPE"), get("/v1/shelves/1/books?filter=x"),
    get("/v1/shelves/1/books?filter.pages.from="), get("/v1/shelves/1/books?page_size"), get("/v1/shelves/1?foo=1"),
    get("/v1/shelves/1/books?filter.in_print=1"), get("/v1/shelves/1/books?filter.nope=1"),
    get("/v1/echo/hello/5?int64=9223372036854775807&bool=true&bytes=AAEC&maybe=0&int64_value=5&double=1.5&span=1.5s"
        "&mask=a,bC&another=z"),
    get("/v1/echo?value=3"), get("/v1/echo?another=z"), get("/v1/echo?other_name=z"), get("/v1/echo/a/x"),
    get("/v1/echo?string_value=a&bool_value=true&double_value=NaN&times=2020-01-01T00:00:00Z"),
    get("/v1/shelves/1/books?parent=shelves/2", difference=PATH_WINS, status=200,
        json={"nextPageToken": "next", "request": {"parent": "shelves/1"}}),

    # Bodies of fields.
    post("/v1/shelves/1/books", '{"title":"T"}'), post("/v1/shelves/1/books?request_id=7", '{"title":"T","unknown":1}'),
    post("/v1/shelves/1/books", ""), post("/v1/shelves/1/books", "[]"), post("/v1/shelves/1/books", "null"),
    post("/v1/shelves/1/books?book.title=Q", '{"title":"T"}'), post("/v1/echo/words", '["a","b"]'),
    post("/v1/echo/text", '"a"'), post("/v1/echo?text=x", '{"int32":1}'),
    Case("PATCH", "/v1/shelves/1/books/2?update_mask=title,genre", '{"title":"T"}'),
    Case("PUT", "/v1/shelves/1/books/2", '{"book":{"title":"T"},"updateMask":"a,bC"}'),
    post("/v1/echo/words?text=x", '"a"', difference=STRICT, status=400),
    post("/v1/shelves/1/books/2:archive", '{"name":"x","reason":"r"}', difference=PATH_WINS, status=200,
         json={"name": "shelves/1/books/2", "title": "r"}),
    Case("PATCH", "/v1/shelves/1/books/2", '{"title":"T","name":"other"}', difference=PATH_WINS, status=200,
         json={"name": "shelves/1/books/2", "title": "T"}),
    Case("PUT", "/v1/shelves/1/books/2", '{"book":{"title":"T","name":"zz"}}', difference=PATH_WINS, status=200,
         json={"name": "shelves/1/books/2", "title": "T"}),

    # Outcomes.
    *[get(f"/v1/fail/{code}?message=why%20{code}") for code in range(17)],

    # Streams.
    get("/v1/watch?count=3"), get("/v1/watch?count=0"), post("/v1/watch", '{"count":1}'),
    get("/v1/watch?count=2&code=5&message=m"), get("/v1/watch?count=0&code=5&message=m"),
    get("/v1/watch?count=20&size=20000"),

    # JSON as messages.
    *[echo(body) for body in [
        "{}", "", "null", "[]", "1", '{"text":', '{"text":"a"} x',
        '{"int32":"12"}', '{"int32":1.0}', '{"int32":1.5}', '{"int32":1e2}', '{"int32":2147483648}', '{"int32":""}',
        '{"int32":true}', '{"int64":"9223372036854775807"}', '{"int64":9007199254740993}', '{"int64":"x"}',
        '{"uint32":-1}', '{"uint64":"18446744073709551615"}', '{"bool":true}', '{"bool":1}', '{"text":5}', '{"text":""}',
        '{"text":"\\u0000\\ud83d\\ude00"}', '{"text":"\\ud83d"}', b'{"text":"\xff"}', '{"bytes":"-_8"}',
        '{"bytes":"+/8="}', '{"bytes":"%%%"}', '{"genre":"POETRY"}', '{"genre":2}', '{"genre":"NOPE"}', '{"genre":77}',
        '{"genre":"poetry"}', '{"maybe":0}', '{"maybe":null}', '{"numbers":[1,"2",3.0]}', '{"numbers":[]}',
        '{"unpacked":[1,2]}', '{"counts":{"a":1,"b":2}}', '{"counts":[]}', '{"shelf":{"5":{"title":"x"}}}',
        '{"shelf":{"x":{}}}', '{"answers":{"true":"y","false":"n"}}', '{"left":"l","right":{"title":"r"}}',
        '{"left":null,"right":{"title":"r"}}', '{"nothing":null}', '{"inner":{"inner":{"text":"deep"}}}',
        '{"inner":null}', '{"inner":{}}', '{"inner":5}', '{"time":"2020-01-02T03:04:05.678Z"}',
        '{"time":"2020-01-02T03:04:05+02:00"}', '{"time":"nope"}', '{"time":5}', '{"time":"0000-01-01T00:00:00Z"}',
        '{"span":"1.5s"}', '{"span":"-0.000000001s"}', '{"span":"1"}', '{"span":"400000000000s"}',
        '{"mask":"a,bC.dE"}', '{"mask":""}', '{"mask":"a_b"}',
        '{"object":{"a":1,"b":[true,null,"x",{"c":1.5}]}}', '{"object":5}', '{"value":null}',
        '{"value":[1,{"a":"b"}]}', '{"value":{}}', '{"list":[1,"a",null]}', '{"list":null}',
        '{"any":{"@type":"type.googleapis.com/library.v1.Book","title":"x"}}',
        '{"any":{"@type":"type.googleapis.com/nope.Book","title":"x"}}', '{"any":{"title":"x"}}', '{"any":{}}',
        '{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}', '{"empty":{}}',
        '{"empty":{"a":1}}', '{"int64Value":"5"}', '{"int64_value":0}', '{"stringValue":""}', '{"boolValue":false}',
        '{"doubleValue":1.5}', '{"bytesValue":"AAE="}', '{"int64Value":null}', '{"another":"x"}', '{"other_name":"x"}',
        '{"otherName":"x"}', '{"unknown":{"a":[1,{}]}}', '{"double":"NaN"}', '{"double":"-Infinity"}',
        '{"double":1e400}', '{"double":-0.0}', '{"double":"1.5"}', '{"double":""}', '{"double":1e300}',
        '{"float":1e39}', '{"float":3.4e38}', '{"float":0.1}', '{"times":["2020-01-02T03:04:05Z"]}',
        '{"genres":["POETRY",1]}', '{"values":{"a":null,"b":1}}',
        '{"sint32":-5,"sint64":"-6","fixed32":7,"fixed64":"8","sfixed32":-9,"sfixed64":"-10"}',
        '{"books":[{"title":"a","published":"2020-01-01T00:00:00Z","binding":{"weightInGrams":"5"}},{}]}',
        '{"value":' + "[" * 30 + "]" * 30 + "}", '{"value":' + "[" * 120 + "]" * 120 + "}",
        '{"inner":' * 30 + "{}" + "}" * 30, '{"inner":' * 60 + "{}" + "}" * 60,
    ]],
    *[echo(body, difference=STRICT, status=400) for body in [
        '{"bool":"true"}', '{"genre":"2"}', '{"numbers":1}', '{"numbers":[null]}', '{"counts":{"a":null}}',
        '{"float":"0x10"}',
    ]],
    *[echo(body, difference=JSON, status=400) for body in ['{"text":"a",}', "{\"text\":'a'}", '{text:"a"}']],
    echo('{"text":"a","text":"b"}', difference="a member that is given twice is refused everywhere in Martlet", status=400),
]
