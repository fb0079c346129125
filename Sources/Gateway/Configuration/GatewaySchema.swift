/// The JSON Schema (2020-12) of the gateway's file, for editors and for programs that generate such files.
///
/// A key added to the reader must be added here with a description, and to the example in `GatewaySchemaTests`, which
/// compares the two. `docs/gateway.schema.json` is the output of `martlet gateway schema`. Secret values are
/// `writeOnly`.
package enum GatewaySchema {
    package static let text = #"""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "title": "Martlet gateway configuration",
          "description": "For `martlet serve --gateway-file`. `martlet gateway check` finds further errors.",
          "type": "object",
          "properties": {
            "upstreams": {
              "type": "object",
              "additionalProperties": {"$ref": "#/$defs/upstream"},
              "description": "Groups of servers that answer the same requests, by name."
            },
            "routes": {
              "type": "array",
              "items": {"$ref": "#/$defs/route"},
              "description": "Which requests go where, and the policies for them. The longest path wins."
            },
            "platform": {
              "type": "object",
              "description": "Policies for the platform's own routes, which exist without this file.",
              "properties": {
                "addresses": {"$ref": "#/$defs/address_rule"},
                "cors": {"$ref": "#/$defs/cors"},
                "rate_limit": {
                  "type": "array",
                  "items": {"$ref": "#/$defs/rate_limit"},
                  "description": "Rate limits across all of these routes together; not by user."
                },
                "request_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the request's fields."},
                "response_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the response's fields."},
                "security_headers": {"$ref": "#/$defs/security_headers"},
                "compression": {"$ref": "#/$defs/compression"}
              },
              "additionalProperties": false
            },
            "trusted_proxies": {
              "$ref": "#/$defs/addresses",
              "description": "Peers whose X-Forwarded-For or Forwarded field is trusted."
            },
            "limits": {
              "type": "object",
              "description": "Limits on what clients may send.",
              "properties": {
                "target": {
                  "$ref": "#/$defs/some_size",
                  "description": "Longest request target, at least 16. Default: 8KiB."
                },
                "head": {
                  "$ref": "#/$defs/some_size",
                  "description": "Longest request head, at least 256. Default: 32KiB."
                },
                "headers": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 1000,
                  "description": "Most header fields in a request. Default: 100."
                },
                "request_body": {
                  "$ref": "#/$defs/size",
                  "description": "Longest request body; a route may override it. Default: 10MiB."
                },
                "body_rate": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 1000000,
                  "description": "Lowest rate in bytes per second at which a client may send a body.",
                  "default": 100
                },
                "connections": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 1000000,
                  "description": "Most client connections at once. Default: 16384."
                },
                "cache": {"$ref": "#/$defs/size", "description": "Memory for cached responses. Default: 64MiB."},
                "streams": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 10000,
                  "description": "Most concurrent requests on one HTTP/2 connection; 0 disables HTTP/2.",
                  "default": 100
                }
              },
              "additionalProperties": false
            },
            "tls": {
              "type": "object",
              "description": "TLS 1.2 and 1.3 on the listener.",
              "properties": {
                "certificates": {
                  "type": "array",
                  "minItems": 1,
                  "description": "The certificates. The first one is used for names that match no other.",
                  "items": {
                    "type": "object",
                    "description": "A certificate and its key.",
                    "properties": {
                      "certificate": {"type": "string", "description": "Path of the certificate chain, a PEM file."},
                      "key": {"type": "string", "description": "Path of the private key, a PEM file."},
                      "names": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Host names that use it, such as a.example.org or *.example.org."
                      }
                    },
                    "additionalProperties": false,
                    "required": ["certificate", "key"]
                  }
                },
                "only_version_1_3": {"type": "boolean", "description": "Whether to refuse TLS 1.2.", "default": false},
                "older_clients": {
                  "type": "boolean",
                  "description": "Whether to accept TLS 1.2 cipher suites without forward secrecy or AEAD.",
                  "default": false
                },
                "redirect": {
                  "type": "object",
                  "description": "A second listener, for plain HTTP, that redirects to HTTPS. ACME still works.",
                  "properties": {
                    "listen": {
                      "type": "string",
                      "description": "host:port, such as 0.0.0.0:80.",
                      "pattern": "^(http://)?[^/@?# ]+:[0-9]{1,5}/?$"
                    },
                    "port": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 65535,
                      "description": "The port where clients reach HTTPS. Default: the gateway's own port."
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
              "description": "Logs a sample of the requests as JSON lines.",
              "properties": {
                "sample": {"type": "number", "minimum": 0, "maximum": 1, "description": "The fraction to log."}
              },
              "additionalProperties": false,
              "required": ["sample"]
            },
            "overload": {
              "type": "object",
              "description": "Refuses part of the requests with 503 so that the others are answered in time.",
              "properties": {
                "lag": {
                  "$ref": "#/$defs/duration",
                  "description": "Sheds load while an event loop lags by more than this."
                },
                "requests": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 10000000,
                  "description": "Most requests in progress; shedding begins at three quarters."
                }
              },
              "additionalProperties": false,
              "minProperties": 1
            },
            "redis": {
              "type": "object",
              "description": "The Redis that counts shared rate limits.",
              "properties": {
                "url": {
                  "type": "string",
                  "description": "redis://[user:password@]host:port/database",
                  "pattern": "^redis://"
                },
                "timeout": {
                  "$ref": "#/$defs/duration",
                  "description": "How long a request waits for Redis before this process counts alone. Default: 50ms."
                },
                "prefix": {
                  "type": "string",
                  "description": "Prefix of the Redis keys. Default: martlet:limit:",
                  "minLength": 1,
                  "maxLength": 100
                }
              },
              "additionalProperties": false,
              "required": ["url"]
            }
          },
          "additionalProperties": false,
          "$defs": {
            "duration": {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$", "examples": ["500ms", "5s", "2m"]},
            "size": {
              "description": "A size in bytes.",
              "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 4294967295},
                {"type": "string", "pattern": "^[0-9]{1,10}(KiB|MiB|GiB)?$"}
              ],
              "examples": [1024, "64KiB"]
            },
            "some_size": {
              "description": "A size in bytes, at least 1.",
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
                  "description": "An endpoint with a weight.",
                  "properties": {
                    "url": {"$ref": "#/$defs/endpoint_url", "description": "The address."},
                    "weight": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 1000,
                      "description": "Its share of the requests, relative to the other weights.",
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
                  "description": "The addresses of the servers."
                },
                "balance": {
                  "description": "How an endpoint is chosen for a request.",
                  "default": "round_robin",
                  "anyOf": [
                    {"enum": ["round_robin", "least_connections", "peak_ewma"]},
                    {
                      "type": "object",
                      "description": "Sends the same key to the same endpoint.",
                      "properties": {
                        "consistent_hash": {
                          "description": "The key.",
                          "anyOf": [
                            {"const": "client"},
                            {
                              "type": "object",
                              "description": "A part of the request.",
                              "properties": {
                                "header": {"type": "string", "description": "The name of a request field."},
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
                  "description": "Active health checks of each endpoint.",
                  "properties": {
                    "path": {"$ref": "#/$defs/path", "description": "The path to request."},
                    "host": {
                      "type": "string",
                      "description": "The Host field. Default: the upstream's host, or else the endpoint's name."
                    },
                    "headers": {
                      "type": "object",
                      "additionalProperties": {"type": "string"},
                      "description": "Additional request fields."
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
                      "description": "Statuses of a healthy endpoint: 200, or a range such as 200-299.",
                      "default": ["200-399"]
                    },
                    "interval": {
                      "$ref": "#/$defs/duration",
                      "description": "The time between two checks. Default: 5s."
                    },
                    "timeout": {
                      "$ref": "#/$defs/duration",
                      "description": "The longest time to wait for a response. Default: 2s."
                    },
                    "healthy": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 100,
                      "description": "Successes in a row that make an endpoint healthy.",
                      "default": 2
                    },
                    "unhealthy": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 100,
                      "description": "Failures in a row that make an endpoint unhealthy.",
                      "default": 3
                    }
                  },
                  "additionalProperties": false,
                  "required": ["path"]
                },
                "breaker": {
                  "type": "object",
                  "description": "A circuit breaker for each endpoint: takes failing endpoints out of use for a while.",
                  "properties": {
                    "failures": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 1000,
                      "description": "Failures in a row that open the breaker.",
                      "default": 5
                    },
                    "open_for": {
                      "$ref": "#/$defs/duration",
                      "description": "How long it stays open the first time; doubles each time. Default: 5s."
                    },
                    "maximum_open_for": {
                      "$ref": "#/$defs/duration",
                      "description": "The longest time it stays open. Default: 5m."
                    },
                    "maximum_ejected": {
                      "type": "integer",
                      "minimum": 0,
                      "maximum": 100,
                      "description": "Most endpoints out of use at once, in percent.",
                      "default": 50
                    }
                  },
                  "additionalProperties": false
                },
                "maximum_connections": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 100000,
                  "description": "Most connections of one event loop to one endpoint.",
                  "default": 128
                },
                "maximum_waiting": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 1000000,
                  "description": "Most requests of one event loop waiting for a connection.",
                  "default": 1024
                },
                "concurrency": {"$ref": "#/$defs/concurrency"},
                "host": {
                  "type": "string",
                  "description": "The Host field: preserve (the client's), upstream (the endpoint's), or a fixed name.",
                  "default": "preserve",
                  "examples": ["preserve", "upstream", "shop.example.org"]
                },
                "request_body": {
                  "description": "Whether bodies are buffered and sent with a Content-Length.",
                  "default": "streamed",
                  "anyOf": [
                    {"enum": ["streamed", "buffered"]},
                    {
                      "type": "object",
                      "description": "Buffers bodies up to a length.",
                      "properties": {
                        "buffered": {
                          "$ref": "#/$defs/some_size",
                          "description": "The longest body, at most 64MiB; longer chunked bodies get 413. Default: 1MiB."
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
                      "description": "How long a connection may be idle; less than the service allows. Default: 4s."
                    },
                    "maximum_age": {
                      "$ref": "#/$defs/duration",
                      "description": "The longest age of a connection, at least 1s. Default: 5m."
                    }
                  },
                  "additionalProperties": false
                },
                "tls": {
                  "type": "object",
                  "description": "TLS to all endpoints. With https and no tls, the system's authorities are trusted.",
                  "properties": {
                    "ca": {
                      "type": "string",
                      "description": "PEM file of the authorities to trust instead of the system's."
                    },
                    "certificate": {"type": "string", "description": "PEM file of the client certificate."},
                    "key": {"type": "string", "description": "PEM file of its key."},
                    "server_name": {
                      "type": "string",
                      "description": "The name that the upstream's certificate must have."
                    }
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
              "description": "Which requests match, the policies for them, and what answers them.",
              "properties": {
                "name": {"type": "string", "description": "The name in logs and metrics. Default: the path."},
                "path": {
                  "type": "string",
                  "pattern": "^(?!.*/[:<])/[^*?]*$",
                  "description": "Matches exactly this path; {name} matches one segment."
                },
                "prefix": {
                  "type": "string",
                  "pattern": "^(?!.*/[:<])/[^*?{}]*$",
                  "description": "Matches this path and everything below it."
                },
                "hosts": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Host names such as api.example.org or *.example.org; any when empty."
                },
                "methods": {
                  "type": "array",
                  "items": {"type": "string", "pattern": "^[A-Z0-9!#$%&'*+.^_`|~-]+$"},
                  "description": "Methods to match; any when empty."
                },
                "headers": {
                  "type": "object",
                  "additionalProperties": {"type": "string"},
                  "description": "Fields that the request must have, with exactly these values."
                },
                "upstream": {"type": "string", "description": "The upstream that answers."},
                "split": {
                  "type": "array",
                  "minItems": 1,
                  "description": "Several upstreams that share the requests by weight.",
                  "items": {
                    "type": "object",
                    "description": "An upstream and its weight.",
                    "properties": {
                      "upstream": {"type": "string", "description": "The upstream's name."},
                      "weight": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 1000000,
                        "description": "Its share of the requests, relative to the other weights."
                      }
                    },
                    "additionalProperties": false,
                    "required": ["upstream", "weight"]
                  }
                },
                "redirect": {
                  "type": "object",
                  "description": "Redirects the client.",
                  "properties": {
                    "to": {"type": "string", "description": "The target; {path} and {query} are replaced."},
                    "status": {"enum": [301, 302, 303, 307, 308], "default": 308}
                  },
                  "additionalProperties": false,
                  "required": ["to"]
                },
                "respond": {
                  "type": "object",
                  "description": "A fixed response.",
                  "properties": {
                    "status": {
                      "type": "integer",
                      "minimum": 200,
                      "maximum": 599,
                      "description": "The status code.",
                      "default": 200
                    },
                    "content_type": {
                      "type": "string",
                      "description": "The Content-Type field. Default: text/plain; charset=utf-8."
                    },
                    "body": {"type": "string", "description": "The body."}
                  },
                  "additionalProperties": false
                },
                "files": {
                  "type": "object",
                  "description": "The files of a folder.",
                  "properties": {
                    "root": {"type": "string", "description": "The folder."},
                    "index": {"type": "string", "description": "The file served for a folder. Default: index.html."},
                    "fallback": {"type": "string", "description": "The file served for pages that do not exist."},
                    "cache_control": {
                      "type": "string",
                      "description": "Cache-Control for everything but HTML. Default: public, max-age=3600."
                    },
                    "page_cache_control": {
                      "type": "string",
                      "description": "Cache-Control for HTML. Default: no-cache."
                    }
                  },
                  "additionalProperties": false,
                  "required": ["root"]
                },
                "rewrite": {
                  "type": "object",
                  "description": "Changes the path that is sent upstream.",
                  "properties": {
                    "strip_prefix": {"$ref": "#/$defs/path", "description": "Removed from the start of the path."},
                    "add_prefix": {"$ref": "#/$defs/path", "description": "Added to the start of the path."},
                    "redirects": {
                      "type": "boolean",
                      "description": "Whether to map paths in Location, Content-Location and cookies back.",
                      "default": false
                    }
                  },
                  "additionalProperties": false
                },
                "encoded_slashes": {
                  "enum": ["refuse", "keep"],
                  "default": "refuse",
                  "description": "Whether %2F in a path is refused or passed on unchanged to an upstream."
                },
                "body_limit": {"$ref": "#/$defs/size", "description": "Longest request body."},
                "timeouts": {
                  "type": "object",
                  "description": "Timeouts.",
                  "properties": {
                    "connect": {"$ref": "#/$defs/duration", "description": "For a connection to the upstream."},
                    "first_byte": {"$ref": "#/$defs/duration", "description": "For the first byte of the response."},
                    "idle": {"$ref": "#/$defs/duration", "description": "Between two pieces of the response."},
                    "total": {"$ref": "#/$defs/duration", "description": "For the whole response, including retries."},
                    "tunnel": {
                      "$ref": "#/$defs/duration",
                      "description": "For upgraded connections without traffic in either direction. Default: 10m."
                    }
                  },
                  "additionalProperties": false
                },
                "retry": {
                  "type": "object",
                  "description": "Repeats failed requests that are safe to repeat.",
                  "properties": {
                    "attempts": {
                      "type": "integer",
                      "minimum": 0,
                      "maximum": 10,
                      "description": "Most retries after the first attempt.",
                      "default": 1
                    },
                    "statuses": {
                      "type": "array",
                      "items": {"type": "integer", "minimum": 500, "maximum": 599},
                      "description": "Statuses that count as failures.",
                      "default": [502, 503, 504]
                    },
                    "backoff": {
                      "$ref": "#/$defs/duration",
                      "description": "The wait before the first retry; doubles each time. Default: 25ms."
                    },
                    "body_limit": {
                      "$ref": "#/$defs/size",
                      "description": "Longest body of a request that can be retried, at most 1MiB. Default: 64KiB."
                    }
                  },
                  "additionalProperties": false
                },
                "upgrade": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Protocols to which a connection may be upgraded, such as websocket."
                },
                "addresses": {"$ref": "#/$defs/address_rule"},
                "cors": {"$ref": "#/$defs/cors"},
                "authentication": {"$ref": "#/$defs/authentication"},
                "permission": {
                  "type": "string",
                  "description": "The permission that the user needs; requires authentication."
                },
                "rate_limit": {
                  "type": "array",
                  "items": {"$ref": "#/$defs/rate_limit"},
                  "description": "Rate limits; a request must pass all of them."
                },
                "request_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the request's fields."},
                "response_headers": {"$ref": "#/$defs/header_edit", "description": "Changes to the response's fields."},
                "security_headers": {"$ref": "#/$defs/security_headers"},
                "compression": {"$ref": "#/$defs/compression"},
                "cache": {
                  "description": "Caches responses.",
                  "anyOf": [
                    {"type": "boolean"},
                    {
                      "type": "object",
                      "description": "Settings that differ from the defaults.",
                      "properties": {
                        "maximum_age": {
                          "$ref": "#/$defs/duration",
                          "description": "The longest time a response is fresh. Default: 1h."
                        },
                        "default_age": {
                          "$ref": "#/$defs/duration",
                          "description": "How long a response without freshness information is fresh. Default: 0s."
                        },
                        "stale_if_error": {
                          "$ref": "#/$defs/duration",
                          "description": "How much longer it may be served while the upstream fails. Default: 0s."
                        },
                        "maximum_body": {
                          "$ref": "#/$defs/size",
                          "description": "Longest cached response. Default: 1MiB."
                        },
                        "key_headers": {
                          "type": "array",
                          "items": {"type": "string"},
                          "description": "Request fields that are part of the cache key."
                        },
                        "wait": {
                          "$ref": "#/$defs/duration",
                          "description": "How long requests wait for another one that fetches the same response. Default: 5s."
                        }
                      },
                      "additionalProperties": false
                    }
                  ]
                },
                "concurrency": {"$ref": "#/$defs/concurrency"},
                "shed": {
                  "type": "boolean",
                  "description": "Whether its requests may be refused under overload.",
                  "default": true
                },
                "grpc": {
                  "type": "object",
                  "description": "Transcodes JSON requests into gRPC calls.",
                  "properties": {
                    "upstream": {"type": "string", "description": "The upstream, which must speak HTTP/2 without TLS."},
                    "descriptors": {
                      "type": "string",
                      "description": "Path of a FileDescriptorSet, as written by protoc."
                    },
                    "services": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "Full names, such as library.v1.Library."
                    },
                    "unknown_fields": {
                      "enum": ["ignore", "reject"],
                      "default": "ignore",
                      "description": "Whether unknown members of a request are ignored or rejected."
                    },
                    "default_values": {
                      "type": "boolean",
                      "description": "Whether responses include fields that have their default value.",
                      "default": false
                    },
                    "proto_names": {
                      "type": "boolean",
                      "description": "Whether to use the field names of the .proto file.",
                      "default": false
                    },
                    "maximum_message": {
                      "$ref": "#/$defs/some_size",
                      "description": "Longest response message. Default: 4MiB."
                    }
                  },
                  "additionalProperties": false,
                  "required": ["upstream", "descriptors", "services"]
                },
                "aggregate": {
                  "type": "object",
                  "description": "Requests several services in parallel and combines their responses.",
                  "properties": {
                    "parts": {
                      "type": "object",
                      "minProperties": 1,
                      "additionalProperties": {"$ref": "#/$defs/part"},
                      "description": "The members of the response, by name."
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
              "description": "Which client addresses are allowed.",
              "properties": {
                "allow": {"$ref": "#/$defs/addresses", "description": "The only addresses allowed; any when empty."},
                "deny": {"$ref": "#/$defs/addresses", "description": "Addresses that are refused."}
              },
              "additionalProperties": false
            },
            "cors": {
              "type": "object",
              "description": "Cross-origin requests that browsers may send (CORS).",
              "properties": {
                "origins": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Allowed origins, such as https://app.example.org, or *."
                },
                "methods": {"type": "array", "items": {"type": "string"}, "description": "Allowed methods."},
                "headers": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Request fields that pages may set."
                },
                "expose": {
                  "type": "array",
                  "items": {"type": "string"},
                  "description": "Response fields that pages may read."
                },
                "credentials": {
                  "type": "boolean",
                  "description": "Whether requests may carry credentials such as cookies; not with *."
                },
                "max_age": {
                  "$ref": "#/$defs/duration",
                  "description": "How long browsers may cache a preflight response. Default: 10m."
                }
              },
              "additionalProperties": false,
              "required": ["origins"]
            },
            "security_headers": {
              "description": "Response fields that enable browser protections.",
              "anyOf": [
                {"type": "boolean"},
                {
                  "type": "object",
                  "description": "Settings that differ from the defaults.",
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
              "description": "Compresses responses.",
              "anyOf": [
                {"type": "boolean"},
                {
                  "type": "object",
                  "description": "Settings that differ from the defaults.",
                  "properties": {
                    "types": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "Media types to compress, such as text/* or *+json."
                    },
                    "minimum": {"$ref": "#/$defs/size", "description": "Shortest response to compress. Default: 1KiB."},
                    "level": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 9,
                      "description": "From 1, the fastest, to 9, the smallest.",
                      "default": 5
                    }
                  },
                  "additionalProperties": false
                }
              ]
            },
            "authentication": {
              "type": "object",
              "description": "How clients authenticate; one method is enough.",
              "properties": {
                "jwt": {
                  "type": "object",
                  "description": "Bearer tokens (JWT).",
                  "properties": {
                    "issuer": {"type": "string", "description": "The required iss claim."},
                    "audience": {"type": "string", "description": "The required aud claim, or one of several."},
                    "keys": {
                      "type": "array",
                      "items": {"$ref": "#/$defs/token_key"},
                      "description": "Keys in this file."
                    },
                    "jwks": {"type": "string", "description": "URL of the issuer's key set.", "pattern": "^https?://"},
                    "leeway": {"$ref": "#/$defs/duration", "description": "The clock skew to tolerate, at most 10m."}
                  },
                  "additionalProperties": false,
                  "anyOf": [{"required": ["keys"]}, {"required": ["jwks"]}]
                },
                "websocket": {
                  "type": "object",
                  "description": "Where a WebSocket request may carry its token, as browsers cannot set Authorization.",
                  "properties": {
                    "protocol": {
                      "type": "string",
                      "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$",
                      "description": "NAME in a subprotocol NAME.TOKEN, which is not passed upstream."
                    },
                    "cookie": {
                      "type": "string",
                      "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$",
                      "description": "Name of the cookie; requires origins."
                    },
                    "origins": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "Origins that may use the cookie, such as https://app.example.org."
                    }
                  },
                  "additionalProperties": false,
                  "anyOf": [{"required": ["protocol"]}, {"required": ["cookie", "origins"]}],
                  "dependentRequired": {"cookie": ["origins"]}
                },
                "api_keys": {
                  "type": "object",
                  "description": "API keys that programs send in a field.",
                  "properties": {
                    "header": {"type": "string", "description": "Name of the field.", "default": "X-API-Key"},
                    "keys": {
                      "type": "array",
                      "description": "The keys.",
                      "items": {
                        "type": "object",
                        "description": "An API key.",
                        "properties": {
                          "name": {"type": "string", "description": "The owner's name in logs and for upstreams."},
                          "sha256": {
                            "type": "string",
                            "description": "SHA-256 of the key, in hexadecimal.",
                            "pattern": "^[0-9A-Fa-f]{64}$",
                            "writeOnly": true
                          },
                          "permissions": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "Permissions of the owner."
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
                  "description": "Whether requests without credentials are accepted as anonymous.",
                  "default": false
                }
              },
              "additionalProperties": false,
              "anyOf": [{"required": ["jwt"]}, {"required": ["api_keys"]}]
            },
            "token_key": {
              "type": "object",
              "description": "A key and the only algorithm it is used with.",
              "properties": {
                "algorithm": {"enum": ["HS256", "RS256", "ES256", "EdDSA"]},
                "kid": {"type": "string", "description": "The kid of the tokens it verifies."},
                "secret": {
                  "type": "string",
                  "description": "For HS256: at least 32 bytes.",
                  "minLength": 32,
                  "writeOnly": true
                },
                "public_key": {"type": "string", "description": "For the other algorithms: a PEM public key."}
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
                  "description": "What has its own bucket."
                },
                "header": {
                  "type": "string",
                  "description": "A request field whose values have their own buckets, instead of by."
                },
                "requests": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 1000000000,
                  "description": "The size of the bucket: how many requests may come at once."
                },
                "per": {"$ref": "#/$defs/duration", "description": "The time in which an empty bucket refills."},
                "shared": {
                  "type": "boolean",
                  "description": "Whether to count together with other gateways, through redis.",
                  "default": false
                }
              },
              "additionalProperties": false,
              "required": ["requests", "per"],
              "not": {"required": ["by", "header"]}
            },
            "header_edit": {
              "type": "object",
              "description": "Changes to header fields.",
              "properties": {
                "set": {
                  "type": "object",
                  "additionalProperties": {"type": "string"},
                  "description": "Replaces all fields of that name."
                },
                "add": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Adds a field."},
                "remove": {"type": "array", "items": {"type": "string"}, "description": "Removes fields by name."}
              },
              "additionalProperties": false
            },
            "concurrency": {
              "type": "object",
              "description": "Most requests in progress at once.",
              "properties": {
                "limit": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 1000000,
                  "description": "The number of requests."
                },
                "queue": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 100000,
                  "description": "How many more requests may wait.",
                  "default": 0
                },
                "wait": {"$ref": "#/$defs/duration", "description": "How long a request may wait. Default: 1s."}
              },
              "additionalProperties": false,
              "required": ["limit"]
            },
            "registry_tls": {
              "type": "object",
              "description": "TLS to the registry.",
              "properties": {
                "ca": {"type": "string", "description": "PEM file of the trusted authorities."},
                "certificate": {"type": "string", "description": "PEM file of the gateway's own certificate."},
                "key": {"type": "string", "description": "PEM file of its key."}
              },
              "additionalProperties": false,
              "dependentRequired": {"certificate": ["key"], "key": ["certificate"]}
            },
            "discovery": {
              "type": "object",
              "description": "Where to look up the endpoints.",
              "properties": {
                "dns": {
                  "type": "object",
                  "description": "DNS records.",
                  "properties": {
                    "name": {"type": "string", "description": "The name to look up."},
                    "port": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 65535,
                      "description": "The port for A and AAAA records."
                    },
                    "type": {"enum": ["a", "aaaa", "srv"], "default": "a", "description": "The record type."},
                    "server": {
                      "$ref": "#/$defs/name_server",
                      "description": "An IPv4 name server and its port. Default: the system's."
                    },
                    "minimum_ttl": {
                      "$ref": "#/$defs/duration",
                      "description": "The shortest time between two lookups."
                    },
                    "maximum_ttl": {"$ref": "#/$defs/duration", "description": "The longest time between two lookups."}
                  },
                  "additionalProperties": false,
                  "required": ["name"]
                },
                "etcd": {
                  "type": "object",
                  "description": "etcd, through its JSON gateway.",
                  "properties": {
                    "endpoints": {
                      "type": "array",
                      "items": {"type": "string"},
                      "description": "http://host:port or https://host:port",
                      "minItems": 1
                    },
                    "prefix": {"type": "string", "description": "The prefix of the keys."},
                    "service": {"type": "string", "description": "The name of a Martlet service, instead of prefix."},
                    "user": {"type": "string", "description": "The user name."},
                    "password": {"type": "string", "description": "The password.", "writeOnly": true},
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
                    "address": {"type": "string", "description": "http://host:port or https://host:port"},
                    "service": {"type": "string", "description": "The name of the service."},
                    "tag": {"type": "string", "description": "A tag that instances must have."},
                    "datacenter": {"type": "string", "description": "The datacenter."},
                    "token": {"type": "string", "description": "The ACL token.", "writeOnly": true},
                    "tls": {"$ref": "#/$defs/registry_tls"}
                  },
                  "additionalProperties": false,
                  "required": ["address", "service"]
                },
                "allow": {"$ref": "#/$defs/addresses", "description": "Networks in which endpoints may be."},
                "hold_empty": {
                  "$ref": "#/$defs/duration",
                  "description": "How long the last endpoints stay in use after the source reports none. Default: 30s."
                }
              },
              "additionalProperties": false,
              "oneOf": [{"required": ["dns"]}, {"required": ["etcd"]}, {"required": ["consul"]}]
            },
            "part": {
              "type": "object",
              "description": "One part of the response.",
              "properties": {
                "upstream": {"type": "string", "description": "The upstream to request."},
                "path": {
                  "$ref": "#/$defs/path",
                  "description": "The path to request; {name} is replaced with the route's parameter."
                },
                "timeout": {"$ref": "#/$defs/duration", "description": "The longest time to wait for it. Default: 2s."},
                "required": {
                  "type": "boolean",
                  "description": "Whether the whole request fails without it.",
                  "default": false
                },
                "maximum_body": {"$ref": "#/$defs/some_size", "description": "Longest response. Default: 1MiB."}
              },
              "additionalProperties": false,
              "required": ["upstream", "path"]
            }
          }
        }
        """#
}
