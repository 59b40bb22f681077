-- wrk asks for a token as the native API wants it.
wrk.method = "POST"
wrk.path = "/demo/v1/token"
wrk.body = '{"kind": "rtc", "channel": "demo-room", "uid": 7}'
wrk.headers["Content-Type"] = "application/json"
