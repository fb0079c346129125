/// The JSON Schema (2020-12) of the gateway's file, for editors and for whoever writes such files with programs.
///
/// A key that is added to the reader is added here, with a description, and to the example in `GatewaySchemaTests`,
/// which compares the two. `docs/gateway.schema.json` is what `martlet gateway schema` prints. A value that must not be
/// shown is `writeOnly`.
package enum GatewaySchema {
    package static let text = #"""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "title": "The file of Martlet's gateway",
          "description": "For `martlet serve --gateway-file`; `martlet gateway check` finds more than a schema can.",
          "type": "object",
          "properties": {
            "upstreams": {
              "type": "object",
              "additionalProperties": {"$ref": "#/$defs/upstream"},
              "description": "Servers that answer the same requests, by their names."
            },
            "routes": {
              "type": "array",
              "items": {"$ref": "#/$defs/route"},
              "description": "Which requests go where, and by which policies. The longest path wins."
            },
            "platform": {
              "type": "object",
              "description": "Policies of the routes that the gateway has without the file: those of the platform's services.",
              "properties": {
                "addresses": {"$ref": "#/$defs/address_rule"},
                "cors": {"$ref": "#/$defs/cors"},
                "rate_limit": {
                  "type": "array",
                  "items": {"$ref": "#/$defs/rate_limit"},
                  "description": "How often clients may come, to all of these routes together; not by user."
                },
                "request_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the request."},
                "response_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the answer."},
                "security_headers": {"$ref": "#/$defs/security_headers"},
                "compression": {"$ref": "#/$defs/compression"}
              },
              "additionalProperties": false
            },
            "trusted_proxies": {
              "$ref": "#/$defs/addresses",
              "description": "Peers whose X-Forwarded-For, or Forwarded, is believed."
            },
            "limits": {
              "type": "object",
              "description": "Bounds on what clients may send.",
              "properties": {
                "target": {"$ref": "#/$defs/some_size", "description": "Longest request target, at least 16."},
                "head": {"$ref": "#/$defs/some_size", "description": "Longest request head, at least 256."},
                "headers": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "Most header fields."},
                "request_body": {"$ref": "#/$defs/size", "description": "Longest request body; a route may say otherwise."},
                "body_rate": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 1000000,
                  "description": "Bytes per second: clients that send less of a body are given up.",
                  "default": 100
                },
                "connections": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 1000000,
                  "description": "Most client connections at once."
                },
                "cache": {"$ref": "#/$defs/size", "description": "Memory for answers that routes keep."},
                "streams": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 10000,
                  "description": "Requests under way on one connection of HTTP/2; 0 turns it off.",
                  "default": 100
                }
              },
              "additionalProperties": false
            },
            "tls": {
              "type": "object",
              "description": "Speaks TLS 1.2 and 1.3 on the listener.",
              "properties": {
                "certificates": {
                  "type": "array",
                  "minItems": 1,
                  "description": "The first one serves names that no other has.",
                  "items": {
                    "type": "object",
                    "description": "A certificate with its key.",
                    "properties": {
                      "certificate": {"type": "string", "description": "The file of the chain, as PEM."},
                      "key": {"type": "string", "description": "The file of the private key, as PEM."},
                      "names": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "The host names it is for: a.example.org or *.example.org."
                      }
                    },
                    "additionalProperties": false,
                    "required": ["certificate", "key"]
                  }
                },
                "only_version_1_3": {"type": "boolean", "description": "Refuses TLS 1.2.", "default": false},
                "older_clients": {
                  "type": "boolean",
                  "description": "Serves clients of TLS 1.2 without forward secrecy or authenticated encryption too.",
                  "default": false
                },
                "redirect": {
                  "type": "object",
                  "description": "A second listener, in clear text, that sends clients to TLS; paths of ACME are answered.",
                  "properties": {
                    "listen": {
                      "type": "string",
                      "description": "host:port.",
                      "pattern": "^(http://)?[^/@?# ]+:[0-9]{1,5}/?$"
                    },
                    "port": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 65535,
                      "description": "Where clients reach TLS. Default: the gateway's own port."
                    },
                    "status": {"enum": [301, 302, 307, 308], "default": 308}
                  },
                  "additionalProperties": false,
                  "required": ["listen"]
                }
              },
              "additionalProperties": false,
              "required": ["certificates"]
            },
            "access_log": {
              "type": "object",
              "description": "A line of JSON for a part of the requests.",
              "properties": {"sample": {"type": "number", "minimum": 0, "maximum": 1, "description": "Which part."}},
              "additionalProperties": false,
              "required": ["sample"]
            },
            "overload": {
              "type": "object",
              "description": "Refuses a part of the requests with 503, to answer the others in time.",
              "properties": {
                "lag": {"$ref": "#/$defs/duration", "description": "While an event loop is later than this."},
                "requests": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 10000000,
                  "description": "Requests under way; from three quarters of them on."
                }
              },
              "additionalProperties": false,
              "minProperties": 1
            },
            "redis": {
              "type": "object",
              "description": "The Redis through which gateways share what they count.",
              "properties": {
                "url": {
                  "type": "string",
                  "description": "redis://[user:password@]host:port/database.",
                  "pattern": "^redis://"
                },
                "timeout": {
                  "$ref": "#/$defs/duration",
                  "description": "How long a request waits for it, before the process counts alone."
                },
                "prefix": {"type": "string", "description": "What its keys begin with.", "minLength": 1, "maxLength": 100}
              },
              "additionalProperties": false,
              "required": ["url"]
            }
          },
          "additionalProperties": false,
          "$defs": {
            "duration": {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$", "examples": ["500ms", "5s", "2m"]},
            "size": {
              "description": "Bytes.",
              "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 4294967295},
                {"type": "string", "pattern": "^[0-9]{1,10}(KiB|MiB|GiB)?$"}
              ],
              "examples": [1024, "64KiB"]
            },
            "some_size": {
              "description": "Bytes, and not none.",
              "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 4294967295},
                {"type": "string", "pattern": "^0*[1-9][0-9]{0,9}(KiB|MiB|GiB)?$"}
              ],
              "examples": [1024, "64KiB"]
            },
            "address": {"type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$", "examples": ["10.0.0.0/8"]},
            "addresses": {"type": "array", "items": {"$ref": "#/$defs/address"}},
            "name_server": {
              "type": "string",
              "pattern": "^(http://)?[0-9]{1,3}([.][0-9]{1,3}){3}:0*[1-9][0-9]{0,4}/?$",
              "examples": ["10.0.0.53:53"]
            },
            "endpoint_url": {
              "type": "string",
              "pattern": "^((https?://)?[^/@?# ]+:0*[1-9][0-9]{0,4}/?|unix:/.+)$",
              "examples": ["http://10.0.0.1:8001", "https://10.0.0.1:8443", "unix:/run/a.sock"]
            },
            "path": {"type": "string", "pattern": "^/"},
            "endpoint": {
              "anyOf": [
                {"$ref": "#/$defs/endpoint_url"},
                {
                  "type": "object",
                  "description": "An endpoint with its weight.",
                  "properties": {
                    "url": {"$ref": "#/$defs/endpoint_url", "description": "Where it is."},
                    "weight": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 1000,
                      "description": "Its part of the requests.",
                      "default": 1
                    }
                  },
                  "additionalProperties": false,
                  "required": ["url"]
                }
              ]
            },
            "upstream": {
              "type": "object",
              "description": "Servers that answer the same requests.",
              "properties": {
                "endpoints": {
                  "type": "array",
                  "minItems": 1,
                  "items": {"$ref": "#/$defs/endpoint"},
                  "description": "Where the servers are."
                },
                "balance": {
                  "description": "How an endpoint is chosen.",
                  "default": "round_robin",
                  "anyOf": [
                    {"enum": ["round_robin", "least_connections", "peak_ewma"]},
                    {
                      "type": "object",
                      "description": "The same endpoint for the same key.",
                      "properties": {
                        "consistent_hash": {
                          "description": "The key.",
                          "anyOf": [
                            {"const": "client"},
                            {
                              "type": "object",
                              "description": "A part of the request.",
                              "properties": {
                                "header": {"type": "string", "description": "The name of a field."},
                                "cookie": {"type": "string", "description": "The name of a cookie."}
                              },
                              "additionalProperties": false,
                              "oneOf": [{"required": ["header"]}, {"required": ["cookie"]}]
                            }
                          ]
                        }
                      },
                      "additionalProperties": false,
                      "required": ["consistent_hash"]
                    }
                  ]
                },
                "health": {
                  "type": "object",
                  "description": "Requests that ask each endpoint how it is.",
                  "properties": {
                    "path": {"$ref": "#/$defs/path", "description": "What is asked for."},
                    "host": {
                      "type": "string",
                      "description": "What Host says. Default: the upstream's host, or else the endpoint's name."
                    },
                    "headers": {
                      "type": "object",
                      "additionalProperties": {"type": "string"},
                      "description": "Further fields of the request."
                    },
                    "statuses": {
                      "type": "array",
                      "minItems": 1,
                      "items": {
                        "anyOf": [
                          {"type": "integer", "minimum": 100, "maximum": 599},
                          {"type": "string", "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"}
                        ]
                      },
                      "description": "Good answers: 200, or several such as 200-299.",
                      "default": ["200-399"]
                    },
                    "interval": {"$ref": "#/$defs/duration", "description": "How often."},
                    "timeout": {"$ref": "#/$defs/duration", "description": "How long an answer may take."},
                    "healthy": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 100,
                      "description": "Good answers in a row after which it is used again.",
                      "default": 2
                    },
                    "unhealthy": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 100,
                      "description": "Failures in a row after which it is not.",
                      "default": 3
                    }
                  },
                  "additionalProperties": false,
                  "required": ["path"]
                },
                "breaker": {
                  "type": "object",
                  "description": "Leaves endpoints alone that fail.",
                  "properties": {
                    "failures": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 1000,
                      "description": "Failures in a row.",
                      "default": 5
                    },
                    "open_for": {"$ref": "#/$defs/duration", "description": "For how long, the first time."},
                    "maximum_open_for": {"$ref": "#/$defs/duration", "description": "For how long at the most."},
                    "maximum_ejected": {
                      "type": "integer",
                      "minimum": 0,
                      "maximum": 100,
                      "description": "Percent of the endpoints that may be left alone.",
                      "default": 50
                    }
                  },
                  "additionalProperties": false
                },
                "maximum_connections": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 100000,
                  "description": "Of one event loop to one endpoint.",
                  "default": 128
                },
                "maximum_waiting": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 1000000,
                  "description": "Requests of one event loop that wait for a connection.",
                  "default": 1024
                },
                "concurrency": {"$ref": "#/$defs/concurrency"},
                "host": {
                  "type": "string",
                  "description": "What Host says: preserve (what the client asked for), upstream (the endpoint's name), or this name.",
                  "default": "preserve",
                  "examples": ["preserve", "upstream", "shop.example.org"]
                },
                "request_body": {
                  "description": "Whether bodies are gathered, so that the upstream is told their length.",
                  "default": "streamed",
                  "anyOf": [
                    {"enum": ["streamed", "buffered"]},
                    {
                      "type": "object",
                      "description": "Gathers them up to a length.",
                      "properties": {
                        "buffered": {
                          "$ref": "#/$defs/some_size",
                          "description": "The longest, at most 64MiB; longer ones without a length get 413. Default: 1MiB."
                        }
                      },
                      "additionalProperties": false,
                      "required": ["buffered"]
                    }
                  ]
                },
                "keep_alive": {
                  "type": "object",
                  "description": "How long connections are kept.",
                  "properties": {
                    "idle": {
                      "$ref": "#/$defs/duration",
                      "description": "How long one may be unused; less than the service allows. Default: 4s."
                    },
                    "maximum_age": {
                      "$ref": "#/$defs/duration",
                      "description": "How long one is used, at least 1s. Default: 5m."
                    }
                  },
                  "additionalProperties": false
                },
                "tls": {
                  "type": "object",
                  "description": "TLS to all endpoints: to those named, which must be https, and to those found. https alone verifies by the system's authorities.",
                  "properties": {
                    "ca": {"type": "string", "description": "A PEM file of the authorities that are trusted instead."},
                    "certificate": {"type": "string", "description": "A PEM file of what is shown to the upstream."},
                    "key": {"type": "string", "description": "A PEM file of its key."},
                    "server_name": {"type": "string", "description": "What the upstream's certificate must be for."}
                  },
                  "additionalProperties": false,
                  "dependentRequired": {"certificate": ["key"], "key": ["certificate"]}
                },
                "discovery": {"$ref": "#/$defs/discovery"}
              },
              "additionalProperties": false,
              "oneOf": [{"required": ["endpoints"]}, {"required": ["discovery"]}]
            },
            "route": {
              "type": "object",
              "description": "Which requests, by which policies, get what.",
              "properties": {
                "name": {"type": "string", "description": "What logs and metrics call it. Default: its path."},
                "path": {
                  "type": "string",
                  "pattern": "^(?!.*/[:<])/[^*?]*$",
                  "description": "Exactly this path; {name} stands for one segment."
                },
                "prefix": {
                  "type": "string",
                  "pattern": "^(?!.*/[:<])/[^*?{}]*$",
                  "description": "This path and everything below it."
                },
                "hosts": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Host names: api.example.org or *.example.org; any when empty."
                },
                "methods": {
                  "type": "array",
                  "items": {"type": "string", "pattern": "^[A-Z0-9!#$%&'*+.^_`|~-]+$"},
                  "description": "Any when empty."
                },
                "headers": {
                  "type": "object",
                  "additionalProperties": {"type": "string"},
                  "description": "Fields that the request must have, with exactly this value."
                },
                "upstream": {"type": "string", "description": "The upstream that answers."},
                "split": {
                  "type": "array",
                  "minItems": 1,
                  "description": "Upstreams that answer, each its part.",
                  "items": {
                    "type": "object",
                    "description": "An upstream and its part.",
                    "properties": {
                      "upstream": {"type": "string", "description": "Its name."},
                      "weight": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 1000000,
                        "description": "Its part is its weight in the sum of all."
                      }
                    },
                    "additionalProperties": false,
                    "required": ["upstream", "weight"]
                  }
                },
                "redirect": {
                  "type": "object",
                  "description": "Sends the client elsewhere.",
                  "properties": {
                    "to": {"type": "string", "description": "Where; {path} and {query} are put in."},
                    "status": {"enum": [301, 302, 303, 307, 308], "default": 308}
                  },
                  "additionalProperties": false,
                  "required": ["to"]
                },
                "respond": {
                  "type": "object",
                  "description": "An answer that is always the same.",
                  "properties": {
                    "status": {
                      "type": "integer",
                      "minimum": 200,
                      "maximum": 599,
                      "description": "The status.",
                      "default": 200
                    },
                    "content_type": {"type": "string", "description": "Its Content-Type."},
                    "body": {"type": "string", "description": "Its body."}
                  },
                  "additionalProperties": false
                },
                "files": {
                  "type": "object",
                  "description": "The files of a folder.",
                  "properties": {
                    "root": {"type": "string", "description": "The folder."},
                    "index": {"type": "string", "description": "The page of a folder."},
                    "fallback": {"type": "string", "description": "The page for those that are not there."},
                    "cache_control": {"type": "string", "description": "Of everything but HTML."},
                    "page_cache_control": {"type": "string", "description": "Of HTML."}
                  },
                  "additionalProperties": false,
                  "required": ["root"]
                },
                "rewrite": {
                  "type": "object",
                  "description": "Changes the path that the upstream sees.",
                  "properties": {
                    "strip_prefix": {"$ref": "#/$defs/path", "description": "Is taken off the front."},
                    "add_prefix": {"$ref": "#/$defs/path", "description": "Is put in front."},
                    "redirects": {
                      "type": "boolean",
                      "description": "Maps the paths in Location, Content-Location and of cookies back.",
                      "default": false
                    }
                  },
                  "additionalProperties": false
                },
                "encoded_slashes": {
                  "enum": ["refuse", "keep"],
                  "default": "refuse",
                  "description": "What becomes of %2F in a path; keep passes it on as it is, to an upstream."
                },
                "body_limit": {"$ref": "#/$defs/size", "description": "Longest request body."},
                "timeouts": {
                  "type": "object",
                  "description": "How long is waited.",
                  "properties": {
                    "connect": {"$ref": "#/$defs/duration", "description": "For a connection to the upstream."},
                    "first_byte": {"$ref": "#/$defs/duration", "description": "For the answer to begin."},
                    "idle": {"$ref": "#/$defs/duration", "description": "Between two pieces of the answer."},
                    "total": {"$ref": "#/$defs/duration", "description": "For all of it, retries included."},
                    "tunnel": {
                      "$ref": "#/$defs/duration",
                      "description": "For any byte of either side once another protocol is spoken. Default: 10m."
                    }
                  },
                  "additionalProperties": false
                },
                "retry": {
                  "type": "object",
                  "description": "Sends requests again that failed and may be repeated.",
                  "properties": {
                    "attempts": {
                      "type": "integer",
                      "minimum": 0,
                      "maximum": 10,
                      "description": "How often, after the first.",
                      "default": 1
                    },
                    "statuses": {
                      "type": "array",
                      "items": {"type": "integer", "minimum": 500, "maximum": 599},
                      "description": "Answers that count as failures.",
                      "default": [502, 503, 504]
                    },
                    "backoff": {"$ref": "#/$defs/duration", "description": "The wait before the first, doubled each time."},
                    "body_limit": {
                      "$ref": "#/$defs/size",
                      "description": "Longest body of a request that is sent again, at most 1MiB."
                    }
                  },
                  "additionalProperties": false
                },
                "upgrade": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Protocols to which a connection may change, such as websocket."
                },
                "addresses": {"$ref": "#/$defs/address_rule"},
                "cors": {"$ref": "#/$defs/cors"},
                "authentication": {"$ref": "#/$defs/authentication"},
                "permission": {"type": "string", "description": "What the user must be permitted; needs authentication."},
                "rate_limit": {
                  "type": "array",
                  "items": {"$ref": "#/$defs/rate_limit"},
                  "description": "How often clients may come; all of these hold."
                },
                "request_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the request."},
                "response_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the answer."},
                "security_headers": {"$ref": "#/$defs/security_headers"},
                "compression": {"$ref": "#/$defs/compression"},
                "cache": {
                  "description": "Keeps answers and gives them again.",
                  "anyOf": [
                    {"type": "boolean"},
                    {
                      "type": "object",
                      "description": "What is not as usual.",
                      "properties": {
                        "maximum_age": {"$ref": "#/$defs/duration", "description": "For how long at the most."},
                        "default_age": {
                          "$ref": "#/$defs/duration",
                          "description": "For how long where the answer does not say."
                        },
                        "stale_if_error": {
                          "$ref": "#/$defs/duration",
                          "description": "For how much longer while the upstream fails."
                        },
                        "maximum_body": {"$ref": "#/$defs/size", "description": "Longest answer that is kept."},
                        "key_headers": {
                          "type": "array",
                          "items": {"type": "string"},
                          "description": "Request fields whose values have answers of their own."
                        },
                        "wait": {"$ref": "#/$defs/duration", "description": "How long others wait for the first who asks."}
                      },
                      "additionalProperties": false
                    }
                  ]
                },
                "concurrency": {"$ref": "#/$defs/concurrency"},
                "shed": {"type": "boolean", "description": "Whether overload may refuse its requests.", "default": true},
                "grpc": {
                  "type": "object",
                  "description": "A gRPC call, of which the request's JSON is the message.",
                  "properties": {
                    "upstream": {"type": "string", "description": "The upstream, which speaks HTTP/2 without TLS."},
                    "descriptors": {"type": "string", "description": "The file of a FileDescriptorSet, as protoc writes it."},
                    "services": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "Full names: library.v1.Library."
                    },
                    "unknown_fields": {
                      "enum": ["ignore", "reject"],
                      "default": "ignore",
                      "description": "What becomes of members that a message does not have."
                    },
                    "default_values": {
                      "type": "boolean",
                      "description": "Writes fields that have their default value as well.",
                      "default": false
                    },
                    "proto_names": {
                      "type": "boolean",
                      "description": "Writes names as the .proto file has them.",
                      "default": false
                    },
                    "maximum_message": {"$ref": "#/$defs/some_size", "description": "Longest message of an answer."}
                  },
                  "additionalProperties": false,
                  "required": ["upstream", "descriptors", "services"]
                },
                "aggregate": {
                  "type": "object",
                  "description": "Asks several services side by side and joins their answers.",
                  "properties": {
                    "parts": {
                      "type": "object",
                      "minProperties": 1,
                      "additionalProperties": {"$ref": "#/$defs/part"},
                      "description": "The members of the answer, by their names."
                    }
                  },
                  "additionalProperties": false,
                  "required": ["parts"]
                }
              },
              "additionalProperties": false,
              "dependentRequired": {"permission": ["authentication"]},
              "allOf": [
                {"oneOf": [{"required": ["path"]}, {"required": ["prefix"]}]},
                {
                  "oneOf": [
                    {"required": ["upstream"]},
                    {"required": ["split"]},
                    {"required": ["grpc"]},
                    {"required": ["redirect"]},
                    {"required": ["respond"]},
                    {"required": ["files"]},
                    {"required": ["aggregate"]}
                  ]
                }
              ]
            },
            "address_rule": {
              "type": "object",
              "description": "Which clients may use it, by their addresses.",
              "properties": {
                "allow": {"$ref": "#/$defs/addresses", "description": "Only these, when there are any."},
                "deny": {"$ref": "#/$defs/addresses", "description": "Never these."}
              },
              "additionalProperties": false
            },
            "cors": {
              "type": "object",
              "description": "Which pages of other origins may use it.",
              "properties": {
                "origins": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "https://app.example.org, or *."
                },
                "methods": {"type": "array", "items": {"type": "string"}, "description": "Methods that they may use."},
                "headers": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Request fields that they may set."
                },
                "expose": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Response fields that they may read."
                },
                "credentials": {"type": "boolean", "description": "Whether cookies are sent; not with *."},
                "max_age": {"$ref": "#/$defs/duration", "description": "How long a preflight's answer holds."}
              },
              "additionalProperties": false,
              "required": ["origins"]
            },
            "security_headers": {
              "description": "Fields that make browsers careful.",
              "anyOf": [
                {"type": "boolean"},
                {
                  "type": "object",
                  "description": "What is not as usual.",
                  "properties": {
                    "frame_options": {"type": "string", "description": "X-Frame-Options."},
                    "referrer_policy": {"type": "string", "description": "Referrer-Policy."},
                    "content_security_policy": {"type": "string", "description": "Content-Security-Policy."},
                    "strict_transport_security": {
                      "$ref": "#/$defs/duration",
                      "description": "max-age of Strict-Transport-Security."
                    }
                  },
                  "additionalProperties": false
                }
              ]
            },
            "compression": {
              "description": "Compresses answers.",
              "anyOf": [
                {"type": "boolean"},
                {
                  "type": "object",
                  "description": "What is not as usual.",
                  "properties": {
                    "types": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "Media types: text/*, *+json."
                    },
                    "minimum": {"$ref": "#/$defs/size", "description": "Shortest answer that is compressed."},
                    "level": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 9,
                      "description": "1 is quick, 9 is small.",
                      "default": 5
                    }
                  },
                  "additionalProperties": false
                }
              ]
            },
            "authentication": {
              "type": "object",
              "description": "Who may use the route; one of the ways is enough.",
              "properties": {
                "jwt": {
                  "type": "object",
                  "description": "Bearer tokens.",
                  "properties": {
                    "issuer": {"type": "string", "description": "What iss must be."},
                    "audience": {"type": "string", "description": "What aud must be or hold."},
                    "keys": {
                      "type": "array",
                      "items": {"$ref": "#/$defs/token_key"},
                      "description": "Keys that the file holds."
                    },
                    "jwks": {"type": "string", "description": "Where the issuer's key set is.", "pattern": "^https?://"},
                    "leeway": {"$ref": "#/$defs/duration", "description": "How far clocks may be apart, at most 10m."}
                  },
                  "additionalProperties": false,
                  "anyOf": [{"required": ["keys"]}, {"required": ["jwks"]}]
                },
                "websocket": {
                  "type": "object",
                  "description": "Where the token of a WebSocket may stand, as browsers cannot set Authorization there.",
                  "properties": {
                    "protocol": {
                      "type": "string",
                      "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$",
                      "description": "The first part of a sub-protocol NAME.TOKEN, which goes no further."
                    },
                    "cookie": {
                      "type": "string",
                      "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$",
                      "description": "The name of a cookie; needs origins."
                    },
                    "origins": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "The pages that may use the cookie: https://app.example.org."
                    }
                  },
                  "additionalProperties": false,
                  "anyOf": [{"required": ["protocol"]}, {"required": ["cookie", "origins"]}],
                  "dependentRequired": {"cookie": ["origins"]}
                },
                "api_keys": {
                  "type": "object",
                  "description": "Keys that programs send in a field of their own.",
                  "properties": {
                    "header": {"type": "string", "description": "The field.", "default": "X-API-Key"},
                    "keys": {
                      "type": "array",
                      "description": "The keys.",
                      "items": {
                        "type": "object",
                        "description": "A key.",
                        "properties": {
                          "name": {"type": "string", "description": "What logs and upstreams call its owner."},
                          "sha256": {
                            "type": "string",
                            "description": "The SHA-256 of the key.",
                            "pattern": "^[0-9A-Fa-f]{64}$",
                            "writeOnly": true
                          },
                          "permissions": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "What its owner may do."
                          }
                        },
                        "additionalProperties": false,
                        "required": ["name", "sha256"]
                      }
                    }
                  },
                  "additionalProperties": false,
                  "required": ["keys"]
                },
                "optional": {
                  "type": "boolean",
                  "description": "Lets pass who has no credentials, as nobody.",
                  "default": false
                }
              },
              "additionalProperties": false,
              "anyOf": [{"required": ["jwt"]}, {"required": ["api_keys"]}]
            },
            "token_key": {
              "type": "object",
              "description": "A key and the one algorithm it is used with.",
              "properties": {
                "algorithm": {"enum": ["HS256", "RS256", "ES256", "EdDSA"]},
                "kid": {"type": "string", "description": "The kid it is for."},
                "secret": {
                  "type": "string",
                  "description": "Of HS256: 32 bytes or more.",
                  "minLength": 32,
                  "writeOnly": true
                },
                "public_key": {"type": "string", "description": "Of the others, as PEM."}
              },
              "additionalProperties": false,
              "required": ["algorithm"],
              "if": {"properties": {"algorithm": {"const": "HS256"}}},
              "then": {"required": ["secret"]},
              "else": {"required": ["public_key"]}
            },
            "rate_limit": {
              "type": "object",
              "description": "A token bucket.",
              "properties": {
                "by": {
                  "enum": ["client", "user", "route"],
                  "default": "client",
                  "description": "Who has a bucket of their own."
                },
                "header": {"type": "string", "description": "Instead: who has the same value of this field."},
                "requests": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 1000000000,
                  "description": "How many may come at once."
                },
                "per": {"$ref": "#/$defs/duration", "description": "How long it takes until as many may come again."},
                "shared": {
                  "type": "boolean",
                  "description": "Counts together with other gateways, through redis.",
                  "default": false
                }
              },
              "additionalProperties": false,
              "required": ["requests", "per"],
              "not": {"required": ["by", "header"]}
            },
            "header_edit": {
              "type": "object",
              "description": "Changes to a head.",
              "properties": {
                "set": {
                  "type": "object",
                  "additionalProperties": {"type": "string"},
                  "description": "Replaces all fields of the name."
                },
                "add": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Adds a field."},
                "remove": {"type": "array", "items": {"type": "string"}, "description": "Names."}
              },
              "additionalProperties": false
            },
            "concurrency": {
              "type": "object",
              "description": "How many requests may be under way at once.",
              "properties": {
                "limit": {"type": "integer", "minimum": 1, "maximum": 1000000, "description": "So many."},
                "queue": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 100000,
                  "description": "How many more may wait.",
                  "default": 0
                },
                "wait": {"$ref": "#/$defs/duration", "description": "How long one waits."}
              },
              "additionalProperties": false,
              "required": ["limit"]
            },
            "registry_tls": {
              "type": "object",
              "description": "How the registry's TLS is spoken.",
              "properties": {
                "ca": {"type": "string", "description": "The file of the authorities that are believed, as PEM."},
                "certificate": {"type": "string", "description": "The file of the gateway's own certificate."},
                "key": {"type": "string", "description": "The file of its key."}
              },
              "additionalProperties": false,
              "dependentRequired": {"certificate": ["key"], "key": ["certificate"]}
            },
            "discovery": {
              "type": "object",
              "description": "Where to ask for the endpoints.",
              "properties": {
                "dns": {
                  "type": "object",
                  "description": "The Domain Name System.",
                  "properties": {
                    "name": {"type": "string", "description": "The name."},
                    "port": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 65535,
                      "description": "The port of A and AAAA records."
                    },
                    "type": {"enum": ["a", "aaaa", "srv"], "default": "a", "description": "The kind of record."},
                    "server": {
                      "$ref": "#/$defs/name_server",
                      "description": "An IPv4 name server and its port. Default: the system's."
                    },
                    "minimum_ttl": {"$ref": "#/$defs/duration", "description": "The shortest time between two questions."},
                    "maximum_ttl": {"$ref": "#/$defs/duration", "description": "The longest."}
                  },
                  "additionalProperties": false,
                  "required": ["name"]
                },
                "etcd": {
                  "type": "object",
                  "description": "etcd, by its JSON gateway.",
                  "properties": {
                    "endpoints": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "http://host:port or https://host:port.",
                      "minItems": 1
                    },
                    "prefix": {"type": "string", "description": "What the keys begin with."},
                    "service": {"type": "string", "description": "Or the name of a service of Martlet's."},
                    "user": {"type": "string", "description": "As whom."},
                    "password": {"type": "string", "description": "Its password.", "writeOnly": true},
                    "tls": {"$ref": "#/$defs/registry_tls"}
                  },
                  "additionalProperties": false,
                  "required": ["endpoints"],
                  "oneOf": [{"required": ["prefix"]}, {"required": ["service"]}]
                },
                "consul": {
                  "type": "object",
                  "description": "Consul's health API.",
                  "properties": {
                    "address": {"type": "string", "description": "http://host:port or https://host:port."},
                    "service": {"type": "string", "description": "The name of the service."},
                    "tag": {"type": "string", "description": "A tag that it must have."},
                    "datacenter": {"type": "string", "description": "The data centre."},
                    "token": {"type": "string", "description": "The token.", "writeOnly": true},
                    "tls": {"$ref": "#/$defs/registry_tls"}
                  },
                  "additionalProperties": false,
                  "required": ["address", "service"]
                },
                "allow": {"$ref": "#/$defs/addresses", "description": "Where endpoints may be."},
                "hold_empty": {"$ref": "#/$defs/duration", "description": "How long an empty list is not believed."}
              },
              "additionalProperties": false,
              "oneOf": [{"required": ["dns"]}, {"required": ["etcd"]}, {"required": ["consul"]}]
            },
            "part": {
              "type": "object",
              "description": "What one service says.",
              "properties": {
                "upstream": {"type": "string", "description": "The upstream that is asked."},
                "path": {
                  "$ref": "#/$defs/path",
                  "description": "What it is asked for; {name} is what the route's path has there."
                },
                "timeout": {"$ref": "#/$defs/duration", "description": "How long it may take."},
                "required": {"type": "boolean", "description": "Whether there is no answer without it.", "default": false},
                "maximum_body": {"$ref": "#/$defs/some_size", "description": "Longest answer."}
              },
              "additionalProperties": false,
              "required": ["upstream", "path"]
            }
          }
        }
        """#
}
